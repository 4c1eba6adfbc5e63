"""The same decay over the whole run, no shorter and no longer: it ends where training ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import governing_groups
from lrdoctor.fixes._plan import (
    candidate,
    named_first,
    origin,
    over,
    planned,
    rebuilt,
    top_lr,
    unit,
)
from lrdoctor.fixes._torch import constructor, shown
from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import Case, Schedule
from lrdoctor.verdict import Candidate, Finding

# The parameter that holds the horizon, and whether it leaves out the warm-up.
_HORIZON = {"cosine": "T_max", "linear": "total_steps", "polynomial": "total_steps"}


@dataclass(frozen=True, slots=True)
class SetTMax:
    """One candidate where the schedule has a horizon: cosine, linear, polynomial."""

    name: ClassVar[str] = "set_t_max"

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """Peak, floor and warm-up stay; the horizon becomes the planned length less warm-up."""
        length = planned(case, finding)
        # The end of a log is no plan: a run that was stopped needs no shorter schedule.
        known = case.total_steps is not None or "planned" in finding.evidence.measured
        schedules: dict[str, Schedule] = {}
        groups = governing_groups(case)
        for group in groups:
            old = named_first(group)
            new = None if old is None else stretched(old, length, top_lr(case, group))
            if old is not None and new is not None and (known or _grows(old, new)):
                schedules[group.name] = over(new, origin(group), length)
        if not schedules:
            return
        first = next(g for g in groups if g.name in schedules)
        old, new = named_first(first), schedules[first.name].named
        assert old is not None and new is not None
        parameter = _HORIZON[old.name]
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=(
                f"let the {old.name} decay last as long as the training: {parameter} "
                f"{shown(new.parameters()[parameter])} {unit(case)}s instead of "
                f"{shown(old.parameters()[parameter])}"
            ),
            safe=case.total_steps is not None,
            schedules=schedules,
            before=[constructor(old)],
            after=[constructor(new)],
        )


def _grows(old: NamedSchedule, new: NamedSchedule) -> bool:
    parameter = _HORIZON[old.name]
    before, after = old.parameters()[parameter], new.parameters()[parameter]
    assert isinstance(before, int | float) and isinstance(after, int | float)
    return after > before


def stretched(old: NamedSchedule, length: float, top: float) -> NamedSchedule | None:
    """``old`` from ``top`` down to ``length``; None where its horizon is missing or just that."""
    parameter = _HORIZON.get(old.name)
    if parameter is None:
        return None
    values = old.parameters()
    warmup = values.get("warmup", 0.0)
    left = length - (float(warmup) if isinstance(warmup, int | float) else 0.0)
    horizon = values[parameter]
    if not isinstance(horizon, int | float) or not left > 0 or left == horizon:
        return None
    return rebuilt(old.name, {**values, "lr": top, parameter: left})
