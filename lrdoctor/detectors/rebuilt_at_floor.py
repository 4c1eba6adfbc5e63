"""A scheduler that was built anew on what the LR had decayed to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import governing_groups, largest_lr, typical_gap
from lrdoctor.detectors._resume import Border, Change, borders, unfreezes
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, ParamGroup, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement

# The first LR of the new schedule, and the last of the old one, are the same within this factor.
_GOES_ON = 1.25
# What torch's recursive cosine leaves of an LR at its end is rounding.
_NOTHING = 1e-6
_ENOUGH = 3


@dataclass(frozen=True, slots=True)
class RebuiltAtFloor:
    """Looks for a resume after which the LR starts from the decayed one and never comes back up.

    A scheduler takes its base LR from the optimizer. Built after ``optimizer.load_state_dict`` it
    starts from what the LR had come to; from 0 it stays at 0. A level chosen anew for a last phase
    is another number than the one just before it, and passes.
    """

    name: ClassVar[str] = "rebuilt_at_floor"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr_after", "lr_before", "lr_reference", "lr_ratio", "run_left"}
    )

    level_ratio: float
    min_left: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding per run."""
        if not case.run.restarts:
            return
        for border in borders(case):
            if self._low(case, border):
                yield self._evidence(case, border.group, border.step, border.lr_before)
                return
        for group in governing_groups(case):
            at = self._stuck(case, group)
            if at is not None:
                yield self._evidence(case, group, at, 0.0)
                return

    def _low(self, case: Case, border: Border) -> bool:
        if border.restart is None or border.change is not Change.OTHER:
            return False
        if self._left(case, border.step) < self.min_left or unfreezes(case, border):
            return False
        after = largest_lr(border.group, border.step)
        peak = largest_lr(border.group, case.first, border.step)
        eve = border.lr_before
        return 0 < after <= self.level_ratio * peak and eve / _GOES_ON <= after <= eve * _GOES_ON

    def _stuck(self, case: Case, group: ParamGroup) -> int | None:
        """The first step of a resume from which the LR is 0 and no longer moves."""
        lr = group.lr.finite()
        gap = typical_gap(lr)
        moving = np.flatnonzero(lr.value > _NOTHING * float(lr.value.max()))
        if not len(moving) or moving[-1] + _ENOUGH >= len(lr):
            return None
        since, last = float(lr.step[moving[-1] + 1]), float(lr.step[moving[-1]])
        for restart in case.run.restarts:
            at_end = last - gap < restart.step <= since + gap
            if at_end and self._left(case, restart.step) >= self.min_left:
                return restart.step
        return None

    def _left(self, case: Case, step: float) -> float:
        return (case.last - step) / max(case.last - case.first, 1)

    def _evidence(self, case: Case, group: ParamGroup, step: int, eve: float) -> Evidence:
        after = largest_lr(group, step)
        peak = largest_lr(group, case.first, step)
        stuck = after <= _NOTHING * peak
        return Evidence(
            start=step,
            stop=case.last + 1,
            tags=(group.lr.tag,),
            measured={
                "lr_after": Quantity(after, ""),
                "lr_before": Quantity(eve, ""),
                "lr_reference": Quantity(peak, ""),
                "lr_ratio": Quantity(100 * after / peak, "%"),
                "run_left": Quantity(100 * self._left(case, step), "%"),
            },
            param_group=group.name,
            detail=_detail(eve, peak, stuck),
            revision="a plan that asks for this LR after the resume",
            severity=Severity.ERROR if stuck else None,
            confidence=None if stuck else Confidence.MEDIUM,
        )


def _detail(eve: float, peak: float, stuck: bool) -> str:
    if stuck:
        return (
            "the LR had come to 0 before the resume and stays there: a scheduler built on it, or "
            "one restored at its end, has nothing to multiply"
        )
    return (
        f"the new schedule starts from the {number_text(eve)} that the old one had decayed to, "
        f"not from {number_text(peak)}: it was built after the optimizer's state was loaded"
    )
