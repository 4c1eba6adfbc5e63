"""What the fixes share: the length to plan for, levels, and the making of a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lrdoctor.curves.thin import thumbnail
from lrdoctor.detectors._context import governing_groups
from lrdoctor.errors import ConfigError
from lrdoctor.fixes._torch import unified
from lrdoctor.protocols import NamedSchedule
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import Case, ClockUnit, ParamGroup, Role, Schedule, Series
from lrdoctor.verdict import Candidate, Curve, Finding

# Canonical parameters that are LRs and scale with a param group.
_LEVELS = frozenset({"lr", "max_lr", "min_lr", "base_lr", "eta_min", "end_lr", "warmup_start_lr"})
# An LR that starts below this share of its peak warms up.
_WARM = 0.9
# A sparse log may miss the peak by this factor.
_SPARSE = 1.2
# A logged LR may lie above the configured one by this share: rounding.
_NEAR = 0.02
# A rise that takes longer than this share of the run is no warm-up.
_LONGEST_WARMUP = 0.3


def origin(group: ParamGroup) -> float:
    """Where the group's schedule began its own time."""
    return group.schedules[0].origin if group.schedules else float(group.lr.step[0])


def named_first(group: ParamGroup) -> NamedSchedule | None:
    """The schedule the group started with, where it has a name."""
    return group.schedules[0].named if group.schedules else None


def peak(group: ParamGroup) -> float:
    """The group's largest LR: as fitted where that is about the largest logged, else as logged."""
    logged = float(group.lr.finite().value.max())
    named = named_first(group)
    values = {} if named is None else named.parameters()
    for fitted in (values.get("lr"), values.get("max_lr")):
        if isinstance(fitted, float) and logged <= fitted * (1 + 1e-9) <= _SPARSE * logged:
            return fitted
    return logged


def top_lr(case: Case, group: ParamGroup) -> float:
    """The group's peak: as configured where that is about the largest logged LR, else fitted."""
    logged = float(group.lr.finite().value.max())
    meant = meant_level(case, logged)
    return meant if meant != logged else peak(group)


def meant_level(case: Case, logged: float) -> float:
    """An LR read off a log, as the configuration writes it where it is the same up to sampling."""
    meant = case.intent.lr
    same = meant is not None and (1 - _NEAR) * logged <= meant <= _SPARSE * logged
    return meant if same and meant is not None else logged


def planned(case: Case, finding: Finding) -> float:
    """The length to plan for in x units: as measured for the finding, configured, or logged."""
    measured = finding.evidence.measured.get("planned")
    if measured is not None:
        return measured.value
    if case.total_steps is not None and case.total_steps > 0:
        return float(case.total_steps)
    begin = min((origin(g) for g in governing_groups(case)), default=float(case.first))
    return case.last + 1 - begin


def warmup_of(group: ParamGroup, length: float) -> dict[str, Any]:
    """Canonical warm-up parameters: as fitted, else read off the curve's rise; empty without."""
    named = named_first(group)
    if named is not None:
        fitted = {k: v for k, v in named.parameters().items() if k.startswith("warmup")}
        start, rise = fitted.get("warmup_start_lr"), fitted.get("warmup")
        rises = isinstance(start, float) and start < _WARM * peak(group)
        short = isinstance(rise, int | float) and rise <= _LONGEST_WARMUP * length
        return fitted if rises and short else {}
    lr = group.lr.finite()
    top = int(np.argmax(lr.value))
    rise = float(lr.step[top]) - origin(group)
    if lr.value[0] >= _WARM * lr.value[top] or rise > _LONGEST_WARMUP * length:
        return {}
    return {"warmup": rise, "warmup_start_lr": float(lr.value[0])}


def rebuilt(name: str, parameters: Mapping[str, Any]) -> NamedSchedule | None:
    """The schedule, or None where the parameters make none (a horizon shorter than a warm-up)."""
    try:
        return from_parameters(name, parameters)
    except ConfigError:
        return None


def whole_cosine(
    case: Case, group: ParamGroup, length: float, floor: float = 0.0
) -> NamedSchedule | None:
    """One cosine from the group's peak to ``floor`` over ``length``, its warm-up kept."""
    warmup = warmup_of(group, length)
    left = length - float(warmup.get("warmup", 0.0))
    top = top_lr(case, group)
    return rebuilt("cosine", {"lr": top, "T_max": left, "eta_min": floor, **warmup})


def scaled(named: NamedSchedule, factor: float) -> NamedSchedule | None:
    """The same schedule with every LR in it multiplied."""
    values = named.parameters()
    changed = {
        k: v * factor if k in _LEVELS and isinstance(v, float | int) else v
        for k, v in values.items()
    }
    return rebuilt(named.name, changed)


def over(named: NamedSchedule, start: float, length: float, begin: float | None = None) -> Schedule:
    """``named`` with its own time 0 at ``start``, in force from ``begin`` (default: ``start``)."""
    first = start if begin is None else begin
    return Schedule(
        start=int(first),
        stop=int(np.ceil(start + length)),
        segments=(),
        named=named,
        residual=0.0,
        origin=start,
        logged="used",
    )


def corrected_lr(lr: Series, schedule: Schedule) -> Series:
    """The LR at the logged steps under a correction; before its start what was logged stays."""
    value = np.where(lr.step >= schedule.start, schedule.lr(lr.step), lr.value)
    return Series(lr.tag, lr.step, value, lr.wall_time)


def candidate(
    case: Case,
    finding: Finding,
    *,
    fix: str,
    title: str,
    safe: bool,
    schedules: Mapping[str, Schedule],
    before: Sequence[str],
    after: Sequence[str],
) -> Candidate:
    """A candidate with its corrected curves and the diff between two pieces of script."""
    groups = {g.name: g for g in case.param_groups}
    return Candidate(
        fix=fix,
        title=title,
        answers=(finding.rule.code,),
        disposition="safe" if safe else "review",
        schedules=schedules,
        curves=tuple(
            Curve(Role.LR, groups[n].lr.tag, thumbnail(corrected_lr(groups[n].lr, s)), n)
            for n, s in schedules.items()
        ),
        diff=unified(before, after),
    )


def unit(case: Case) -> str:
    """What the positions of a schedule count."""
    words = {ClockUnit.OPTIMIZER_STEP: "optimizer step", ClockUnit.BATCH: "batch"}
    return words.get(case.clock.unit, "epoch")
