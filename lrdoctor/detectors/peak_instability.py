"""A loss that rises as the LR comes to its peak, and falls again only when the LR does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import is_reinforcement_learning, main_group, x_units
from lrdoctor.detectors._loss_events import Rise, find_rises, outline, training_loss
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ParamGroup, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement

# The LR counts as at its peak within this share of it.
_AT_PEAK = 0.9
# The last groups of the log whose level is the result of the run.
_END = 20


@dataclass(frozen=True, slots=True)
class PeakInstability:
    """Looks for a rise of the loss under an LR that rises, and that ends under one that falls.

    That the loss rises at the peak of a cycle is common and a note. It is a fault where all the
    progress so far is lost, or where the run ends no better than it stood before the rise.
    """

    name: ClassVar[str] = "peak_instability"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR, Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"loss_before", "top", "lr_at_rise", "peak", "given_back", "final_level", "rise_sigma"}
        | {"recovered_after", "lost_share"}
    )

    lr_rise: float
    near_peak: float
    rise_ratio: float
    given_back: float
    final_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the first such rise."""
        series, group = training_loss(case), main_group(case)
        if series is None:
            return
        rises = [r for r in find_rises(series) if r.back is not None]
        if not rises or group is None or is_reinforcement_learning(case):
            return
        lr, points = group.lr.finite(), series.finite()
        peak = float(lr.value.max())
        if not peak > 0 or float(lr.value[0]) > peak / self.lr_rise:
            return
        high = np.flatnonzero(lr.value >= _AT_PEAK * peak)
        first_high, last_high = float(lr.step[high[0]]), float(lr.step[high[-1]])
        for rise in rises:
            start, back = float(points.step[rise.start]), float(points.step[rise.back or 0])
            rate = float(np.interp(start, lr.step, lr.value))
            rising = (
                start <= last_high and rate >= self.near_peak * peak and start >= first_high / 4
            )
            after = float(np.interp(back, lr.step, lr.value))
            fallen = back >= last_high and after < _AT_PEAK * peak
            high_enough = rise.top - rise.before >= self.rise_ratio * abs(rise.before)
            if rising and fallen and high_enough:
                yield self._evidence(case, points, group, rise, (rate, peak))
                return

    def _evidence(
        self, case: Case, points: Series, group: ParamGroup, rise: Rise, rates: tuple[float, float]
    ) -> Evidence:
        start, back = int(points.step[rise.start]), int(points.step[rise.back or 0])
        sketch = outline(points)
        first = sketch.first() if sketch else float(points.value[0])
        tail = sketch.level[-max(3, len(sketch.level) // _END) :] if sketch else points.value[-3:]
        final = float(np.median(tail))
        length = float(points.step[-1] - points.step[0])
        measured = {
            "loss_before": Quantity(rise.before, ""),
            "top": Quantity(rise.top, ""),
            "rise_sigma": Quantity(rise.sigmas, "sigma"),
            "lr_at_rise": Quantity(rates[0], ""),
            "peak": Quantity(rates[1], ""),
            "final_level": Quantity(final, ""),
            "recovered_after": Quantity(float(back - start), x_units(case)),
            "lost_share": Quantity(100 * (back - start) / length, "%"),
        }
        lost = (rise.top - rise.before) / (first - rise.before) if first > rise.before else np.inf
        if np.isfinite(lost):
            measured["given_back"] = Quantity(100 * float(lost), "%")
        harmed = lost >= self.given_back or final >= self.final_ratio * rise.before
        return Evidence(
            start=start,
            stop=back + 1,
            tags=(points.tag, group.lr.tag),
            measured=measured,
            param_group=group.name,
            detail=_detail(rise, float(lost), self.given_back, final),
            revision="a run with a lower peak or a longer warm-up that ends no better",
            severity=None if harmed else Severity.INFO,
        )


def _detail(rise: Rise, lost: float, limit: float, final: float) -> str:
    if lost >= limit:
        return "all that had been learned by then is lost"
    if final >= rise.before:
        return f"the run ends at {number_text(final)}, no better than before the rise"
    return f"the run ends at {number_text(final)}, which is what such a cycle is for"
