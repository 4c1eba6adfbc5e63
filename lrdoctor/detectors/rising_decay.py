"""A decay that rises: its lowest LR lies above the one that the param group starts at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import length_known, percent, planned_length, real
from lrdoctor.detectors._warmup import planned_warmups
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, Confidence, ParamGroup, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

# Schedules that only ever fall.
_FALLING = frozenset({"cosine", "linear", "polynomial", "exponential", "reduce_on_plateau"})
# Two LRs are one floor when they differ by less than this share.
_SAME = 0.02


@dataclass(frozen=True, slots=True)
class RisingDecay:
    """A rise that lasts as long as the decay, to the floor of the decay.

    The floor is known from another param group that falls to it, or from the configuration. A
    warm-up rises, too, but falls again, and its end is no floor: while a run of unknown length
    still trains, only the configuration tells them apart.
    """

    name: ClassVar[str] = "rising_decay"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"first_lr", "last_lr", "floor", "rise", "share", "configured"}
    )

    rise: float
    length_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per param group that rises to the floor."""
        for group in case.param_groups:
            lr = group.lr.finite()
            if len(lr) < 4 or not lr.value[0] > 0 or not _rises(lr.value):
                continue
            if lr.value[-1] < self.rise * lr.value[0]:
                continue
            length = max(planned_length(case) or 0.0, float(lr.step[-1] - lr.step[0]))
            share = float(lr.step[-1] - lr.step[0]) / length if length > 0 else 0.0
            if share < self.length_share or planned_warmups(case):
                continue
            floor, why = self._floor(case, group)
            if floor is not None:
                yield self._evidence(case, group, floor, why, share)

    def _floor(self, case: Case, group: ParamGroup) -> tuple[float | None, str]:
        """The LR that the group rises to, and how it is known to be a floor."""
        value = group.lr.finite().value
        last = float(value[-1])
        # Beside a group that rises, one that falls may look like the biases of a warm-up.
        for other in case.param_groups if length_known(case) and _comes_to_rest(value) else ():
            seen = other.lr.finite().value
            if len(seen) < 2:
                continue
            falls = seen[0] > self.rise * seen[-1] and bool(np.all(np.diff(seen) <= 0))
            if other is not group and falls and abs(float(seen[-1]) / last - 1) <= _SAME:
                return last, f"param group {other.name} falls to the same LR"
        if case.intent.scheduler not in _FALLING:
            return None, ""
        for name in ("eta_min", "min_lr", "end_lr"):
            least = real(case.intent.arguments.get(name))
            if least is None or not least > value[0] or last > least * (1 + _SAME):
                continue
            return least, f"{name} is configured as {number_text(least)}"
        return None, ""

    def _evidence(
        self, case: Case, group: ParamGroup, floor: float, why: str, share: float
    ) -> Evidence:
        lr = group.lr.finite()
        first, last = float(lr.value[0]), float(lr.value[-1])
        return Evidence(
            start=int(lr.step[0]),
            stop=int(lr.step[-1]) + 1,
            tags=(group.lr.tag,),
            measured={
                "first_lr": Quantity(first, ""),
                "last_lr": Quantity(last, ""),
                "floor": Quantity(floor, ""),
                "rise": Quantity(last / first, ""),
                "share": Quantity(100 * share, "%"),
            },
            param_group=group.name,
            detail=(
                f"the lowest LR of the schedule, {number_text(floor)}, lies above the group's own "
                f"LR of {number_text(first)}, so that the LR rises over {percent(100 * share)} of "
                f"the run ({why})"
            ),
            revision="a rise that was meant for this group",
            confidence=Confidence.HIGH,
        )


def _comes_to_rest(value: Array) -> bool:
    """Whether the rise is over: a cosine does 2.4 % of it in the last tenth, a line a tenth."""
    late = len(value) - 1 - len(value) // 10
    way = float(value[-1] - value[0])
    return len(value) >= 10 and float(value[-1] - value[late]) < 0.06 * way


def _rises(value: Array) -> bool:
    return bool(np.all(np.diff(value) >= -1e-9 * value[-1]))
