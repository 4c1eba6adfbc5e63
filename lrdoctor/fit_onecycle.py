"""One-cycles as people type them: a whole length, short shares and factors, steps of any size.

A one-cycle's peak and end lie one scheduler step before a round share of its length, so that the
size of a step shows in them; but a straight one hides where it would end, and a log of epochs where
within its first epoch it began.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.fit_segments import Curve
from lrdoctor.shapes._solve import least_squares
from lrdoctor.types import Array

# Share of an epoch that one of its steps takes: a tenth at most, and some thousandths hardly show.
_FINEST, _FINE, _COARSE = 2e-4, 1e-3, 0.1
# torch's defaults first, then what else people choose.
_DIVISORS = (25.0, 10.0, 100.0)
_FINAL_DIVISORS = (1e4, 1e3, 1e2)
_MOST_DIVIDED = 1e5
# A fit that needs this much more begins at 0, which no one-cycle does, whatever its spelling.
_FROM_ZERO = 1e8
# Units of x within which a rise shows where it began: the first may be logged early or late.
_LATE = 1.5
# A misfit that no rounding leaves: this share of the largest LR, and as many tolerances.
_FAR, _FAR_OFF = 1e-3, 30.0
_TYPED = 1
# Significant digits that a fit is sure of, and how near a peak must be to where a short share of
# the length puts it, in x units.
_SEEN = 5
_STEP = 1.0

# What remains as typed while the rest is fitted.
SHARES = ("pct_start", "div_factor", "final_div_factor")

Placed = tuple[Any, float]


def spellings(named: Any, curve: Curve, origin: float) -> Iterator[Placed]:
    """The same one-cycle in numbers that somebody may have typed, with its time 0."""
    if named.anneal_strategy == "linear" and named.div_factor <= _FROM_ZERO:
        for other in straight(named):
            yield other, origin
    if named.interval <= 1.0 and _of_epochs(curve):
        yield from _per_batch(named, curve, origin)


def typical(named: Any) -> bool:
    """Whether all numbers are such as people choose."""
    short = (named.pct_start, named.div_factor, named.final_div_factor)
    return named.total_steps.is_integer() and all(_is_typed(v) for v in short) and plausible(named)


def plausible(named: Any) -> bool:
    """Whether it begins and ends above 0, as every one-cycle does."""
    return bool(max(named.div_factor, named.final_div_factor) <= _MOST_DIVIDED)


def per_interval(named: Any, interval: float) -> Any:
    """The same curve as one whose scheduler steps take ``interval`` x units each.

    Only a one-cycle has its peak and end one such step before a round share of its length.
    """
    if named.name != "onecycle":
        return replace(named, interval=interval)
    total = named.total_steps - named.interval + interval
    share = (named.peak_at + interval) / total
    return replace(named, total_steps=total, pct_start=min(share, 1.0), interval=interval)


def straight(named: Any) -> Iterator[Any]:
    """A straight fall shows its slope, not where it would end: the usual ends, where a whole length
    and a short share say so."""
    for factor in _FINAL_DIVISORS:
        total = float(round(_end_of(named, factor, named.div_factor) + named.interval))
        share = float(f"{(named.peak_at + named.interval) / max(total, 1.0):.{_TYPED}e}")
        near = abs(share * total - named.interval - named.peak_at) < _STEP
        if total > 0 and near and 0 < share <= 1:
            values = {"div_factor": named.div_factor, "max_lr": named.max_lr}
            values = {k: float(f"{v:.{_SEEN}g}") for k, v in values.items()}
            ends = {"final_div_factor": factor, "pct_start": share}
            yield replace(named, total_steps=total, **values, **ends)


def _end_of(named: Any, factor: float, divisor: float) -> float:
    """Time of the end of a straight one-cycle if it went down to the LR that these factors give."""
    top = named.peak_at
    begin, high = (2.0 * top, named.initial_lr) if named.three_phase else (top, named.max_lr)
    slope = (high - named.final_lr) / (named.total_steps - named.interval - begin)
    return float(begin + (high - named.max_lr / divisor / factor) / slope)


def _per_batch(named: Any, curve: Curve, origin: float) -> Iterator[Placed]:
    """One that advances per batch on an axis of epochs, logged at the first batch of each or at the
    last: its steps are a small part of a unit."""
    first = float(curve.x[0])
    peak = origin + named.peak_at - first
    for divisor, factor, end in _ends(named):
        length = end + origin - first
        for late in (False, True):
            total = float(round(length + late))
            share = (peak + late) / max(total, 1.0)
            if total < 1 or abs(length + late - total) > _COARSE:
                continue
            share = float(f"{share:.{_TYPED}e}")
            if abs(share * total - peak - late) > _COARSE or not 0 < share <= 1:
                continue
            ends = {"div_factor": divisor, "final_div_factor": factor, "max_lr": named.max_lr}
            ends = {k: float(f"{v:.{_SEEN}g}") for k, v in ends.items()}
            typed = replace(named, total_steps=total, pct_start=share, **ends)
            yield from _with_steps(typed, curve, first, late=late)


def _ends(named: Any) -> Iterator[tuple[float, float, float]]:
    """Divisors, and the time of the end, that the curve may have."""
    own = float(f"{named.div_factor:.{_TYPED}e}")
    if named.anneal_strategy == "cos":
        # An end that rounding hides is as well torch's default one.
        seen = (float(f"{named.final_div_factor:.{d}e}") for d in (_TYPED, 0))
        for factor in dict.fromkeys((*seen, _FINAL_DIVISORS[0])):
            yield own, factor, named.total_steps - named.interval
        return
    rise = (named.max_lr - named.initial_lr) / max(named.peak_at, 1.0)
    near = [d for d in _DIVISORS if abs(named.max_lr / d - named.initial_lr) <= _LATE * rise]
    seen_start = (own,) if own <= _FROM_ZERO else ()
    for divisor in dict.fromkeys((*seen_start, *(() if named.three_phase else near))):
        for factor in _FINAL_DIVISORS:
            yield divisor, factor, _end_of(named, factor, divisor)


def _with_steps(typed: Any, curve: Curve, first: float, *, late: bool) -> Iterator[Placed]:
    """The schedule with the size of its steps, the only number left, by least squares."""

    def placed(interval: float) -> Placed:
        begin = first - 1.0 + interval if late else first
        return replace(typed, interval=interval), begin

    def residuals(values: Array) -> Array:
        if not _FINEST < values[0] < 2.0 * _COARSE:
            return np.full(len(curve), np.inf)
        try:
            named, begin = placed(float(values[0]))
        except ConfigError:
            return np.full(len(curve), np.inf)
        return np.asarray((named.lr(curve.x - begin) - curve.y) / curve.tolerance)

    start = np.array([10.0 * _FINE])
    found = float(least_squares(residuals, start, start, iterations=12)[0])
    missed = residuals(np.array([found]))
    share = np.sqrt(np.mean((missed * curve.tolerance) ** 2)) / typed.max_lr
    if share > _FAR and np.sqrt(np.mean(missed**2)) > _FAR_OFF:
        return  # with these shares no step size comes near, and the LRs are as fitted
    for interval in (1.0 / round(1.0 / found), found, _FINE):
        yield placed(interval)


def _of_epochs(curve: Curve) -> bool:
    """Whether x may count epochs: from 0 or 1 on, without gaps."""
    return curve.x[0] in (0.0, 1.0) and bool(np.diff(curve.x).min(initial=1.0) == 1.0)


def _is_typed(value: float) -> bool:
    return abs(float(f"{value:.{_TYPED}e}") - value) <= 1e-9 * abs(value)
