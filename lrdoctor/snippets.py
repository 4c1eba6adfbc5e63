"""Renders schedules as code of a framework: ``templates/snippets/<framework>/<schedule>.py.j2``.

A template gets the canonical parameters (absent ones are None) with every length in scheduler
steps, ``groups`` (name and largest LR of each param group) and ``when`` to step the scheduler.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from lrdoctor.protocols import NamedSchedule
from lrdoctor.resources import data_dir
from lrdoctor.types import ClockUnit
from lrdoctor.verdict import Candidate, Diagnosis, GroupSchedule

if TYPE_CHECKING:
    from jinja2 import Environment

# Canonical parameters that are lengths on the x axis.
_LENGTHS = frozenset({
    "step_size", "milestones", "T_max", "T_0", "total_steps", "timescale", "decay_start",
    "decay_steps", "warmup", "step_size_up", "step_size_down",
})  # fmt: skip
# Canonical parameters that are LRs; groups that differ by them alone share one snippet.
_LEVELS = frozenset({
    "lr", "max_lr", "base_lr", "min_lr", "eta_min", "end_lr", "warmup_start_lr",
})  # fmt: skip
_TOPS = ("lr", "max_lr")
_WHEN = {
    ClockUnit.OPTIMIZER_STEP: "after each optimizer step",
    ClockUnit.BATCH: "after each batch",
    ClockUnit.EPOCH: "after each epoch",
}


def add_code(diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis with code for every recovered and every corrected schedule."""
    unit = diagnosis.unit
    return replace(
        diagnosis,
        schedules=tuple(_recovered(s, unit) for s in diagnosis.schedules),
        candidates=tuple(_corrected(c, unit) for c in diagnosis.candidates),
    )


def code_for(
    schedules: Sequence[tuple[str, NamedSchedule]], unit: ClockUnit = ClockUnit.OPTIMIZER_STEP
) -> dict[str, str]:
    """Code by framework for the schedules of named param groups; groups alike share a section.

    Frameworks and schedules without a template are left out.
    """
    alike: dict[str, list[tuple[str, NamedSchedule]]] = {}
    for name, named in schedules:
        rest = {k: v for k, v in named.parameters().items() if k not in _LEVELS}
        alike.setdefault(f"{named.name} {rest}", []).append((name, named))
    result = {}
    for framework in _frameworks():
        sections = [_section(framework, members, unit) for members in alike.values()]
        if sections and all(sections):
            result[framework] = "\n\n".join(s for s in sections if s)
    return result


def _recovered(group: GroupSchedule, unit: ClockUnit) -> GroupSchedule:
    named = group.schedule.named
    return (
        group
        if named is None
        else replace(group, code=code_for([(group.param_group, named)], unit))
    )


def _corrected(candidate: Candidate, unit: ClockUnit) -> Candidate:
    named = [(n, s.named) for n, s in candidate.schedules.items() if s.named is not None]
    return replace(candidate, code=code_for(named, unit)) if named else candidate


def _section(
    framework: str, members: Sequence[tuple[str, NamedSchedule]], unit: ClockUnit
) -> str | None:
    named = members[0][1]
    path = f"{framework}/{named.name}.py.j2"
    if path not in _templates():
        return None
    values, interval = _per_step(named)
    per_epoch = unit is not ClockUnit.EPOCH and interval > 1
    when = "after each epoch" if per_epoch else _WHEN[unit]
    if unit is ClockUnit.EPOCH and interval < 1:
        when = "after each optimizer step"
    groups = [(_comment(name), _top(schedule)) for name, schedule in members]
    text = _environment().get_template(path).render(**values, groups=groups, when=when)
    return text.strip()


def _per_step(named: NamedSchedule) -> tuple[dict[str, Any], float]:
    """Parameters with lengths in scheduler steps, and the x units one of these takes."""
    values: dict[str, Any] = dict(named.parameters())
    interval = float(values.pop("interval", 1.0))
    for name in _LENGTHS & values.keys():
        values[name] = _divided(values[name], interval)
    if named.name == "exponential":
        values["gamma"] = values["gamma"] ** interval
    return values, interval


def _divided(value: Any, by: float) -> Any:
    if isinstance(value, tuple | list):
        return [_divided(v, by) for v in value]
    exact = float(value) / by
    return round(exact) if abs(exact - round(exact)) < 1e-6 * max(abs(exact), 1.0) else exact


def _top(named: NamedSchedule) -> float:
    values = named.parameters()
    return next((float(v) for k in _TOPS if isinstance(v := values.get(k), int | float)), 0.0)


def _comment(name: str) -> str:
    """A name out of a log, harmless in a comment."""
    return re.sub(r"[^\x20-\x7e]", "?", name)


def _literal(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _later(positions: Sequence[float], warmup: float | None) -> list[float]:
    """Positions counted from the end of the warm-up, where SequentialLR's second part begins."""
    return [p - (warmup or 0) for p in positions]


@cache
def _environment() -> Environment:
    # jinja2 takes 110 ms to import, which commands without code need not wait for.
    from jinja2 import ChainableUndefined, Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(data_dir("templates") / "snippets"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=ChainableUndefined,
        autoescape=False,  # the output is code, never HTML; reports escape it
    )
    filters: Mapping[str, Any] = {"literal": _literal, "later": _later}
    environment.filters.update(filters)
    return environment


@cache
def _frameworks() -> tuple[str, ...]:
    return tuple(sorted({t.split("/")[0] for t in _templates() if "/" in t}))


@cache
def _templates() -> frozenset[str]:
    return frozenset(_environment().list_templates())
