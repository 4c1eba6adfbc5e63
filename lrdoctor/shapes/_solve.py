"""Small least-squares solvers in plain numpy: weighted lines and a damped Gauss-Newton."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lrdoctor.types import Array

# Step of numeric derivatives: some times the root of the float64 epsilon, best for one-sided ones.
_STEP = 1e-7
_FIRST_STEPS = 3
_MOST_DAMPING = 1e4


def weighted_line(t: Array, y: Array, weight: Array) -> tuple[float, float]:
    """Intercept and slope of the line through ``y: float64[n]`` with weights 1/variance."""
    total = float(weight.sum())
    if total <= 0 or len(t) < 2:
        return float(y[0]), 0.0
    middle = float(weight @ t) / total
    level = float(weight @ y) / total
    spread = float(weight @ (t - middle) ** 2)
    slope = 0.0 if spread == 0 else float(weight @ ((t - middle) * (y - level))) / spread
    return level - slope * middle, slope


def least_squares(
    residuals: Callable[[Array], Array],
    start: Array,
    scale: Array,
    *,
    slopes: Callable[[Array], Array] | None = None,
    steepest: Array | float = np.inf,
    iterations: int = 30,
    slow: float = 1e-6,
) -> Array:
    """Parameters that minimise the sum of squared ``residuals``, from ``start: float64[k]``.

    ``scale`` is the natural size of a change of each parameter, ``slopes`` the derivatives
    ``float64[n, k]`` (numeric ones otherwise; steeper than ``steepest: float64[n]`` per ``scale``
    are an edge that crosses a sample, and taken for 0). Levenberg's damping, so directions that
    the data leave open stay where they started; parameters with infinite residuals are never
    taken. After some steps it ends when a step takes less than the share ``slow`` off the sum.
    """
    best, current = start.copy(), residuals(start)
    cost = float(current @ current)
    damping = 1e-6
    for index in range(iterations):
        if not np.isfinite(cost) or cost == 0:
            break
        if slopes is None:
            change = _derivatives(residuals, best, current, scale, steepest)
        else:
            change = slopes(best) * scale
        sizes = np.sqrt(np.sum(change**2, axis=0))
        if not np.isfinite(sizes).all() or sizes.max(initial=0.0) == 0:
            break
        previous = cost
        while damping < _MOST_DAMPING:
            # Solved as a stacked system: the normal equations would square its condition, and
            # short stretches of a curve leave parameters nearly interchangeable.
            lift = np.diag(np.sqrt(damping) * np.maximum(sizes, 1e-12 * sizes.max()))
            stacked = np.concatenate([change, lift])
            target = np.concatenate([current, np.zeros(len(start))])
            trial = best - np.linalg.lstsq(stacked, target, rcond=None)[0] * scale
            value = residuals(trial)
            new = float(value @ value)
            if np.isfinite(new) and new < cost:
                best, current, cost = trial, value, new
                damping = max(damping / 30.0, 1e-18)
                break
            damping *= 10.0
        enough = slow if index >= _FIRST_STEPS else 1e-6
        if not cost < previous * (1 - enough):
            break
    return best


def _derivatives(
    residuals: Callable[[Array], Array],
    at: Array,
    current: Array,
    scale: Array,
    steepest: Array | float,
) -> Array:
    """Numeric derivatives per ``scale``, 0 where an edge crosses a sample."""
    columns = []
    for index, size in enumerate(scale):
        shift = np.zeros_like(at)
        shift[index] = _STEP * size
        with np.errstate(invalid="ignore"):
            slope = (residuals(at + shift) - current) / _STEP
        usable = np.isfinite(slope) & (np.abs(slope) <= steepest)
        columns.append(np.where(usable, slope, 0.0))
    return np.stack(columns, axis=1)
