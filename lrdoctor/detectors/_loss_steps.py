"""The sharpest step of a loss in either direction, as a ratio: changes of scale show in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lrdoctor.curves.changepoint import normal_equivalent
from lrdoctor.curves.noise import point_sigma, robust_sigma
from lrdoctor.detectors._loss_events import CHANCE, FREEDOM, outline
from lrdoctor.types import Array, Series

# Groups on either side that a step is looked for with, and that its levels are taken from.
_NEAR, _WIDE = 3, 6
# Groups of points: a step is sharp if it is over within two or three percent of the run.
_BINS = 50
# Points on either side that the scatter of single values is taken from.
_POINTS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A step at point ``start``: levels before and after, their ``ratio`` and its relative error,
    ``sigmas`` of the step as a normal deviate, ``scatter_ratio`` of single values, relative to
    each other (1 if the noise did not change)."""

    start: int
    before: float
    after: float
    ratio: float
    error: float
    sigmas: float
    scatter_ratio: float


@lru_cache(maxsize=32)
def sharpest_step(series: Series, up: bool) -> Step | None:
    """The largest relative step up (or down) of a positive loss; None without a clear one.

    The part that neighbouring groups would have changed anyway is taken off, and the step must
    stand out of all others of the log as well as of the scatter around it.
    """
    sketch = outline(series, _BINS)
    if sketch is None or len(sketch.level) < 2 * _WIDE or not np.min(sketch.level) > 0:
        return None
    height = np.log(sketch.level)
    means = np.median(sliding_window_view(height, _NEAR), axis=1)
    change = means[_NEAR:] - means[:-_NEAR]
    # What the curve does before the place it does at the place as well.
    drift = np.concatenate([np.zeros(_NEAR), change[:-_NEAR]])
    clear = (change - np.minimum(drift, 0) if not up else change) * (1 if up else -1)
    clear[: _WIDE - _NEAR] = -np.inf
    k = int(np.argmax(clear))
    at = k + _NEAR
    if not np.isfinite(clear[k]) or at + _NEAR > len(height):
        return None
    others = np.delete(change, slice(max(0, k - _NEAR), k + _NEAR + 1))[_WIDE:]
    if len(others) < _WIDE:
        return None
    spread = robust_sigma(others)
    low, high = height[max(0, at - _WIDE) : at], height[at : at + _WIDE]
    # Both levels as of the border between two groups; the group of the step itself is mixed.
    before, after = _at_border(low), _at_border(high[:0:-1])
    noise = robust_sigma(np.diff(height[max(0, at - 3 * _WIDE) : at])) / np.sqrt(2.0)
    error = max(float(noise) * float(np.sqrt(2.0 / _NEAR)), 1e-9)
    sigmas = normal_equivalent(
        float(clear[k]), max(error, spread), FREEDOM * (len(others) + 3 * _WIDE)
    )
    if sigmas < float(np.sqrt(CHANCE**2 + 2 * np.log(len(height)))):
        return None
    # The groups of a log that they do not divide evenly are of two sizes.
    border = (sketch.step[at - 1] + sketch.step[at]) / 2
    near = int(np.searchsorted(sketch.points.step, border))
    start = _start(sketch.points.value, near, sketch.size + 1, up)
    scatter = _scatter_ratio(sketch.points.value, start)
    ratio = float(np.exp(after - before))
    return Step(start, float(np.exp(before)), float(np.exp(after)), ratio, error, sigmas, scatter)


def _at_border(height: Array) -> float:
    """Level just past the last of the groups next to a border: their median carried on along the
    line through them."""
    slope = float(np.polyfit(np.arange(len(height), dtype=np.float64), height, 1)[0])
    near = height[-_NEAR:]
    return float(np.median(near)) + slope * (len(near) + 1) / 2


def _start(value: Array, near: int, size: int, up: bool) -> int:
    """The single point at which the two sides differ most."""
    reach = max(4, 2 * size)
    lo, hi = max(reach, near - 2 * size - 1), min(len(value) - reach, near + 2 * size + 2)
    if hi <= lo:
        return min(max(near, 1), len(value) - 1)
    total = np.concatenate([[0.0], np.cumsum(value)])
    here = np.arange(lo, hi)
    gap = total[here + reach] - 2 * total[here] + total[here - reach]
    return lo + int(np.argmax(gap if up else -gap))


def _scatter_ratio(value: Array, start: int) -> float:
    before = point_sigma(value[max(0, start - _POINTS) : start])
    after = point_sigma(value[start + 1 : start + 1 + _POINTS])
    return float(after / before) if before > 0 and np.isfinite(after) else float("nan")
