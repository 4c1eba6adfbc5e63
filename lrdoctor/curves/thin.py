"""Thinning for display: every extreme and every non-finite value stays."""

from __future__ import annotations

import numpy as np

from lrdoctor.types import Array, IntArray, Series


def keep_extremes(value: Array, most: int) -> IntArray:
    """Indices into ``value: float64[n]``, ascending, at most ``most`` (>= 8) of them.

    First and last point, and the minimum, maximum and first non-finite value of each of
    ``most // 4`` equal stretches: striding would lose the spikes that a reader looks for.
    """
    n = len(value)
    if n <= most:
        return np.arange(n, dtype=np.int64)
    edges = np.linspace(0, n, most // 4 + 1).astype(np.int64)
    starts = edges[:-1]
    finite = np.isfinite(value)
    lowest = _argreduce(np.where(finite, value, np.inf), starts, np.minimum)
    highest = _argreduce(np.where(finite, value, -np.inf), starts, np.maximum)
    odd = np.flatnonzero(~finite)
    _, first_odd = np.unique(np.searchsorted(edges, odd, side="right"), return_index=True)
    picked = np.concatenate([[0], lowest, highest, odd[first_odd], [n - 1]])
    return np.unique(picked).astype(np.int64)


def _argreduce(value: Array, starts: IntArray, reduce: np.ufunc) -> IntArray:
    """Index of the extreme of each stretch that begins at ``starts``."""
    best = reduce.reduceat(value, starts)
    lengths = np.diff(np.append(starts, len(value)))
    hits = np.flatnonzero(value == np.repeat(best, lengths))
    owner = np.searchsorted(starts, hits, side="right")
    _, first = np.unique(owner, return_index=True)
    return hits[first].astype(np.int64)


def thumbnail(series: Series, most: int = 2000) -> Series:
    """The series with at most ``most`` points, extremes kept."""
    if len(series) <= most:
        return series
    keep = keep_extremes(series.value, most)
    wall = None if series.wall_time is None else series.wall_time[keep]
    return Series(series.tag, series.step[keep], series.value[keep], wall)
