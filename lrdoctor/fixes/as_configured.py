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

# A configured length may exceed the planned epochs by this share and still count them.
_SAME = 0.05
_HORIZONS = {"cosine": "T_max", "linear": "total_steps", "polynomial": "total_steps"}
_LENGTHS = {**_HORIZONS, "step": "step_size", "multistep": "milestones"}
_ONE_CYCLE = ("pct_start", "div_factor", "final_div_factor")


@dataclass(frozen=True, slots=True)
class AsConfigured:
    """One candidate: the configured family over the planned length.

    A length that fits the planned epochs counts them and is stepped once an epoch; another counts
    optimizer steps. OneCycleLR goes over the whole training from max_lr.
    """

    name: ClassVar[str] = "as_configured"

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """Safe where the configuration gives the length itself."""
        length = planned(case, finding)
        plans = {g.name: _plan(case, g, length) for g in governing_groups(case)}
        schedules: dict[str, Schedule] = {}
        written: NamedSchedule | None = None
        for group in governing_groups(case):
            plan = plans[group.name]
            new = None if plan is None else _in_x(case, plan, length)
            if plan is not None and new is not None:
                schedules[group.name] = over(new, origin(group), length)
                written = written or plan.named
        if not schedules:
            return
        plan = next(p for p in plans.values() if p is not None)
        line, loop = (
            constructor(written),
            ["for epoch in range(epochs):", "    for batch in loader:"],
        )
        per_epoch = _counts_epochs(case, plan, length)
        before = [line, *loop, "        ..."]
        call = "    scheduler.step()" if per_epoch else "        scheduler.step()"
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=f"step the configured scheduler after every {'epoch' if per_epoch else 'step'}",
            safe=all(p is None or p.given for p in plans.values()),
            schedules=schedules,
            before=before,
            after=[*before, call],
        )


def _plan(case: Case, group: ParamGroup, length: float) -> Configured | None:
    """What is configured, from the configured LR where the group has it."""
    top = case.intent.lr or top_lr(case, group)
    if family(case.intent) != "onecycle":
        return configured(case.intent, top, length)
    given: dict[str, Any] = dict(case.intent.arguments)
    own = {name: given[name] for name in _ONE_CYCLE if isinstance(given.get(name), int | float)}
    values = {"max_lr": given.get("max_lr") or top, "total_steps": length, **own}
    named = rebuilt("onecycle", values)
    return None if named is None else Configured(named, "total_steps", None, "max_lr" in given)


def _counts_epochs(case: Case, plan: Configured, length: float) -> bool:
    """Whether the configured numbers count epochs."""
    by_epoch, n = case.clock.unit is ClockUnit.EPOCH, steps_per_epoch(case)
    if plan.named.name == "onecycle":
        return False
    if plan.named.name == "exponential":
        return True
    if not plan.given or plan.number is None or not n:
        return by_epoch
    return plan.number <= (1 + _SAME) * (length if by_epoch else length / n)


def _in_x(case: Case, plan: Configured, length: float) -> NamedSchedule | None:
    """The schedule in x units; None where they are epochs and its numbers are not."""
    named, n = plan.named, steps_per_epoch(case)
    values: dict[str, Any] = dict(named.parameters())
    by_epoch = case.clock.unit is ClockUnit.EPOCH
    if not _counts_epochs(case, plan, length):
        if not by_epoch or named.name == "onecycle":
            return named
        # A length in steps is that of the run: on this axis its epochs.
        horizon = _HORIZONS.get(named.name)
        return rebuilt(named.name, {**values, horizon: length}) if horizon else None
    if by_epoch or not n or n <= 1:
        return named
    if named.name == "exponential":
        gamma = float(values["gamma"]) ** (1 / n)
        return rebuilt(named.name, {**values, "gamma": gamma, "interval": n})
    parameter = _LENGTHS[named.name]
    value = values[parameter]
    times = [v * n for v in value] if isinstance(value, tuple | list) else float(value) * n
    smooth = {"interval": n} if named.name in _HORIZONS else {}
    return rebuilt(named.name, {**values, parameter: times, **smooth})
