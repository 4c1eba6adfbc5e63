"""A loss that falls without bending at the full LR: the LR limits the run, not the task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.plateau import Trend, fit_trend
from lrdoctor.curves.smooth import bin_means
from lrdoctor.detectors._context import is_reinforcement_learning, main_group
from lrdoctor.types import Case, ParamGroup, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement

_EIGHTHS = 8
# The LR is there once it has come near its peak, and as long as it has not been halved.
_ARRIVED, _HALVED = 0.9, 0.5


@dataclass(frozen=True, slots=True)
class StraightLoss:
    """Losses fall ever more slowly: as a power of time, or an exponential. The start of any such
    curve is straight; a run that ends on it has seen a small part of the curve only. Slopes are
    taken per step and LR, so that the beginning of a decay does not bend the line."""

    name: ClassVar[str] = "straight_loss"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR, Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset({"lr", "fall", "slope_ratio", "noise"})

    min_points: float
    min_share: float
    min_fall: float
    max_fall: float
    straight_ratio: float
    certain_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding per run."""
        group = main_group(case)
        if group is None or is_reinforcement_learning(case):
            return
        if case.finished is False or case.regime == "fine_tuning":
            return
        # A validation set is the same each time: its loss has no noise of single batches.
        found = (self._at_full_lr(case, group, r) for r in (Role.VAL_LOSS, Role.TRAIN_LOSS))
        loss = next((series for series in found if series is not None), None)
        if loss is None:
            return
        _, level = bin_means(loss.step, loss.value, _EIGHTHS)
        fall = 1 - float(level[-1] / level[0]) if level[0] > 0 else 0.0
        if not self.min_fall <= fall <= self.max_fall:
            return
        middle = (float(loss.step[0]) + float(loss.step[-1])) / 2
        parts = ((float(loss.step[0]), middle), (middle, float(loss.step[-1]) + 1))
        first, second = (fit_trend(loss.between(*ends)) for ends in parts)
        if first is None or second is None or not all(map(self._certain, (first, second))):
            return
        lr = group.lr.finite()
        used = [float(np.mean(lr.between(*ends).value)) for ends in parts]
        ratio = second.slope / first.slope * used[0] / used[1]
        if not ratio >= self.straight_ratio:
            return
        yield Evidence(
            start=int(loss.step[0]),
            stop=int(loss.step[-1]) + 1,
            tags=(loss.tag, group.lr.tag),
            measured={
                "lr": Quantity(float(group.lr.finite().value.max()), ""),
                "fall": Quantity(100 * fall, "%"),
                "slope_ratio": Quantity(100 * ratio, "%"),
                "noise": Quantity(second.sigma, ""),
            },
            param_group=group.name,
            detail="it is far from levelling off, so a higher LR would have brought it further",
            revision="a short run at a few times this LR that does not fall faster",
        )

    def _at_full_lr(self, case: Case, group: ParamGroup, role: Role) -> Series | None:
        """A loss while the LR is between half its peak and the peak; None where that is
        a small part of the run or has few points."""
        lr = group.lr.finite()
        peak = float(lr.value.max())
        arrived = lr.step[lr.value >= _ARRIVED * peak]
        if not case.has(role) or not len(arrived) or not peak > 0:
            return None
        low = lr.step[(lr.value < _HALVED * peak) & (lr.step > arrived[0])]
        end = float(low[0]) if len(low) else np.inf
        loss = case.signals[role].finite().between(float(arrived[0]), end)
        covered = float(loss.step[-1] - loss.step[0]) if len(loss) else 0.0
        enough = len(loss) >= self.min_points
        return loss if enough and covered >= self.min_share * (case.last - case.first) else None

    def _certain(self, trend: Trend) -> bool:
        return trend.fall > 0 and trend.fall - trend.fall_low <= self.certain_share * trend.fall
