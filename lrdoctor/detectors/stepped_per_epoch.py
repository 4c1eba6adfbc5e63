"""A schedule written in steps and advanced once an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import percent, planned_length, real, steps_per_epoch, x_units
from lrdoctor.detectors._decays import leading_group
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, ClockUnit, Confidence, ParamGroup, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement

# Fewer values of the LR than this say nothing of how it goes on.
_VALUES = 4
# An epoch of fewer steps than this is no difference of units.
_STEPS = 4.0
# Share of the points that have their epoch's value; the first of an epoch may still have the old.
_LEVEL = 0.85


@dataclass(frozen=True, slots=True)
class SteppedPerEpoch:
    """Takes the LR's value in each epoch and lays a decay over it that lasts as many epochs as the
    run has optimizer steps.

    The steps are those of the run, on an axis of epochs those of the configuration. A rise is
    compared with the configured number of warm-up steps instead.
    """

    name: ClassVar[str] = "stepped_per_epoch"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"covered", "length", "epochs", "lr_share", "planned"}
    )

    length_tolerance: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: all param groups share one scheduler."""
        group, per_epoch = leading_group(case), steps_per_epoch(case)
        if group is None or case.intent.scheduler == "onecycle":
            return  # a one-cycle that never comes to its peak is that rule's matter
        lr = group.lr.finite()
        if not per_epoch or not np.ptp(lr.value) > 0:
            return
        levels = _levels(lr, per_epoch)
        if levels is None or np.any(np.diff(levels) == 0):
            return
        planned = planned_length(case)
        run = float(len(levels)) if planned is None else planned / per_epoch
        if np.all(np.diff(levels) < 0):
            length = self._decay(case, levels, run, per_epoch)
            if length is not None:
                yield self._evidence(case, group, levels, run, length, "decay")
        elif np.all(np.diff(levels) > 0):
            length = self._warmup(case, levels, run)
            if length is not None:
                yield self._evidence(case, group, levels, run, length, "warm-up")

    def _decay(self, case: Case, levels: Array, run: float, per_epoch: float) -> float | None:
        """Length of a cosine or a line, in steps of the run, that the levels follow."""
        for length in _step_counts(case, run, per_epoch):
            if length >= _STEPS * run and any(self._on(levels, length, s) for s in (0.0, 1.0)):
                return length
        return None

    def _on(self, levels: Array, length: float, done: float) -> bool:
        """Whether the levels lie on a decay of this length that has had ``done`` steps at first."""
        share = (np.arange(len(levels)) + done) / length
        fall = levels[0] - levels[-1]
        for left in ((1 + np.cos(np.pi * share)) / 2, 1 - share):
            error = np.abs(levels - levels[0] * left / left[0]).max()
            if error <= self.length_tolerance * fall:
                return True
        return False

    def _warmup(self, case: Case, levels: Array, run: float) -> float | None:
        """The configured warm-up where the LR rises by its steps, each of them an epoch long."""
        warmup, top = real(case.intent.arguments.get("warmup_steps")), case.intent.lr
        if not warmup or not top or levels[-1] >= top or warmup <= run:
            return None
        rises = np.diff(levels)
        if np.ptp(rises) > self.length_tolerance * rises.mean():
            return None
        start = real(case.intent.arguments.get("warmup_start_lr")) or 0.0
        taken = (top - start) / float(rises.mean())
        return warmup if abs(taken / warmup - 1) <= self.length_tolerance else None

    def _evidence(
        self, case: Case, group: ParamGroup, levels: Array, run: float, length: float, what: str
    ) -> Evidence:
        lr = group.lr.finite()
        top = case.intent.lr if what == "warm-up" else None
        share = 100 * float(levels[-1]) / (top or float(levels.max()))
        times = round(run, 2)
        return Evidence(
            start=int(lr.step[0]),
            stop=int(lr.step[-1]) + 1,
            tags=(group.lr.tag,),
            measured={
                "covered": Quantity(100 * run / length, "%"),
                "length": Quantity(length, "steps"),
                "epochs": Quantity(times, "epochs"),
                "lr_share": Quantity(share, "%"),
                "planned": Quantity(run * (steps_per_epoch(case) or 1.0), x_units(case)),
            },
            param_group=group.name,
            detail=(
                f"the {what} counts {number_text(length)} optimizer steps, but the scheduler is "
                f"stepped once an epoch, {number_text(times)} times; the LR ends at "
                f"{percent(share)} of {'the configured one' if top else 'its peak'}"
            ),
            revision=f"a configuration that asks for a {what} of so many {x_units(case)}",
            confidence=Confidence.HIGH,
        )


def _levels(lr: Series, per_epoch: float) -> Array | None:
    """The LR in each epoch, ``float64[epochs]``; None where it moves within epochs, or hardly
    ever."""
    if per_epoch <= 1:
        rows = lr.step - lr.step[0]
        return lr.value if len(lr) >= _VALUES and np.ptp(np.diff(rows)) == 0 else None
    if per_epoch < _STEPS:
        return None
    epoch = np.floor(lr.step / per_epoch).astype(np.int64)
    firsts = np.flatnonzero(np.diff(epoch, prepend=epoch[0] - 1))
    stops = np.append(firsts[1:], len(epoch))
    if len(firsts) < _VALUES or np.any(np.diff(epoch[firsts]) != 1):
        return None
    levels = lr.value[(firsts + stops) // 2]
    level = np.repeat(levels, stops - firsts)
    many = len(lr) >= 2 * len(firsts)
    return levels if many and np.mean(lr.value == level) >= _LEVEL else None


def _step_counts(case: Case, run: float, per_epoch: float) -> Iterator[float]:
    """How many optimizer steps the run has: as logged, or as configured."""
    if case.clock.unit is not ClockUnit.EPOCH:
        yield run * per_epoch
    arguments, intent = case.intent.arguments, case.intent
    given = [real(arguments.get(key)) for key in ("T_max", "total_steps", "total_iters")]
    yield from (float(count) for count in (*given, intent.total_steps) if count)
    if intent.batches_per_epoch:
        yield run * -(-intent.batches_per_epoch // (intent.accumulation or 1))
