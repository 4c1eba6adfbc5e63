"""A loss that rises where the LR drops: the sign of something else that happened there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from lrdoctor.curves.changepoint import Shift
from lrdoctor.curves.lr_moves import find_drops
from lrdoctor.detectors._context import (
    governing_groups,
    is_reinforcement_learning,
    length_text,
    loss_of,
    typical_gap,
)
from lrdoctor.detectors._loss_shift import (
    course_of,
    longest_rise,
    significant,
    validation_shift,
)
from lrdoctor.detectors._unfreezing import find_places
from lrdoctor.types import Case, ParamGroup, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged


@dataclass(frozen=True, slots=True)
class LossJump:
    """Compares the loss on either side of each LR drop with its unrest before the drop.

    A drop by itself makes the loss fall, so a significant rise points at a coupled event. What is
    back at its old level soon, or rests on a single point, is a note at most.
    """

    name: ClassVar[str] = "loss_jump"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"loss_before", "loss_after", "loss_ratio", "rise_sigma", "lr_before", "lr_after"}
        | {"lr_ratio", "recovered_after", "val_sigma"}
    )

    lr_drop: float
    rise_sigma: float
    rise_ratio: float
    rank: float
    recovery_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per drop at which the loss rises."""
        loss = loss_of(case)
        if loss is None:
            yield Unjudged("the log has no loss")
            return
        if is_reinforcement_learning(case):
            return
        drops = _drops(case, self.lr_drop)
        for index, (group, before, after) in enumerate(drops):
            start = drops[index - 1][2] if index else -np.inf
            shift = self._shift(loss, before, after, float(start), len(drops))
            if shift is not None:
                yield self._evidence(case, loss, group, (before, after), shift, len(drops))

    def _shift(
        self, loss: Series, before: int, after: int, start: float, drops: int
    ) -> Shift | None:
        at = int(np.searchsorted(loss.step, after))
        # The LR may be logged before or after it is set, and the loss averaged over its interval.
        early = int(np.searchsorted(loss.step, before, side="right"))
        lag = int(np.clip(at - early, 1, 3))
        first = int(np.searchsorted(loss.step, start)) + lag
        return longest_rise(loss, at, lag, lambda s: self._significant(s, drops), min(first, at))

    def _significant(self, shift: Shift, drops: int) -> bool:
        return significant(shift, self.rise_sigma, self.rise_ratio, self.rank, drops)

    def _evidence(
        self,
        case: Case,
        loss: Series,
        group: ParamGroup,
        between: tuple[int, int],
        shift: Shift,
        drops: int,
    ) -> Evidence:
        lr = group.lr.finite()
        old, new = (float(lr.value[np.searchsorted(lr.step, s)]) for s in between)
        course = course_of(case, loss, shift)
        start, stop, back = course.start, course.stop, course.back
        measured = {
            **course.measured,
            "lr_before": Quantity(old, ""),
            "lr_after": Quantity(new, ""),
            "lr_ratio": Quantity(new / old, ""),
        }
        also = validation_shift(case, loss, start)
        if also is not None and not self._significant(replace(also, rank=1.0), drops):
            also = None
        if also is not None:
            measured["val_sigma"] = Quantity(also.sigmas, "sigma")
        long = stop - start > self.recovery_share * (case.last - case.first)
        lasting = back is None or (long and (back > 1 or also is not None))
        return Evidence(
            start=start,
            stop=stop,
            tags=(loss.tag, group.lr.tag),
            measured=measured,
            param_group=group.name,
            detail=_detail(case, group, start, back is None, stop - start, also is not None),
            revision="a log of the same training without the change that came with the drop",
            severity=_weight(lasting, also is not None),
        )


def _drops(case: Case, ratio: float) -> list[tuple[ParamGroup, int, int]]:
    """Drops of the first governing group that has any: the steps before and after each."""
    for group in governing_groups(case):
        lr = group.lr.finite()
        found = find_drops(lr.value, ratio)
        if len(found):
            return [(group, int(lr.step[i - 1]), int(lr.step[i])) for i in found]
    return []


def _weight(lasting: bool, in_validation: bool) -> Severity | None:
    """A recovered spike is a note; the same lasting rise in both losses is two symptoms."""
    if not lasting:
        return Severity.INFO
    return Severity.ERROR if in_validation else None


def _detail(
    case: Case, group: ParamGroup, start: int, stays: bool, length: int, in_validation: bool
) -> str:
    course = (
        "it does not come back to its old level"
        if stays
        else f"it is back at its old level after {length_text(case, length)}"
    )
    where = "training and validation loss rise together" if in_validation else course
    text = where if not in_validation else f"{where}, and {course}"
    event = _event(case, group, start, stays)
    return f"{text}; an LR drop alone lets the loss fall, so look for {event}"


def _event(case: Case, group: ParamGroup, start: int, stays: bool) -> str:
    """What to look for first, by what the log knows about this place."""
    reach = max(2 * typical_gap(group.lr), 1.0)
    if any(abs(r.step - start) <= reach for r in case.run.restarts):
        return "what the resume did not restore: training was resumed from a checkpoint here"
    unfreezings = (p.step for p in find_places(case) if p.configured or p.joined)
    if any(abs(step - start) <= reach for step in unfreezings):
        return "the layers that are unfrozen here"
    if stays:
        return (
            "an older checkpoint loaded at the drop, BatchNorm frozen on stale statistics, or a "
            "changed loss, batch size or augmentation"
        )
    return (
        "optimizer state lost or rescaled at the drop (moments zeroed, a new optimizer), an older "
        "checkpoint loaded, or a changed batch size or augmentation"
    )
