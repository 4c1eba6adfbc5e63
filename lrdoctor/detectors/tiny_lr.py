"""A loss that stands still because its LR has all but gone: it fell while the LR was there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.lr_moves import settled_below
from lrdoctor.curves.plateau import Trend, fit_trend
from lrdoctor.detectors._context import (
    governing_groups,
    is_reinforcement_learning,
    loss_of,
    planned_length,
    x_units,
)
from lrdoctor.types import Case, ParamGroup, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# So many evaluations without a new best are no accident while a loss falls.
_EVALUATIONS = 5


@dataclass(frozen=True, slots=True)
class TinyLr:
    """The stretch at a tiny LR, up to the end of the run, against the one before it.

    A loss that had come to rest while the LR was still there acquits: then the schedule is over.
    So does a validation loss that had: only the learning by heart was stopped.
    """

    name: ClassVar[str] = "tiny_lr"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"reached_at", "lr_share", "run_left", "fall_before", "slope_left"}
    )

    tiny_ratio: float
    working_ratio: float
    min_share: float
    fall_share: float
    frozen_slope: float
    solved_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: of the group whose LR lasts longest."""
        groups = governing_groups(case)
        if not groups or is_reinforcement_learning(case):
            return
        if case.intent.scheduler == "onecycle" and planned_length(case) is not None:
            return  # its horizon is judged together with its peak
        gone = [self._gone(g) for g in groups]
        if any(at is None for at in gone):
            return
        tiny, cut, group = max(
            ((*at, g) for at, g in zip(gone, groups, strict=True) if at is not None),
            key=lambda item: item[0],
        )
        loss = loss_of(case)
        if loss is None:
            yield Unjudged("the LR is all but gone; a loss would show if it was still needed")
            return
        lr = group.lr.finite()
        peak_at = float(lr.step[int(np.argmax(lr.value))])
        found = self._first_sure(case, (peak_at + cut) / 2, cut, tiny)
        if found is None:
            return
        loss, before, after = found
        yield Evidence(
            start=int(tiny),
            stop=int(lr.step[-1]) + 1,
            tags=(group.lr.tag, loss.tag),
            measured={
                "reached_at": Quantity(tiny, x_units(case)),
                "lr_share": Quantity(
                    100 * float(lr.between(tiny, np.inf).value.max() / lr.value.max()), "%"
                ),
                "run_left": Quantity(
                    100 * (lr.step[-1] - tiny) / float(lr.step[-1] - lr.step[0]), "%"
                ),
                "fall_before": Quantity(100 * before.fall / before.level, "%"),
                "slope_left": Quantity(100 * after.slope / before.slope, "%"),
            },
            param_group=group.name,
            detail="it stands still for want of an LR, not because it is at its floor",
            revision="a loss logged more often that is flat before the LR goes",
        )

    def _gone(self, group: ParamGroup) -> tuple[float, float] | None:
        """The steps from which the LR is tiny for good, and from which it hardly works; None where
        the first is late, or the log's digits end before."""
        lr = group.lr.finite()
        peak = float(lr.value.max())
        at = settled_below(lr.value, self.tiny_ratio * peak)
        if not peak > 0 or at >= len(lr):
            return None
        left = (lr.step[-1] - lr.step[at]) / max(float(lr.step[-1] - lr.step[0]), 1.0)
        if left < self.min_share:
            return None
        positive = lr.value[lr.value > 0]
        if np.any(lr.value[at:] == 0) and positive.min() > self.tiny_ratio * peak:
            return None  # zeros by rounding: the smallest value printed is larger than tiny
        cut = settled_below(lr.value, self.working_ratio * peak)
        return float(lr.step[at]), float(lr.step[cut])

    def _first_sure(
        self, case: Case, begin: float, cut: float, tiny: float
    ) -> tuple[Series, Trend, Trend] | None:
        """The training loss with its trends if it starved, or the validation loss where noise
        leaves open if the training loss was falling; None where neither did."""
        if _validation_was_over(case, begin, tiny):
            return None
        for role in (Role.TRAIN_LOSS, Role.VAL_LOSS):
            if not case.has(role):
                continue
            loss = case.signals[role].finite()
            before = fit_trend(loss.between(begin, cut))
            after = fit_trend(loss.between(tiny, np.inf))
            if before is None or after is None:
                continue
            if before.falling or before.fall_high <= self.fall_share * abs(before.level):
                return (loss, before, after) if self._starved(loss, before, after) else None
        return None

    def _starved(self, loss: Series, before: Trend, after: Trend) -> bool:
        """Whether the loss fell well until the LR went and hardly since."""
        if not before.level > self.solved_ratio * abs(float(loss.value[0])):
            return False
        if not before.falling or before.fall <= self.fall_share * before.level:
            return False
        return after.slope <= self.frozen_slope * before.slope and after.fall_high >= 0


def _validation_was_over(case: Case, begin: float, tiny: float) -> bool:
    """Whether the best validation loss lies before ``begin``, several evaluations ago."""
    if not case.has(Role.VAL_LOSS):
        return False
    val = case.signals[Role.VAL_LOSS].finite()
    early, late = val.between(-np.inf, begin).value, val.between(begin, tiny).value
    return bool(len(early) and len(late) >= _EVALUATIONS and late.min() >= early.min())
