"""The schedule that the configuration asks for, stepped as it was meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from lrdoctor.detectors._configured import Configured, configured, family
from lrdoctor.detectors._context import governing_groups, steps_per_epoch
from lrdoctor.fixes._plan import candidate, origin, over, planned, rebuilt, top_lr
from lrdoctor.fixes._torch import constructor
from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import Case, ClockUnit, ParamGroup, Schedule
from lrdoctor.verdict import Candidate, Finding

# A configured length this near the planned number of steps counts steps.
_SAME = 0.05
_LENGTHS = {
    "cosine": "T_max",
    "linear": "total_steps",
    "polynomial": "total_steps",
    "step": "step_size",
    "multistep": "milestones",
}


@dataclass(frozen=True, slots=True)
class AsConfigured:
    """One candidate: the configured family over the planned length.

    Lengths that count optimizer steps are kept, those that count epochs are stepped once an epoch.
    OneCycleLR starts at max_lr / 25 and is planned from its max_lr.
    """

    name: ClassVar[str] = "as_configured"

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """Safe where the configuration gives the length itself."""
        length, name = planned(case, finding), family(case.intent)
        schedules: dict[str, Schedule] = {}
        written, safe = None, True
        for group in governing_groups(case):
            plan = configured(case.intent, _top(case, group), length)
            new = _one_cycle(case, length) if name == "onecycle" else _scaled(case, plan, length)
            if new is not None:
                schedules[group.name] = over(new, origin(group), length)
                written = written or (plan.named if plan is not None else new)
                safe = safe and plan is not None and plan.given
        if not schedules:
            return
        line = constructor(written)
        per_epoch = _in_epochs(case, next(iter(schedules.values())).named)
        loop = ["for epoch in range(epochs):", "    for batch in loader:", "        ..."]
        call = "    scheduler.step()" if per_epoch else "        scheduler.step()"
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=f"step the configured scheduler after every {'epoch' if per_epoch else 'step'}",
            safe=safe,
            schedules=schedules,
            before=[line, *loop],
            after=[line, *loop, call],
        )


def _top(case: Case, group: ParamGroup) -> float:
    """The configured LR where the group has it, else the largest logged."""
    return case.intent.lr or top_lr(case, group)


def _one_cycle(case: Case, length: float) -> NamedSchedule | None:
    given: dict[str, Any] = dict(case.intent.arguments)
    top = given.get("max_lr") or case.intent.lr
    names = ("pct_start", "div_factor", "final_div_factor")
    own = {name: given[name] for name in names if isinstance(given.get(name), int | float)}
    return rebuilt("onecycle", {"max_lr": top, "total_steps": length, **own}) if top else None


def _scaled(case: Case, plan: Configured | None, length: float) -> NamedSchedule | None:
    """The configured schedule in x units."""
    if plan is None:
        return None
    named, n = plan.named, steps_per_epoch(case)
    values: dict[str, Any] = dict(named.parameters())
    if named.name == "exponential":
        if not n or case.clock.unit is ClockUnit.EPOCH:
            return named
        gamma = float(values["gamma"]) ** (1 / n)
        return rebuilt(named.name, {**values, "gamma": gamma, **_each(n)})
    parameter = _LENGTHS[named.name]
    if not plan.given:
        return named
    if case.clock.unit is ClockUnit.EPOCH or not n or n <= 1:
        steps = plan.number is not None and plan.number > 2 * length
        return rebuilt(named.name, {**values, parameter: length}) if steps else named
    if plan.number is not None and plan.number > (1 + _SAME) * length / n:
        return named  # it counts steps
    value = values[parameter]
    times = [v * n for v in value] if isinstance(value, tuple | list) else float(value) * n
    smooth = _each(n) if named.name in ("cosine", "linear", "polynomial") else {}
    return rebuilt(named.name, {**values, parameter: times, **smooth})


def _each(n: float) -> dict[str, float]:
    return {"interval": n}


def _in_epochs(case: Case, named: NamedSchedule | None) -> bool:
    if named is None:
        return False
    stepwise = named.name in ("step", "multistep")
    return case.clock.unit is ClockUnit.EPOCH or stepwise or "interval" in named.parameters()
