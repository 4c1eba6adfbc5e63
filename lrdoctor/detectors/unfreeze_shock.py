"""A loss that rises where a part of the model is unfrozen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.changepoint import Shift
from lrdoctor.detectors._context import (
    is_reinforcement_learning,
    largest_lr,
    length_text,
    loss_of,
    steps_per_epoch,
)
from lrdoctor.detectors._loss_shift import (
    course_of,
    longest_rise,
    significant,
    validation_shift,
)
from lrdoctor.detectors._unfreezing import Place, find_places, training_groups
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

_LAG = 2
# A second series that rises at the same place need only agree, at 1 chance in 700.
_AGREES = 3.0
# Without known epochs a bump may take this share of the run.
_SHORT = 0.03


@dataclass(frozen=True, slots=True)
class UnfreezeShock:
    """Compares the loss on either side of each unfreezing with its unrest before.

    A rise that is back within an epoch is what unfreezing does, a note; one that lasts says that
    the newly freed weights were moved too fast.
    """

    name: ClassVar[str] = "unfreeze_shock"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"loss_before", "loss_after", "loss_ratio", "rise_sigma", "recovered_after"}
        | {"lr_group", "lr_before", "val_sigma"}
    )

    rise_sigma: float
    rise_ratio: float
    rank: float
    recovery_epochs: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per unfreezing at which the loss rises."""
        places = [p for p in find_places(case) if p.configured or p.joined is not None]
        if not places or is_reinforcement_learning(case):
            return
        loss = loss_of(case)
        if loss is None:
            yield Unjudged("the log has no loss")
            return
        for place in places:
            shift = self._shift(loss, place, len(places))
            if shift is not None:
                yield self._evidence(case, loss, place, shift)

    def _shift(self, loss: Series, place: Place, places: int) -> Shift | None:
        at = int(np.searchsorted(loss.step, place.step))

        def counts(shift: Shift) -> bool:
            return significant(shift, self.rise_sigma, self.rise_ratio, self.rank, places)

        return longest_rise(loss, at, _LAG, counts)

    def _evidence(self, case: Case, loss: Series, place: Place, shift: Shift) -> Evidence:
        course = course_of(case, loss, shift)
        start, stop, back, measured = course.start, course.stop, course.back, course.measured
        group = place.joined
        if group is not None:
            measured["lr_group"] = Quantity(largest_lr(group, place.step), "")
        before = max((largest_lr(g, -np.inf, place.step) for g in training_groups(case)), default=0)
        if before > 0:
            measured["lr_before"] = Quantity(before, "")
        also = validation_shift(case, loss, start)
        agrees = also is not None and also.sigmas >= _AGREES
        if also is not None and agrees:
            measured["val_sigma"] = Quantity(also.sigmas, "sigma")
        soon = back is not None and stop - start - 1 <= self._short(case)
        return Evidence(
            start=start,
            stop=stop,
            tags=(loss.tag, *((group.lr.tag,) if group is not None else ())),
            measured=measured,
            param_group=None if group is None else group.name,
            detail=_detail(case, measured, stop - start if back is not None else None),
            revision="the same unfreezing with a warm-up of the freed group that rises as much",
            severity=_weight(soon, agrees),
        )

    def _short(self, case: Case) -> float:
        epoch = steps_per_epoch(case)
        return self.recovery_epochs * epoch if epoch else _SHORT * (case.last - case.first)


def _weight(soon: bool, in_validation: bool) -> Severity | None:
    if soon:
        return Severity.INFO
    return Severity.ERROR if in_validation else None


def _detail(case: Case, measured: dict[str, Quantity], back: int | None) -> str:
    course = (
        "it does not come back to its old level in this log"
        if back is None
        else f"it is back at its old level after {length_text(case, back)}"
    )
    own, top = measured.get("lr_group"), measured.get("lr_before")
    if own is None or top is None:
        return course
    return (
        f"{course}; the group that joins trains at up to {number_text(own.value)}, the others had "
        f"{number_text(top.value)}"
    )
