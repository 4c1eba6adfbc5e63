"""A loss spike that takes a good part of the run to come back from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import (
    is_reinforcement_learning,
    length_known,
    length_text,
    main_group,
    percent,
    planned_length,
    x_units,
)
from lrdoctor.detectors._loss_events import Rise, coupled_event, find_rises, training_loss
from lrdoctor.types import Case, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement

# A spike that outlasts a fall of the LR to this share may owe its end to it.
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class SlowSpike:
    """Rises that are back within the log, but only after ``slow_share`` of it.

    What came back sooner is left to the rule on recovered spikes. A spike that cost less than
    ``costly_share`` of the run is a note: it is over. So is one of a run of unknown length that
    still trains.
    """

    name: ClassVar[str] = "slow_spike"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"loss_before", "top", "rise_sigma", "recovered_after", "lost_share", "lr_left"}
    )

    rise_ratio: float
    slow_share: float
    slow_points: float
    costly_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per spike that is not explained by something else in the log."""
        series = training_loss(case)
        if series is None:
            return
        rises = [r for r in find_rises(series) if r.back is not None]
        if not rises or is_reinforcement_learning(case):
            return
        points = series.finite()
        length = float(points.step[-1] - points.step[0])
        for rise in rises:
            start, back = int(points.step[rise.start]), int(points.step[rise.back or 0])
            slow = back - start >= self.slow_share * length
            long = (rise.back or 0) - rise.start >= self.slow_points
            high = rise.top - rise.before >= self.rise_ratio * abs(rise.before)
            if slow and long and high and coupled_event(case, start, back) is None:
                whole = max(planned_length(case) or 0.0, length)
                yield self._evidence(case, points, rise, (back - start) / whole)

    def _evidence(self, case: Case, points: Series, rise: Rise, share: float) -> Evidence:
        start, back = int(points.step[rise.start]), int(points.step[rise.back or 0])
        measured = {
            "loss_before": Quantity(rise.before, ""),
            "top": Quantity(rise.top, ""),
            "rise_sigma": Quantity(rise.sigmas, "sigma"),
            "recovered_after": Quantity(float(back - start), x_units(case)),
            "lost_share": Quantity(100 * share, "%"),
        }
        left = _lr_left(case, start, back)
        if left is None:
            text = "no resume, LR change or unfreezing in the log explains it"
        else:
            measured["lr_left"] = Quantity(100 * left, "%")
            text = (
                f"it is back only when the LR has fallen to {percent(100 * left)} of what it was "
                "at the rise: unless bad data caused it, that LR was too high"
            )
        return Evidence(
            start=start,
            stop=back + 1,
            tags=(points.tag,),
            measured=measured,
            detail=f"{length_text(case, back - start)} of training only made up for it, and {text}",
            revision="a change of data, augmentation or loss made on purpose at this place",
            severity=None if share >= self.costly_share and length_known(case) else Severity.INFO,
        )


def _lr_left(case: Case, start: float, back: float) -> float | None:
    """The LR at ``back`` over that at ``start`` if it fell to half or less; None otherwise."""
    group = main_group(case)
    if group is None:
        return None
    lr = group.lr.finite()
    before, after = np.interp([start, back], lr.step, lr.value)
    return float(after / before) if 0 < after <= _HALF * before else None
