"""A schedule written in epochs is stepped once an epoch, not with every batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lrdoctor.detectors._configured import configured
from lrdoctor.detectors._context import governing_groups
from lrdoctor.fixes._plan import (
    candidate,
    named_first,
    origin,
    over,
    planned,
    rebuilt,
    top_lr,
)
from lrdoctor.fixes._torch import constructor, shown
from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import Case, ClockUnit, ParamGroup, Schedule
from lrdoctor.verdict import Candidate, Finding

# Schedules people write in epochs, with the parameters that are lengths.
_LENGTHS = {
    "step": ("step_size",),
    "multistep": ("milestones",),
    "exponential": (),
    "cosine": ("T_max",),
    "cosine_restarts": ("T_0",),
    "linear": ("total_steps",),
    "polynomial": ("total_steps",),
}
# Those whose value between two steps of the scheduler is the last one's.
_SMOOTH = frozenset({"exponential", "cosine", "cosine_restarts", "linear", "polynomial"})
_BY_FACTORS = frozenset({"step", "multistep", "exponential"})
# PolynomialLR with its default power is a line.
_LINES = {"linear", "polynomial"}
# A fitted number is the configured one within this share of it.
_CLOSE = 0.1


@dataclass(frozen=True, slots=True)
class StepPerEpoch:
    """One candidate, where an epoch is several x units: lengths times the units of an epoch.

    Proposed where the configuration's number is the fitted one (10 meant epochs, 10 steps fitted),
    or where the stretched schedule would use most of the run.
    """

    name: ClassVar[str] = "step_per_epoch"
    least_use: float = 0.2

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """Safe where the configuration names the same length or factor."""
        n = case.clock.steps_per_epoch
        by_epoch = case.clock.unit is ClockUnit.EPOCH
        # In a log of epochs the configuration has the only numbers, and a rule that compared them.
        if not n or (n <= 1 and finding.rule.detector != "stepped_per_batch"):
            return
        length = planned(case, finding)
        schedules: dict[str, Schedule] = {}
        groups = governing_groups(case)
        confirmed = by_epoch or (bool(groups) and all(_confirmed(case, g) for g in groups))
        for group in groups:
            new = _as_written(case, group, length) if by_epoch else _per_epoch(case, group, n)
            if new is not None and (confirmed or self._plausible(new, length)):
                schedules[group.name] = over(new, origin(group), length)
        if not schedules:
            return
        first = next(g for g in groups if g.name in schedules)
        line = constructor(schedules[first.name].named if by_epoch else _in_epochs(case, first))
        often = "with every batch" if by_epoch else f"{shown(n)} times"
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=f"step the scheduler once an epoch, not {often}",
            safe=confirmed,
            schedules=schedules,
            before=[
                line,
                "for epoch in range(epochs):",
                "    for batch in loader:",
                "        ...",
                "        scheduler.step()",
            ],
            after=[
                line,
                "for epoch in range(epochs):",
                "    for batch in loader:",
                "        ...",
                "    scheduler.step()",
            ],
        )

    def _plausible(self, new: NamedSchedule, length: float) -> bool:
        """Whether a usable LR is left after a good part of the run, and little at its end."""
        start, early, end = new.lr(np.array([0.0, self.least_use * length, length]))
        return bool(early > 0.1 * start and end < 0.5 * start)


def _as_written(case: Case, group: ParamGroup, length: float) -> NamedSchedule | None:
    """The configured schedule."""
    plan = configured(case.intent, case.intent.lr or top_lr(case, group), length)
    return None if plan is None else plan.named


def _per_epoch(case: Case, group: ParamGroup, n: float) -> NamedSchedule | None:
    named = _in_epochs(case, group)
    if named is None:
        return None
    values: dict[str, Any] = dict(named.parameters())
    for parameter in _LENGTHS[named.name]:
        values[parameter] = _times(values[parameter], n)
    if named.name == "exponential":
        values["gamma"] = float(values["gamma"]) ** (1 / n)
    if named.name in _SMOOTH:
        values["interval"] = n
    return rebuilt(named.name, values)


def _times(value: Any, n: float) -> Any:
    return [v * n for v in value] if isinstance(value, tuple | list) else float(value) * n


def _in_epochs(case: Case, group: ParamGroup) -> NamedSchedule | None:
    """The schedule as its author wrote it: configured, else as fitted in steps."""
    fitted = named_first(group)
    name = case.intent.scheduler or (fitted.name if fitted is not None else "")
    if name not in _LENGTHS:
        return None
    if fitted is not None and (fitted.name == name or {fitted.name, name} == _LINES):
        return fitted
    wanted = (*_LENGTHS[name], *(("gamma",) if name in _BY_FACTORS else ()))
    arguments = {k: case.intent.arguments[k] for k in wanted if k in case.intent.arguments}
    return rebuilt(name, {"lr": top_lr(case, group), **arguments})


def _confirmed(case: Case, group: ParamGroup) -> bool:
    """Whether the configuration says in epochs what the fit found in steps."""
    fitted = named_first(group)
    if fitted is None or fitted.name not in _LENGTHS:
        return False
    names = _LENGTHS[fitted.name] or ("gamma",)
    values, meant = fitted.parameters(), dict(case.intent.arguments)
    if case.intent.epochs is not None:
        meant = {"T_max": case.intent.epochs, "total_steps": case.intent.epochs, **meant}
    return any(_near(values.get(name), meant.get(name)) for name in names)


def _near(fitted: object, meant: object) -> bool:
    if not isinstance(fitted, int | float) or not isinstance(meant, int | float):
        return False
    if 0 < meant < 1:
        return abs(fitted - meant) < _CLOSE * (1 - meant)
    return abs(fitted - meant) <= _CLOSE * meant
