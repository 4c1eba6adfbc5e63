"""Fits the schedules of all param groups, one fit for groups that differ by a factor only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lrdoctor.fit import fit_schedules
from lrdoctor.fit_numbers import short_decimals
from lrdoctor.fit_resumed import scaled
from lrdoctor.types import Clock, Schedule, Series

# Two groups of one scheduler keep their ratio to float32 rounding.
_SAME_RATIO = 1e-6
# Rows of a CSV are rounded to five digits, and so is what they say about the start of a ramp.
_SAME_RAMP = 2e-4
_SAME_START = 5e-5
# A group's own fit stays unless the other's misses by this share of what it does.
_BETTER = 0.3
# Schedules of one optimizer are not further apart; beyond, products overflow.
_LARGEST_RATIO = 1e9


def fit_groups(
    groups: Sequence[Series], boundaries: Sequence[int] = (), clock: Clock | None = None
) -> tuple[tuple[Schedule, ...], ...]:
    """The schedules of each group's LR; ``boundaries`` are steps of known restarts, ``clock`` what
    the steps count.

    Groups whose LRs keep one ratio all along share a fit, scaled by it: per-layer decay gives tens
    of them, and rounding must not make them look like different schedules.
    """
    done: list[tuple[Series, tuple[Schedule, ...]]] = []
    for lr in groups:
        shared = (_scaled_all(schedules, known, lr) for known, schedules in done)
        inside = [b for b in boundaries if len(lr) and lr.step[0] < b <= lr.step[-1]]
        fitted = next((s for s in shared if s is not None), None)
        if fitted is None:
            fitted = fit_schedules(lr, boundaries=inside, clock=clock)
        done.append((lr, fitted))
    return tuple(_with_siblings(lr, own, done) for lr, own in done)


def _with_siblings(
    lr: Series, own: tuple[Schedule, ...], groups: Sequence[tuple[Series, tuple[Schedule, ...]]]
) -> tuple[Schedule, ...]:
    """The schedule of a group that differs from another one by the first LR of its warm-up alone,
    as ultralytics' biases do; ``own`` where there is no such group or that fits better."""
    best = own
    for other, schedules in groups:
        named = schedules[0].named if len(schedules) == 1 else None
        ramp = getattr(named, "warmup", None)
        if other is lr or ramp is None or not np.array_equal(other.step, lr.step):
            continue
        with np.errstate(all="ignore"):
            found = _from_above(lr, schedules[0], ramp)
        if found is not None and (len(best) > 1 or found.residual < _BETTER * best[0].residual):
            best = (found,)
    return best


def _from_above(lr: Series, schedule: Schedule, ramp: Any) -> Schedule | None:
    """The schedule with a warm-up that begins where ``lr`` does; None unless it explains ``lr``."""
    time = lr.step - schedule.origin
    rising = time < ramp.length
    share = ramp.share(time)[rising]
    after = ~rising & np.isfinite(lr.value)
    if not rising.any() or not after.any() or not np.all(share < 1):
        return None
    factor = float(np.median(lr.value[after] / schedule.lr(lr.step[after])))
    if not 0 < factor < _LARGEST_RATIO:
        return None
    body = _scaled(schedule, factor)
    low = replace(body, named=_starting(body.named, 0.0))
    begins = (lr.value[rising] - low.lr(lr.step[rising])) / (1.0 - share)
    if not np.isfinite(begins).all():
        return None
    value = float(begins[0])
    for start in (*short_decimals(value), value):
        found = replace(low, named=_starting(low.named, start), segments=schedule.segments)
        error = np.abs(found.lr(lr.step) - lr.value)
        if np.all(error <= _SAME_RAMP * np.abs(lr.value) + _SAME_START * abs(start)):
            largest = float(np.abs(lr.value).max())
            return replace(found, residual=float(np.sqrt(np.mean(error**2))) / largest)
    return None


def _starting(named: Any, start: float) -> Any:
    return replace(named, warmup=replace(named.warmup, start_lr=start))


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
    if not abs(factor) < _LARGEST_RATIO or not np.all(
        np.abs(ratio - factor) <= _SAME_RATIO * abs(factor)
    ):
        return None
    ours = tuple(_scaled(schedule, factor) for schedule in schedules)
    pairs = zip(ours, schedules, strict=True)
    # A shape of another package may call its levels differently: then the group is fitted itself.
    exact = all(np.allclose(s.lr(lr.step), factor * o.lr(lr.step), atol=0) for s, o in pairs)
    return ours if exact else None


def _scaled(schedule: Schedule, factor: float) -> Schedule:
    segments = tuple(replace(s, shape=scaled(s.shape, factor)) for s in schedule.segments)
    named = None if schedule.named is None else scaled(schedule.named, factor)
    return replace(schedule, segments=segments, named=named)
