"""Did a series step up at a given place? Tested against the series' own unrest before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.curves.noise import autocorrelation_time
from lrdoctor.types import Array

# Points further away than this say little about the place in question.
REACH = 1000
# So many earlier places are needed before the largest of their steps mean something.
PLACES = 40
# Points before the place that its scatter is taken from, where there are as many.
SCATTER = 40
# Three degrees of freedom go into the trend.
LEAST = 6


@dataclass(frozen=True, slots=True)
class Shift:
    """A step up at ``index``, the first point after it.

    ``before`` and ``after`` are the levels (means), ``rise`` the part of their difference that
    the trend before does not explain, ``error`` its standard error, ``sigmas`` how far out a normal
    deviate of the same chance would lie, ``rank`` the share of earlier places whose own step is
    smaller (NaN where there are none) and ``width`` the points the level after was taken from.
    """

    index: int
    before: float
    after: float
    rise: float
    sigmas: float
    error: float
    rank: float
    width: int


def level_shift(
    value: Array, index: int, *, before: int, after: int, lag: int = 0, start: int = 0
) -> Shift | None:
    """The largest step up of ``value: float64[n]`` (finite) within ``lag`` points of ``index``.

    The means of the ``before`` and ``after`` points on either side are compared: what harms a
    training often shows as batches that fail now and then, which a median overlooks. The error of
    the step is estimated twice: from the scatter of the points before about their trend, with
    their autocorrelation; and from the steps up at earlier places from ``start`` on, where nothing
    happened; the larger counts, so that slow wander, epoch staircases and heavy tails are allowed
    for. None with too few points on a side.
    """
    lo = max(start, index - REACH)
    places = [i for i in range(index - lag, index + lag + 1) if i + after <= len(value)]
    if not places or index - lag - lo < max(before, LEAST):
        return None
    calm = value[lo : index - lag]
    steps = _steps(calm, before, after)
    error, freedom = _from_scatter(calm, lo, before, after)
    error = max(error, _from_places(steps))
    drift = _drift(calm, before)
    shifts = []
    for i in places:
        low, high = float(np.mean(value[i - before : i])), float(np.mean(value[i : i + after]))
        rise = high - low - drift
        rank = float(np.mean(steps < rise)) if len(steps) else float("nan")
        sigmas = normal_equivalent(rise, error, freedom)
        shifts.append(Shift(i, low, high, rise, sigmas, error, rank, after))
    largest = max(s.rise for s in shifts)
    if not np.isfinite(largest):
        return None  # losses at the edge of floats
    # Neighbouring places share most of their windows; the jump itself tells them apart.
    near = [s for s in shifts if s.rise >= largest - 0.1 * abs(largest)]
    return max(near, key=lambda s: float(value[s.index] - value[s.index - 1]))


def _drift(calm: Array, before: int) -> float:
    """How far a trend that already rises before the place carries on: never less than 0."""
    if len(calm) < 2 * before:
        return 0.0
    step = float(np.mean(calm[-before:]) - np.mean(calm[-2 * before : -before]))
    return max(0.0, step)


def _steps(calm: Array, before: int, after: int) -> Array:
    """The step at every place of ``calm`` that has both windows."""
    if len(calm) < before + after:
        return np.empty(0)
    total = np.concatenate([[0.0], np.cumsum(calm)])
    low = (total[before:] - total[:-before]) / before
    high = (total[after:] - total[:-after]) / after
    return np.asarray(high[before:] - low[: len(high) - before], dtype=np.float64)


def _from_places(steps: Array) -> float:
    """Standard error that the largest 2.5 % of the steps speak for; a falling trend adds none."""
    if len(steps) < PLACES:
        return 0.0
    return max(0.0, float(np.quantile(steps, 0.975)) / 1.96)


def _from_scatter(calm: Array, offset: int, before: int, after: int) -> tuple[float, float]:
    """Standard error of the difference of the two means, and its degrees of freedom.

    The trend is a parabola over the logarithm of the point's position in the series, which follows
    a loss that levels off as well as a straight line; the first third of a short stretch, where it
    falls steepest, is left out.
    """
    most = min(max(3 * before, SCATTER), max(LEAST, 2 * len(calm) // 3))
    near = calm[-most:]
    at = np.log(np.arange(len(calm) - len(near), len(calm)) + offset + 1.0)
    at = (at - at[0]) / (at[-1] - at[0])
    residual = near - np.polyval(np.polyfit(at, near, 2), at)
    spread = float(np.sqrt(np.dot(residual, residual) / (len(near) - 3)))
    tau = autocorrelation_time(residual)
    # Short windows cannot average over more points than they have; a trend that the parabola does
    # not follow looks correlated too, and three degrees of freedom ask for 19 errors anyway.
    share = sum(min(tau, n) / n for n in (before, after))
    return spread * float(np.sqrt(share)), max(len(near) / tau - 3, 3.0)


def normal_equivalent(rise: float, error: float, freedom: float) -> float:
    """The normal deviate as unlikely as Student's ``rise / error`` (Wallace 1959)."""
    if rise == 0:
        return 0.0
    t = abs(rise) / error if error > 0 else np.inf
    # A rise without any noise to compare with is as certain as the degrees of freedom allow.
    grown = np.log1p(min(t * t, 1e12) / freedom)
    scale = (8 * freedom + 1) / (8 * freedom + 3)
    return float(np.sign(rise) * scale * np.sqrt(freedom * grown))


def recovery(value: Array, index: int, level: float, *, points: int) -> int | None:
    """How many points after ``index`` the running mean of ``points`` is back at ``level``.

    0 if it never left; None if it does not come back within ``value: float64[n]``.
    """
    tail = value[index:]
    if len(tail) < points:
        return None
    total = np.concatenate([[0.0], np.cumsum(tail)])
    back = np.flatnonzero(total[points:] - total[:-points] <= points * level)
    return int(back[0]) if len(back) else None
