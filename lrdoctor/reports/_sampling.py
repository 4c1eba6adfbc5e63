"""What of a series a chart draws: every extreme, no more points than it has room for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from lrdoctor.types import Array, IntArray

Point = tuple[float, float]


def min_max(x: Array, y: Array, columns: int) -> IntArray:
    """Indices of the smallest and the largest finite point of each pixel column, and of both ends.

    ``x`` ascends; the result ascends and has at most ``2 * columns + 2`` entries. Points that are
    not finite are left out, see ``gaps``.
    """
    finite = np.flatnonzero(np.isfinite(y))
    if len(finite) <= 2 * columns:
        return finite
    at, values = x[finite], y[finite]
    column = ((at - at[0]) * (columns / (at[-1] - at[0]))).astype(np.int64)
    order = np.lexsort((values, column))
    edge = np.flatnonzero(np.diff(column[order])) + 1
    lowest = order[np.concatenate(([0], edge))]
    highest = order[np.concatenate((edge - 1, [len(order) - 1]))]
    chosen = np.concatenate((lowest, highest, [0, len(finite) - 1]))
    return np.asarray(finite[np.unique(chosen)], dtype=np.int64)


def pieces(index: IntArray, y: Array) -> list[IntArray]:
    """The chosen indices, cut wherever a value between two of them is not finite."""
    if not len(index):
        return []
    broken = np.cumsum(~np.isfinite(y))[index]
    return np.split(index, np.flatnonzero(np.diff(broken)) + 1)


def gaps(y: Array) -> list[tuple[int, int]]:
    """Index ranges ``[first, last]`` of stretches whose values are not finite."""
    bad = np.concatenate(([False], ~np.isfinite(y), [False])).astype(np.int8)
    change = np.diff(bad)
    starts, stops = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    return [(int(a), int(b) - 1) for a, b in zip(starts, stops, strict=True)]


def thin(points: list[Point], tolerance: float) -> list[Point]:
    """The polyline with vertices left out whose vertical distance to it is within ``tolerance``.

    One pass: from each vertex kept, the cone of slopes that still passes all points skipped is
    narrowed until it is empty. ``x`` ascends; points on one spot of it are all kept.
    """
    if len(points) < 3:
        return points
    kept = [points[0]]
    (x0, y0), low, high = points[0], -np.inf, np.inf
    for (px, py), (x, y) in pairwise(points[1:]):
        if px <= x0 or x <= x0:
            kept.append((px, py))
            (x0, y0), low, high = (px, py), -np.inf, np.inf
            continue
        low = max(low, (py - tolerance - y0) / (px - x0))
        high = min(high, (py + tolerance - y0) / (px - x0))
        if not low <= (y - y0) / (x - x0) <= high:
            kept.append((px, py))
            (x0, y0), low, high = (px, py), -np.inf, np.inf
    kept.append(points[-1])
    return kept
