"""A schedule written in epochs and advanced with every batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.lr_moves import find_swings
from lrdoctor.detectors._configured import Configured, configured, family
from lrdoctor.detectors._context import epochs_run, real, steps_per_epoch
from lrdoctor.detectors._decays import leading_group
from lrdoctor.messages import number_text
from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import (
    Array,
    Case,
    ClockUnit,
    Confidence,
    Intent,
    ParamGroup,
    Quantity,
    Role,
    Series,
    Severity,
)
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# Families whose value falls by factors: compared in logarithms.
_BY_FACTORS = frozenset({"step", "multistep", "exponential"})
# Counters begin at 0 or 1, and a value may be that of the next step.
_SHIFTS = (0.0, -1.0, 1.0)
# A reading is the right one where this share of the points lies on it, wrong where fewer than half
# do.
_FITS, _FAILS = 0.9, 0.5
# Relative error of a point: rounding of the log, and of the logarithm of a factor.
_NEAR = 0.02
# Points of a long log that are compared.
_POINTS = 1000
# Returns of a cosine that no configuration names, before its period counts as known.
_RETURNS = 3
# Rows by which a rate of falling per epoch is measured.
_ROWS = 4
_EXACT = 1e-3
# Rates of falling that differ by less than this share are one; StepLR's levels make them uneven.
_UNEVEN = 0.1
# Periods up to this many epochs are searched.
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class SteppedPerBatch:
    """Lays the configured schedule over the log twice: advanced per batch, and per epoch.

    It fires where the log is the first and not the second, the numbers make sense in epochs, and
    the LR is used up early (or swings). On an axis of epochs the rate of falling, or the remainder
    that a cosine's period leaves, takes the place of the points between.
    """

    name: ClassVar[str] = "stepped_per_batch"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"length", "times", "lr_share", "used_up_at", "run_left", "returns", "gamma"}
    )

    floor_ratio: float
    early_share: float
    early_ratio: float
    late_share: float
    end_ratio: float
    lost_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: all param groups share one scheduler."""
        group, interval = leading_group(case), case.intent.arguments.get("interval")
        if group is None or interval in ("step", "batch"):
            return
        lr = group.lr.finite()
        per_epoch, epochs = steps_per_epoch(case), _epochs(case)
        if len(lr) < _ROWS or not per_epoch or epochs is None or epochs < 2:
            return
        if case.clock.unit is ClockUnit.EPOCH:
            yield from self._by_epoch(case, group, lr, epochs)
            return
        if per_epoch < 2 or not np.ptp(lr.value) > 0:
            return
        for level in _levels(case, lr):
            plan = configured(case.intent, level, float(round(epochs)))
            plan = plan or _swinging(case, lr, epochs)
            if plan is None or not self._plausible(plan, epochs, per_epoch):
                continue
            origin = 0.0 if lr.step[0] < per_epoch else float(lr.step[0])
            if _stepped_by(plan.named, lr, origin, per_epoch):
                yield self._evidence(case, group, plan, per_epoch)
                return

    def _plausible(self, plan: Configured, epochs: float, per_epoch: float) -> bool:
        """Whether the numbers make a schedule over the epochs, and none over the batches."""
        if plan.number is not None and plan.label != "gamma" and plan.number > 1.05 * epochs + 1:
            return False
        top = float(plan.named.lr(np.zeros(1))[0])
        whole = epochs * per_epoch
        early, end = plan.named.lr(np.array([self.early_share * epochs, epochs])) / top
        if not (early > self.early_ratio and end < self.end_ratio):
            return False
        if plan.named.name == "cosine":
            return plan.number is not None and plan.number <= self.late_share * whole
        late = float(plan.named.lr(np.array([self.late_share * whole]))[0]) / top
        return late <= self.floor_ratio * (1 + 1e-9)

    def _evidence(
        self, case: Case, group: ParamGroup, plan: Configured, per_epoch: float | None
    ) -> Evidence:
        lr = group.lr.finite()
        peak = float(plan.named.lr(np.zeros(1))[0])
        low = lr.value <= self.floor_ratio * peak * (1 + 1e-5)
        at = int(np.argmax(low)) if low.any() else int(np.argmin(lr.value))
        last, first = float(lr.step[-1]), float(lr.step[0])
        measured = {
            "used_up_at": Quantity(float(lr.step[at]), ""),
            "lr_share": Quantity(100 * float(lr.value[at]) / peak, "%"),
            "run_left": Quantity(100 * (last - float(lr.step[at])) / (last - first), "%"),
        }
        swings = find_swings(lr.value)
        text, facts = _length_text(plan)
        often = "too often"
        if per_epoch is not None:
            measured["times"] = Quantity(round(per_epoch, 1), "")
            often = f"{number_text(round(per_epoch, 1))} times too often"
        if case.clock.unit is ClockUnit.EPOCH and plan.named.name == "cosine":
            often = f"{often} or that and a multiple of {number_text(2 * (plan.number or 0))}"
        if swings is not None:
            measured["returns"] = Quantity(float(len(swings.rises)), "")
            text += f"; the cosine swings up again {number_text(len(swings.rises))} times"
        lost = float(np.median(lr.value)) <= self.lost_ratio * peak
        return Evidence(
            start=int(lr.step[at]),
            stop=int(last) + 1,
            tags=(group.lr.tag,),
            measured=measured | facts,
            param_group=group.name,
            detail=f"{text}: the scheduler is stepped per batch, {often}",
            revision="a configuration that means these numbers as steps",
            severity=Severity.ERROR if lost else None,
            confidence=Confidence.HIGH if plan.given else None,
        )

    # --------------------------------------------------------------------- a row per epoch

    def _by_epoch(
        self, case: Case, group: ParamGroup, lr: Series, epochs: float
    ) -> Iterator[Judgement]:
        """The log has only every n-th value, and n is what is looked for."""
        for level in _levels(case, lr):
            plan = configured(case.intent, level, float(round(epochs)))
            if plan is None:
                return
            times: float | None = None
            if plan.named.name == "multistep":
                if _rests(plan.named, lr) and self._plausible(plan, epochs, epochs):
                    yield self._evidence(case, group, plan, None)
                continue
            if plan.named.name in ("step", "exponential"):
                times = _falls(plan.named, lr)
            elif plan.named.name == "cosine" and plan.number is not None:
                period = round(plan.number)
                if _hidden(case, period):
                    yield Unjudged(
                        "at this number of batches per epoch a cosine stepped per batch looks the "
                        "same in a log of epochs; log the LR at every optimizer step"
                    )
                    return
                times = _remainder(plan.named, lr, period)
            if times is not None and self._plausible(plan, epochs, max(times, _ROWS)):
                yield self._evidence(case, group, plan, times)
                return


def _epochs(case: Case) -> float | None:
    """Epochs of the training: as configured, planned, else as logged."""
    per_epoch = steps_per_epoch(case)
    if case.intent.epochs:
        return case.intent.epochs
    if case.total_steps and per_epoch:
        return case.total_steps / per_epoch
    return epochs_run(case)


def _levels(case: Case, lr: Series) -> tuple[float, ...]:
    """First LRs to try: a sparse log may miss the configured one."""
    top = float(lr.value.max())
    meant = case.intent.lr
    return (top,) if meant is None or meant <= top * (1 + 1e-3) else (meant, top)


def _swinging(case: Case, lr: Series, epochs: float) -> Configured | None:
    """A cosine that nobody configured, as long in steps as the run is in epochs."""
    if family(case.intent) is not None:
        return None
    swings = find_swings(lr.value)
    if swings is None or len(swings.rises) < _RETURNS:
        return None
    return configured(Intent(scheduler="cosine"), float(lr.value.max()), float(round(epochs)))


def _stepped_by(named: NamedSchedule, lr: Series, origin: float, per_epoch: float) -> bool:
    """Whether the log is the schedule at every step, and not the schedule at every epoch."""
    every = -(-len(lr) // _POINTS)
    time, value = lr.step[::every].astype(np.float64) - origin, lr.value[::every]
    batches = max(_share(named, value, time + shift) for shift in _SHIFTS)
    if batches < _FITS:
        return False
    whole = (np.floor((time + shift) / per_epoch) for shift in _SHIFTS)
    return max(_share(named, value, epochs) for epochs in whole) <= _FAILS


def _share(named: NamedSchedule, value: Array, time: Array) -> float:
    """Share of the points that lie on the schedule; 0 where too few of them could tell."""
    expected = named.lr(np.maximum(time, 0.0))
    top = float(named.lr(np.zeros(1))[0])
    if named.name not in _BY_FACTORS:
        return float(np.mean(np.abs(value - expected) <= _NEAR * top))
    usable = (value > 0) & (expected > 1e-300)
    moved = usable & (expected < top)
    if moved.sum() < 3:
        return 0.0
    seen, meant = np.log(value[usable] / top), np.log(expected[usable] / top)
    return float(np.mean(np.abs(seen - meant) <= _NEAR + _NEAR * np.abs(meant)))


def _rests(named: NamedSchedule, lr: Series) -> bool:
    """Whether the LR is past all its drops from the first row on, milestones or not."""
    before, after = named.lr(np.array([0.0, np.inf]))
    least = float(lr.step[-1] - lr.step[0])
    due = float(named.lr(np.array([least]))[0]) < before
    return bool(due and np.all(np.abs(lr.value - after) <= _EXACT * after))


def _falls(named: NamedSchedule, lr: Series) -> float | None:
    """Scheduler steps per row: how much faster than configured a schedule of factors falls."""
    values = named.parameters()
    gamma, size = real(values.get("gamma")), real(values.get("step_size", 1.0))
    usable = lr.value > 1e-300
    if not gamma or not size or usable.sum() < _ROWS:
        return None
    rows, height = lr.step[usable].astype(float), np.log(lr.value[usable])
    slopes = (height[1:] - height[0]) / (rows[1:] - rows[0])
    times = float(slopes[-1] * size / np.log(gamma))
    even = np.ptp(slopes[len(slopes) // 2 :]) <= _UNEVEN * abs(slopes[-1])
    return times if even and times >= 2 and np.all(np.diff(height) < 0) else None


def _remainder(named: NamedSchedule, lr: Series, period: int) -> float | None:
    """Scheduler steps per row, less whole periods, where every row shows the same number but 1."""
    if not 3 <= period <= _LONGEST or len(lr) < 2 * _ROWS or not np.any(np.diff(lr.value) > 0):
        return None
    rows = (lr.step - lr.step[0]).astype(float)
    top = float(named.lr(np.zeros(1))[0])
    for times in range(1, period + 1):
        for start in (times - 1.0, float(times), 0.0):
            error = np.abs(named.lr(start + times * rows) - lr.value).max()
            if error <= _EXACT * top:
                return float(times) if times > 1 else None
    return None


def _hidden(case: Case, period: int) -> bool:
    """Whether whole periods fit so into an epoch that both readings give the same rows."""
    batches = case.intent.batches_per_epoch
    if batches is None or batches < 2:
        return False
    return batches % (2 * period) in (1, 2 * period - 1)


def _length_text(plan: Configured) -> tuple[str, dict[str, Quantity]]:
    """The number that was meant in epochs."""
    if plan.label == "gamma" and plan.number is not None:
        gamma = number_text(plan.number)
        return f"gamma = {gamma} is meant per epoch", {"gamma": Quantity(plan.number, "")}
    if plan.number is None:
        return "its length is meant in epochs", {}
    number = number_text(plan.number)
    label = {"milestones": "the first milestone"}.get(plan.label, plan.label)
    source = "" if plan.given else ", the number of epochs,"
    return (
        f"{label} = {number}{source} is meant in epochs and used up in as many steps",
        {"length": Quantity(plan.number, "")},
    )
