"""A loss spike that is over within a few points: the harmless kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import is_reinforcement_learning, length_text, x_units
from lrdoctor.detectors._loss_events import find_bursts, find_rises, training_loss
from lrdoctor.types import Case, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

# What large trainings came back from unharmed, in optimizer steps.
_OPTIMIZER_STEPS = 200


@dataclass(frozen=True, slots=True)
class BriefSpike:
    """Rises that are back within ``brief_share`` of the run, and bursts of single points.

    A note that explains what other series show at the same place, and never an alarm.
    """

    name: ClassVar[str] = "brief_spike"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"loss_before", "top", "recovered_after", "points"}
    )

    rise_ratio: float
    brief_share: float
    burst_ratio: float
    most: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One note per spike; none where there are so many that they are the noise of the log."""
        series = training_loss(case)
        if series is None:
            return
        spikes = [(r.start, r.back, r.before, r.top) for r in find_rises(series) if r.back]
        bursts = find_bursts(series, self.burst_ratio)
        spikes += [b for b in bursts if not any(s[0] <= b[1] and b[0] <= s[1] for s in spikes)]
        if not spikes or len(spikes) > self.most or is_reinforcement_learning(case):
            return
        points = series.finite()
        length = float(points.step[-1] - points.step[0])
        for start, back, before, top in sorted(spikes):
            first, last = int(points.step[start]), int(points.step[back])
            if top - before < self.rise_ratio * abs(before):
                continue
            if last - first > self.brief_share * length:
                continue
            measured = {
                "loss_before": Quantity(before, ""),
                "top": Quantity(top, ""),
                "recovered_after": Quantity(float(last - first), x_units(case)),
                "points": Quantity(float(back - start), ""),
            }
            yield Evidence(
                start=first,
                stop=last + 1,
                tags=(points.tag,),
                measured=measured,
                detail=f"it is back at its old level {length_text(case, last - first)} later",
                revision="spikes that come more often or take longer to recover",
            )
