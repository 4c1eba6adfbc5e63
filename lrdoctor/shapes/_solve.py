"""Small least-squares solvers in plain numpy: weighted lines and a damped Gauss-Newton."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lrdoctor.types import Array

# Steps of numeric derivatives: about the cube root of the float64 epsilon, best for central ones.
_STEP = 1e-5
_EXTRA_DAMPING = 1e8


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
    residuals: Callable[[Array], Array], start: Array, scale: Array, iterations: int = 20
) -> Array:
    """Parameters that minimise the sum of squared ``residuals``, from ``start: float64[k]``.

    ``scale`` is the natural size of a change of each parameter. Points where the residual jumps
    (a parameter that moves an edge across a sample) take no part in the derivative. Levenberg's
    damping, so directions that the data leave open stay where they started.
    """
    best, current = start.copy(), residuals(start)
    cost = float(current @ current)
    damping = 1e-6
    for _ in range(iterations):
        if not np.isfinite(cost) or cost == 0:
            return best
        slopes = _derivatives(residuals, best, scale)
        gradient, curvature = slopes.T @ current, slopes.T @ slopes
        size = np.diag(curvature).max(initial=0.0)
        if size == 0:
            return best
        improved = False
        while damping < _EXTRA_DAMPING:
            lifted = curvature + np.diag(damping * np.diag(curvature) + 1e-14 * size)
            move = -np.linalg.solve(lifted, gradient)
            trial = best + move * scale
            value = residuals(trial)
            new = float(value @ value)
            if np.isfinite(new) and new < cost:
                improved = cost - new > 1e-10 * cost
                best, current, cost = trial, value, new
                damping = max(damping / 30.0, 1e-12)
                break
            damping *= 10.0
        if not improved:
            return best
    return best


def _derivatives(residuals: Callable[[Array], Array], at: Array, scale: Array) -> Array:
    columns = []
    for index, size in enumerate(scale):
        shift = np.zeros_like(at)
        shift[index] = _STEP * size
        slope = (residuals(at + shift) - residuals(at - shift)) / (2 * _STEP)
        wild = ~np.isfinite(slope) | (np.abs(slope) > _wild(slope))
        columns.append(np.where(wild, 0.0, slope))
    return np.stack(columns, axis=1)


def _wild(slope: Array) -> float:
    """Derivatives beyond this come from an edge that crossed a sample, not from the curve."""
    typical = float(np.nanpercentile(np.abs(slope), 75))
    return 1e3 * typical if typical > 0 else np.inf
