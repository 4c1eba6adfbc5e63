"""An LR that was set by hand while a scheduler was in charge of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import governing_groups, typical_gap
from lrdoctor.detectors._resume import Border, Change, borders, restart_near, unfreezes
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, IntArray, ParamGroup, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

# A bump stands out from its neighbours by so many times what they differ by.
_STANDS_OUT = 5.0
# Fewer points on either side do not show the curve that a point leaves and returns to.
_AROUND = 2


@dataclass(frozen=True, slots=True)
class ManualEdit:
    """Looks for the two ways in which a schedule answers an edit of ``param_group["lr"]``.

    One that computes every LR from the step (LambdaLR, OneCycleLR, CyclicLR, warm restarts) undoes
    the edit at its next step: one point off the curve. One that computes it from the last LR
    (CosineAnnealingLR, ExponentialLR, PolynomialLR) goes on at the new level for good.
    """

    name: ClassVar[str] = "manual_edit"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset({"lr_after", "lr_due", "lr_ratio"})

    edit_ratio: float
    most_bumps: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """Every place at which the level changes for good, or every single point off the curve."""
        scaled = [b for b in borders(case) if self._scaled(case, b)]
        for border in scaled:
            yield _evidence(
                case, border.group, (border.step, min(border.after.stop, case.last + 1)),
                border.lr_after, border.lr_due,
                "and the schedule goes on from there, as those do that compute each LR from the "
                "last one (CosineAnnealingLR, ExponentialLR, PolynomialLR)",
            )  # fmt: skip
        if not scaled:
            yield from self._bumps(case)

    def _scaled(self, case: Case, border: Border) -> bool:
        named = border.before.named
        moved = border.change is Change.MOVED and named is not None and named.name == "exponential"
        if border.restart is not None or not (moved or border.change is Change.SCALED):
            return False
        low, high = sorted((border.lr_after, border.lr_due))
        return high >= self.edit_ratio * low > 0 and not unfreezes(case, border)

    def _bumps(self, case: Case) -> Iterator[Judgement]:
        for group in governing_groups(case)[:1]:
            lr = group.lr.finite()
            found = _off_the_curve(lr.value, self.edit_ratio)
            if not 0 < len(found) <= self.most_bumps:
                return
            gap = typical_gap(lr)
            for at in found.tolist():
                step = int(lr.step[at])
                if restart_near(case, step, gap) is not None:
                    continue  # the LR of the checkpoint, for one step
                due = float(lr.value[at - 1] + lr.value[at + 1]) / 2
                yield _evidence(
                    case, group, (step, step + 1), float(lr.value[at]), due,
                    "for one logged point and is back, as under schedulers that compute the LR "
                    "from the step (LambdaLR, OneCycleLR, CyclicLR): the edit was undone",
                )  # fmt: skip


def _off_the_curve(value: Array, ratio: float) -> IntArray:
    """Indices of single points off a curve that is smooth around them, ``value: float64[n]``."""
    if len(value) < 2 * _AROUND + 1:
        return np.empty(0, dtype=np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        due = (value[1:-3] + value[3:-1]) / 2
        here = value[2:-2]
        apart = np.maximum(here, due) >= ratio * np.minimum(here, due)
        at = np.flatnonzero(apart & (here > 0)) + _AROUND
        around = [value[at - 1], value[at + 1], value[at - 2], value[at + 2]]
        nearby = np.ptp(around, axis=0) if len(at) else np.empty(0)
        alone = np.abs(value[at] - (around[0] + around[1]) / 2) > _STANDS_OUT * nearby
    return at[alone & (np.minimum(around[0], around[1]) > 0)].astype(np.int64)


def _evidence(
    case: Case, group: ParamGroup, span: tuple[int, int], new: float, due: float, answer: str
) -> Evidence:
    return Evidence(
        start=span[0],
        stop=span[1],
        tags=(group.lr.tag,),
        measured={
            "lr_after": Quantity(new, ""),
            "lr_due": Quantity(due, ""),
            "lr_ratio": Quantity(new / due, ""),
        },
        param_group=group.name,
        detail=f"the LR is {number_text(new / due)} times what the schedule gives {answer}",
        revision="a schedule that has this step in it",
    )
