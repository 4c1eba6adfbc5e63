"""A loss that steps up at one place and stays there to the end of the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import is_reinforcement_learning
from lrdoctor.detectors._loss_events import (
    Rise,
    coupled_event,
    find_rises,
    in_validation,
    setback,
    training_loss,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement


@dataclass(frozen=True, slots=True)
class LastingRise:
    """The rises that are not back when the log ends, if it goes on long enough to say so.

    How far the step throws the training back is measured in steps: the new level is one that the
    loss had left behind long before.
    """

    name: ClassVar[str] = "lasting_rise"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"loss_before", "loss_after", "rise_sigma", "setback", "val_ratio"}
    )

    rise_ratio: float
    stay_share: float
    setback_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: nothing comes after a rise that stays."""
        series = training_loss(case)
        if series is None:
            return
        rises = [r for r in find_rises(series) if r.back is None]
        if not rises or is_reinforcement_learning(case):
            return
        rise, points = rises[-1], series.finite()
        start, last = int(points.step[rise.start]), int(points.step[-1])
        if rise.after - rise.before < self.rise_ratio * abs(rise.before):
            return
        if last - start < self.stay_share * (last - int(points.step[0])):
            return
        thrown = setback(series, rise)
        if thrown < self.setback_share * (last - int(points.step[0])):
            return
        if coupled_event(case, start, last) is None:
            yield self._evidence(case, points, rise, thrown)

    def _evidence(self, case: Case, points: Series, rise: Rise, thrown: float) -> Evidence:
        start = int(points.step[rise.start])
        measured = {
            "loss_before": Quantity(rise.before, ""),
            "loss_after": Quantity(rise.after, ""),
            "rise_sigma": Quantity(rise.sigmas, "sigma"),
            "setback": Quantity(100 * thrown / (case.last - case.first), "%"),
        }
        ratio = in_validation(case, start)
        if ratio is not None:
            measured["val_ratio"] = Quantity(ratio, "")
        also = ratio is not None and ratio >= 1 + self.rise_ratio
        if also:
            text = f"the validation loss rises with it, to {number_text(ratio or 0)} times its best"
        elif ratio is not None and ratio < 1:
            text = "the validation loss goes on falling, so look for a training loss computed anew"
        else:
            text = "no resume, LR change or unfreezing in the log explains it"
        return Evidence(
            start=start,
            stop=int(points.step[-1]) + 1,
            tags=(points.tag,),
            measured=measured,
            detail=text,
            revision="a longer log in which the loss comes back to its old level",
            severity=_weight(also, ratio),
        )


def _weight(also: bool, ratio: float | None) -> Severity | None:
    """Both losses are two symptoms; a validation that improves clears the training of harm."""
    if also:
        return Severity.ERROR
    return Severity.INFO if ratio is not None and ratio < 1 else None
