"""An LR that is used up while most of the run is still to come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.lr_moves import Swings, find_swings, settled_below
from lrdoctor.curves.plateau import Trend, fit_trend
from lrdoctor.detectors._context import (
    governing_groups,
    loss_of,
    planned_length,
    steps_per_epoch,
    typical_gap,
    x_units,
)
from lrdoctor.detectors._decay_causes import explain_floor, explain_swings
from lrdoctor.detectors._plateau_cuts import follows_plateaus, watched_loss
from lrdoctor.detectors._unfreezing import find_places
from lrdoctor.types import Array, Case, Confidence, ParamGroup, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# Schedules that go down and up again on purpose.
_CYCLIC = frozenset({"cyclic", "cosine_restarts"})
# A rise from the lowest to the highest tenth with fewer points than this has no visible shape.
_SHAPED = 4.0
# A rise as long as the fall is a mirrored cosine; restarts jump, warm-ups are shorter.
_MIRRORED = (0.75, 1.35)
# Share of a period in the lowest tenth: a cosine spends arccos(0.8) / pi = 0.205 there, a triangle
# 0.1; the threshold is half-way.
_COSINE_LOW_SHARE = 0.15
# Relative error of an LR that a log prints with six digits.
_ROUNDING = 1e-5
# A run that ends below this share of its peak ends on the floor; a bounce stops anywhere, there in
# one of seven (2 arcsin(sqrt(0.05)) / pi).
_AT_FLOOR = 0.05
# A loss needs this many points before the cut for its trend to say anything.
_ENOUGH = 6


@dataclass(frozen=True, slots=True)
class DecayRate:
    """Two signs: a cosine that bounces early, an early floor.

    For the floor the loss decides: where it had stopped falling before the LR was cut, the
    schedule did no harm and the run passes. Without a usable loss only the structure is reported.
    """

    name: ClassVar[str] = "decay_rate"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr_share", "run_left", "reached_at", "peak", "loss_fall", "noise", "slope_left"}
        | {"returns", "period", "cuts", "ratio", "last_drop"}
        | {"horizon", "planned"}
    )

    floor_ratio: float
    floor_share: float
    cut_ratio: float
    cut_share: float
    stopped_share: float
    frozen_slope: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding per run: all its param groups share one cause."""
        groups = [g for g in governing_groups(case) if np.ptp(g.lr.finite().value) > 0]
        if not groups or len(groups[0].lr) < _SHAPED:
            return
        if case.intent.scheduler == "onecycle" and planned_length(case) is not None:
            return  # its horizon is judged together with its peak
        bounce = self._bounce(case, groups[0])
        if bounce is not None:
            yield bounce
            return
        # What ReduceLROnPlateau does too early has rules of its own.
        if case.intent.scheduler != "reduce_on_plateau":
            yield from self._floor(case, groups)

    # ------------------------------------------------------------------ a cosine that bounces

    def _bounce(self, case: Case, group: ParamGroup) -> Judgement | None:
        if case.intent.scheduler in _CYCLIC or _names(group) & _CYCLIC or _cycles_meant(case):
            return None
        lr = group.lr.finite()
        swings = find_swings(lr.value)
        if swings is None:
            return None
        if min(swings.rise_points, swings.fall_points) < _SHAPED:
            return _aliased(case, lr, swings)
        mirrored = _MIRRORED[0] <= swings.rise_points / swings.fall_points <= _MIRRORED[1]
        if not mirrored or swings.low_share < _COSINE_LOW_SHARE:
            return None
        bottom = int(np.argmin(lr.value[: swings.rises[0][1]]))
        length = float(lr.step[-1] - lr.step[0])
        measured = {
            "reached_at": Quantity(float(lr.step[bottom]), x_units(case)),
            "lr_share": Quantity(100 * float(lr.value.min() / lr.value.max()), "%"),
            "run_left": Quantity(100 * float(lr.step[-1] - lr.step[bottom]) / length, "%"),
            "returns": Quantity(float(len(swings.rises)), ""),
        }
        detail, more = explain_swings(case, group, float(lr.step[bottom]), len(swings.rises))
        whole = case.intent.scheduler is None and lr.value[-1] <= _AT_FLOOR * lr.value.max()
        if whole:
            detail += "; the run ends on the floor, though, as cycles made on purpose do"
        return Evidence(
            start=int(lr.step[bottom]),
            stop=int(lr.step[-1]) + 1,
            tags=(group.lr.tag,),
            measured=measured | more,
            param_group=group.name,
            detail=detail,
            revision="a configuration that asks for a cyclic schedule",
            severity=Severity.INFO if whole else None,
            confidence=Confidence.LOW if whole else Confidence.HIGH,
        )

    # ------------------------------------------------------------------ an early floor

    def _floor(self, case: Case, groups: list[ParamGroup]) -> Iterator[Judgement]:
        settled = [self._settled(g.lr.finite()) for g in groups]
        if any(at is None for at in settled):
            return
        group, (low, cut, deep) = max(
            zip(groups, (s for s in settled if s is not None), strict=True), key=lambda p: p[1][0]
        )
        if any(p.step >= cut and (p.configured or p.joined) for p in find_places(case)):
            return  # the schedule of a first phase ended; what follows is another rule's matter
        before, after = self._trends(_judged_loss(case), group.lr.finite(), low, cut)
        if before is not None and not self._harmed(before, deep and not follows_plateaus(case)):
            return
        if before is None and not deep:
            return
        yield self._floor_evidence(case, group, low, before, after, deep)

    def _harmed(self, before: Trend, scheduled: bool) -> bool:
        """Whether the loss was still falling when the LR was cut off.

        A schedule that goes this low by plan is acquitted only by a loss that had stopped; a
        plateau scheduler, or a cut that leaves more, is accused only by a loss that clearly fell.
        """
        scale = abs(before.level)
        if before.falling and before.fall > self.stopped_share * scale:
            return True
        return scheduled and before.fall_high > self.stopped_share * scale

    def _settled(self, lr: Series) -> tuple[float, float, bool] | None:
        """Step of the floor, step of the first deep cut, whether the floor is the deeper kind."""
        peak, first, last = float(lr.value.max()), float(lr.step[0]), float(lr.step[-1])
        if not peak > 0 or _too_coarse(lr.value, peak * self.floor_ratio):
            return None
        # An LR cut to exactly one of the ratios is at the floor, but not yet below the deep cut.
        floor = settled_below(lr.value, self.floor_ratio * peak * (1 + _ROUNDING))
        cut = settled_below(lr.value, self.cut_ratio * peak * (1 - _ROUNDING))
        if cut >= len(lr):
            return None
        left = (last - float(lr.step[min(floor, len(lr) - 1)])) / (last - first)
        if left >= self.floor_share:
            return float(lr.step[floor]), float(lr.step[cut]), True
        if (last - float(lr.step[cut])) / (last - first) >= self.cut_share:
            return float(lr.step[cut]), float(lr.step[cut]), False
        return None

    def _trends(
        self, loss: Series | None, lr: Series, low: float, cut: float
    ) -> tuple[Trend | None, Trend | None]:
        """The loss's trends in the second half of the time before the cut, and after the floor."""
        if loss is None:
            return None, None
        peak_at = float(lr.step[int(np.argmax(lr.value))])
        before = loss.between(peak_at, cut)
        if len(before) >= 2 * _ENOUGH:
            before = before.between((peak_at + cut) / 2, cut)
        trend = fit_trend(before) if len(before) >= _ENOUGH else None
        return trend, fit_trend(loss.between(low, np.inf))

    def _floor_evidence(
        self,
        case: Case,
        group: ParamGroup,
        low: float,
        before: Trend | None,
        after: Trend | None,
        deep: bool,
    ) -> Evidence:
        lr, loss = group.lr.finite(), _judged_loss(case)
        last, first, peak = float(lr.step[-1]), float(lr.step[0]), float(lr.value.max())
        at_floor = lr.between(low, np.inf).value
        measured = {
            "reached_at": Quantity(low, x_units(case)),
            "lr_share": Quantity(100 * float(at_floor.max()) / peak, "%"),
            "run_left": Quantity(100 * (last - low) / (last - first), "%"),
            "peak": Quantity(peak, ""),
        }
        if before is not None:
            measured["loss_fall"] = Quantity(before.fall, "")
            measured["noise"] = Quantity(before.sigma, "")
        frozen = False
        if before is not None and after is not None and before.falling:
            left = after.slope / before.slope
            measured["slope_left"] = Quantity(100 * left, "%")
            frozen = left <= self.frozen_slope
        detail, more = explain_floor(case, group, low, before, after)
        explained = bool(more.keys() & {"ratio", "planned"})
        return Evidence(
            start=int(low),
            stop=int(last) + 1,
            tags=(group.lr.tag, *(() if loss is None or before is None else (loss.tag,))),
            measured=measured | more,
            param_group=group.name,
            detail=detail,
            revision="a loss logged more often that is flat before the LR is cut",
            severity=self._weight(before, frozen, deep, (last - low) / (last - first), explained),
            confidence=Confidence.HIGH if before is not None and before.falling and deep else None,
        )

    def _weight(
        self, before: Trend | None, frozen: bool, deep: bool, left: float, explained: bool
    ) -> Severity:
        """Two symptoms in the log are an error; an LR gone before 30 % of the run, or one whose
        early end the configuration explains, is a warning; anything else is a note."""
        if before is not None and before.falling:
            return Severity.ERROR if deep and frozen else Severity.WARNING
        return Severity.WARNING if explained or left >= self.cut_share else Severity.INFO


def _judged_loss(case: Case) -> Series | None:
    """The loss that the schedule answers to: the watched one where it follows plateaus."""
    return watched_loss(case) if follows_plateaus(case) else loss_of(case)


def _cycles_meant(case: Case) -> bool:
    """Whether the configuration asks for more than the half cosine of one decay (transformers)."""
    cycles = case.intent.arguments.get("num_cycles")
    return isinstance(cycles, int | float) and cycles > 0.5


def _names(group: ParamGroup) -> frozenset[str]:
    return frozenset(s.named.name for s in group.schedules if s.named is not None)


def _too_coarse(lr: Array, level: float) -> bool:
    """Whether printing with few decimals turned LRs up to ``level`` and more into zeros."""
    # An LR prints as 0 below half of the last decimal.
    decimal = 10.0 ** np.ceil(np.log10(2 * level))
    return bool(np.any(lr == 0)) and bool(np.allclose(lr / decimal, np.round(lr / decimal)))


def _aliased(case: Case, lr: Series, swings: Swings) -> Judgement | None:
    """Too few points per swing: a restart only jumps up, aliasing makes both ways fast."""
    if swings.fall_points >= _SHAPED or len(swings.rises) < 2:
        return None
    per_epoch = steps_per_epoch(case)
    rate = "once an epoch" if per_epoch and typical_gap(lr) >= 0.9 * per_epoch else "too rarely"
    return Unjudged(
        f"the LR goes up and down faster than it is logged ({rate}); "
        "log it at every optimizer step to tell a schedule stepped too often from a cyclic one"
    )
