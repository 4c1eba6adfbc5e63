"""Fits the schedules of all param groups, one fit for groups that differ by a factor only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from lrdoctor.fit import fit_schedules
from lrdoctor.types import Schedule, Series

# Fields of shapes, schedules and warm-ups that are LRs (or LR per x unit) and scale with the group.
_LEVELS = frozenset({
    "value", "lr_max", "lr_start", "lr_end", "eta_min", "slope", "peak_lr", "end_lr", "base_lr",
    "max_lr", "min_lr", "start_lr",
})  # fmt: skip
# Two groups of one scheduler keep their ratio to float32 rounding.
_SAME_RATIO = 1e-6


def fit_groups(
    groups: Sequence[Series], boundaries: Sequence[int] = ()
) -> tuple[tuple[Schedule, ...], ...]:
    """The schedules of each group's LR; ``boundaries`` are steps of known restarts.

    Groups whose LRs keep one ratio all along share a fit, scaled by it: per-layer decay gives tens
    of them, and rounding must not make them look like different schedules.
    """
    done: list[tuple[Series, tuple[Schedule, ...]]] = []
    for lr in groups:
        shared = (_scaled_all(schedules, known, lr) for known, schedules in done)
        inside = [b for b in boundaries if len(lr) and lr.step[0] < b <= lr.step[-1]]
        fitted = next((s for s in shared if s is not None), None)
        done.append((lr, fit_schedules(lr, boundaries=inside) if fitted is None else fitted))
    return tuple(schedules for _, schedules in done)


def _scaled_all(
    schedules: tuple[Schedule, ...], known: Series, lr: Series
) -> tuple[Schedule, ...] | None:
    """The schedules of ``known`` for ``lr`` where their ratio is constant, else None."""
    if not np.array_equal(known.step, lr.step):
        return None
    here, there = known.value != 0, lr.value != 0
    if not np.array_equal(here, there) or not here.any() or not np.isfinite(lr.value).all():
        return None
    with np.errstate(over="ignore"):
        ratio = lr.value[here] / known.value[here]
    factor = float(np.median(ratio))
    if not np.isfinite(factor) or not np.all(np.abs(ratio - factor) <= _SAME_RATIO * abs(factor)):
        return None
    scaled = tuple(_scaled(schedule, factor) for schedule in schedules)
    pairs = zip(scaled, schedules, strict=True)
    # A shape of another package may call its levels differently: then the group is fitted itself.
    exact = all(np.allclose(s.lr(lr.step), factor * o.lr(lr.step), atol=0) for s, o in pairs)
    return scaled if exact else None


def _scaled(schedule: Schedule, factor: float) -> Schedule:
    segments = tuple(replace(s, shape=_levels(s.shape, factor)) for s in schedule.segments)
    named = None if schedule.named is None else _levels(schedule.named, factor)
    return replace(schedule, segments=segments, named=named)


def _levels(curve: Any, factor: float) -> Any:
    """The dataclass with every LR in it multiplied, also in a nested warm-up."""
    changed = {}
    for item in fields(curve):
        value = getattr(curve, item.name)
        if is_dataclass(value):
            changed[item.name] = _levels(value, factor)
        elif item.name in _LEVELS and value is not None:
            changed[item.name] = value * factor
    return replace(curve, **changed)
