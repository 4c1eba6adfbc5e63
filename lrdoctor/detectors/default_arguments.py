"""Schedulers of torch left at their defaults, which few people expect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import (
    governing_groups,
    length_text,
    percent,
    steps_per_epoch,
    typical_gap,
    x_units,
)
from lrdoctor.detectors._levels import Levels, levels_of
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, ParamGroup, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement

# torch's total_iters of ConstantLR, LinearLR and PolynomialLR; the first two start at 1/3.
_STEPS = 5
_START = 1.0 / 3.0
_LINEAR: Array = _START + (1.0 - _START) * np.arange(_STEPS + 1) / _STEPS
_POLYNOMIAL: Array = 1.0 - np.arange(_STEPS + 1) / _STEPS
# Powers that people give PolynomialLR without a length: 0.9 of segmentation recipes, 2, 3.
_POWERS = (0.3, 4.0)
# Settings that show that somebody chose the numbers.
_CHOSEN = frozenset({"total_iters", "factor", "start_factor", "end_factor", "power"})


@dataclass(frozen=True, slots=True)
class DefaultArguments:
    """The numbers must be torch's to the digits of the log, in steps or in epochs.

    Intended warm-ups are longer, or start at another share of the LR than a third.
    """

    name: ClassVar[str] = "default_arguments"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"first_lr", "full_lr", "lasts", "share", "run_left", "factor"}
    )

    digits: float
    note_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding, for the first governing group that shows the numbers."""
        if case.intent.arguments.keys() & _CHOSEN:
            return
        for group in governing_groups(case):
            lr = group.lr.finite()
            levels = levels_of(lr, _STEPS + 2)
            if len(levels.value) < 2:
                continue
            found = (
                self._constant(case, group, levels)
                or self._linear(case, group, levels)
                or self._polynomial(case, group, levels)
            )
            if found is not None:
                yield found
                return

    def _constant(self, case: Case, group: ParamGroup, levels: Levels) -> Evidence | None:
        """A third of the LR for five scheduler steps, then all of it."""
        low, high = float(levels.value[0]), float(levels.value[1])
        if not high > 0 or abs(low / high - _START) > self.digits * _START:
            return None
        each = _step_length(case, group, float(levels.length[0]) / _STEPS)
        if each is None or (case.intent.lr and abs(case.intent.lr / high - 1) > 0.1):
            return None
        text = (
            f"ConstantLR holds {number_text(low)}, a third of the LR, for "
            f"{length_text(case, levels.length[0])} and then jumps by 3: its defaults are "
            "factor=1/3 and total_iters=5"
        )
        return self._evidence(case, group, levels, 1, text)

    def _linear(self, case: Case, group: ParamGroup, levels: Levels) -> Evidence | None:
        """From a third to the whole LR over five scheduler steps, and no decay after them."""
        top = float(levels.value[-1])
        if (
            len(levels.value) != _STEPS + 1
            or not self._are(levels, _LINEAR, top)
            or not _evenly(case, group, levels)
        ):
            return None
        text = (
            f"LinearLR rises from a third of the LR over {length_text(case, _span(levels))}: its "
            "defaults are start_factor=1/3 and total_iters=5"
        )
        text += "; it does not decay unless end_factor is set"
        severity = None if case.intent.scheduler == "linear" else Severity.INFO
        return self._evidence(case, group, levels, _STEPS, text, severity)

    def _polynomial(self, case: Case, group: ParamGroup, levels: Levels) -> Evidence | None:
        """Down to exactly 0 in five scheduler steps, and 0 from then on."""
        lr = group.lr.finite()
        ends = len(levels.value) == _STEPS + 1 and levels.value[-1] == 0
        if not ends or not levels.value[:-1].min() > 0:
            return None
        # The power leaves the length alone, which is what the default is about.
        power = float(np.log(levels.value[1] / levels.value[0]) / np.log(_POLYNOMIAL[1]))
        power = 1.0 if abs(power - 1.0) <= self.digits else power
        low, high = _POWERS
        if not low <= power <= high:
            return None
        if not self._are(levels, _POLYNOMIAL**power, float(levels.value[0])):
            return None
        if not _evenly(case, group, levels):
            return None
        left = 100 * (float(lr.step[-1]) - levels.begin[_STEPS]) / float(lr.step[-1] - lr.step[0])
        text = (
            f"PolynomialLR comes to 0 after {length_text(case, _span(levels))}, with "
            f"{percent(left)} of the run to come: its default is total_iters=5"
        )
        severity = Severity.ERROR if left >= 50 else None
        return self._evidence(case, group, levels, _STEPS, text, severity)

    def _are(self, levels: Levels, shares: Array, scale: float) -> bool:
        seen = levels.value[: _STEPS + 1]
        if len(seen) <= _STEPS or not scale > 0:
            return False
        return bool(np.all(np.abs(seen / scale - shares) <= self.digits))

    def _evidence(
        self,
        case: Case,
        group: ParamGroup,
        levels: Levels,
        last: int,
        text: str,
        severity: Severity | None = None,
    ) -> Evidence:
        lr = group.lr.finite()
        length = float(lr.step[-1] - lr.step[0])
        lasts = float(levels.begin[last] - levels.begin[0])
        if severity is None and lasts < self.note_share * length:
            severity = Severity.INFO
        # An LR that is gone, or stays up where a decay was meant, is wrong to the end.
        over = levels.value[last] > 0 and case.intent.scheduler != "linear"
        stop = int(levels.begin[last]) + 1 if over else int(lr.step[-1]) + 1
        return Evidence(
            start=int(levels.begin[0]),
            stop=stop,
            tags=(group.lr.tag,),
            measured={
                "first_lr": Quantity(float(levels.value[0]), ""),
                "full_lr": Quantity(float(levels.value.max()), ""),
                "lasts": Quantity(lasts, x_units(case)),
                "share": Quantity(100 * lasts / length, "%"),
                "run_left": Quantity(100 * (1 - lasts / length), "%"),
                "factor": Quantity(float(levels.value[1] / levels.value[0]), ""),
            },
            param_group=group.name,
            detail=text,
            revision="a configuration that asks for these numbers",
            severity=severity,
        )


def _span(levels: Levels) -> float:
    return float(levels.begin[_STEPS] - levels.begin[0])


def _step_length(case: Case, group: ParamGroup, each: float) -> float | None:
    """``each`` where it is the length of a scheduler step: one x unit or one epoch."""
    per_epoch, gap = steps_per_epoch(case), typical_gap(group.lr)
    if gap <= 1 and abs(each - 1) < 0.05:
        return each
    if per_epoch and per_epoch > 1 and abs(each - per_epoch) <= max(gap, 1.0) / _STEPS:
        return each
    return None


def _evenly(case: Case, group: ParamGroup, levels: Levels) -> bool:
    """Whether the first five levels last one scheduler step each."""
    each = _span(levels) / _STEPS
    slack = max(typical_gap(group.lr), 1.0) if each > 1 else 0.0
    even = np.abs(levels.length[:_STEPS] - each) <= slack
    return bool(even.all()) and _step_length(case, group, each) is not None
