"""A loss that rises where a part of the model is unfrozen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.changepoint import Shift, level_shift, recovery
from lrdoctor.detectors._context import (
    is_reinforcement_learning,
    largest_lr,
    length_text,
    loss_of,
    steps_per_epoch,
    x_units,
)
from lrdoctor.detectors._unfreezing import Place, find_places, training_groups
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# Points that make the levels before and after: few show short bumps, many a step in noisy losses.
_WINDOWS = ((5, 2), (20, 10), (80, 40))
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
        """The longest significant rise at this place: its length tells a step from a bump."""
        at = int(np.searchsorted(loss.step, place.step))
        found = [
            level_shift(loss.value, at, before=wide, after=width, lag=_LAG)
            for wide, width in _WINDOWS
        ]
        needed = float(np.sqrt(self.rise_sigma**2 + 2 * np.log(places)))
        rises = [s for s in found if s is not None and self._significant(s, needed)]
        return max(rises, key=lambda s: s.width, default=None)

    def _significant(self, shift: Shift, needed: float) -> bool:
        if shift.sigmas < needed or shift.rank < self.rank:
            return False
        return shift.rise >= (self.rise_ratio - 1) * abs(shift.before)

    def _evidence(self, case: Case, loss: Series, place: Place, shift: Shift) -> Evidence:
        level = shift.before + shift.error
        back = recovery(loss.value, shift.index, level, points=max(shift.width, 2))
        start = int(loss.step[shift.index])
        stop = int(loss.step[-1] if back is None else loss.step[shift.index + back]) + 1
        measured = {
            "loss_before": Quantity(shift.before, ""),
            "loss_after": Quantity(shift.after, ""),
            "rise_sigma": Quantity(shift.sigmas, "sigma"),
        }
        if shift.before > 0:
            measured["loss_ratio"] = Quantity(shift.after / shift.before, "")
        if back is not None:
            measured["recovered_after"] = Quantity(float(stop - start), x_units(case))
        group = place.joined
        if group is not None:
            measured["lr_group"] = Quantity(largest_lr(group, place.step), "")
        before = max((largest_lr(g, -np.inf, place.step) for g in training_groups(case)), default=0)
        if before > 0:
            measured["lr_before"] = Quantity(before, "")
        also = self._in_validation(case, loss, start)
        if also is not None:
            measured["val_sigma"] = Quantity(also, "sigma")
        soon = back is not None and stop - start - 1 <= self._short(case)
        return Evidence(
            start=start,
            stop=stop,
            tags=(loss.tag, *((group.lr.tag,) if group is not None else ())),
            measured=measured,
            param_group=None if group is None else group.name,
            detail=_detail(case, measured, stop - start if back is not None else None),
            revision="the same unfreezing with a warm-up of the freed group that rises as much",
            severity=_weight(soon, also is not None),
        )

    def _short(self, case: Case) -> float:
        epoch = steps_per_epoch(case)
        return self.recovery_epochs * epoch if epoch else _SHORT * (case.last - case.first)

    def _in_validation(self, case: Case, loss: Series, start: int) -> float | None:
        """How clearly the validation loss rises too, where it is another series."""
        if not case.has(Role.VAL_LOSS) or case.signals[Role.VAL_LOSS].tag == loss.tag:
            return None
        points = case.signals[Role.VAL_LOSS].finite()
        at = int(np.searchsorted(points.step, start))
        shift = level_shift(points.value, at, before=5, after=2, lag=1)
        if shift is None or shift.sigmas < _AGREES:
            return None
        return shift.sigmas


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
