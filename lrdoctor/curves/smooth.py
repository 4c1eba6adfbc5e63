"""Long series in few numbers: robust means of consecutive groups of points."""

from __future__ import annotations

import numpy as np

from lrdoctor.types import Array, IntArray


def bin_means(step: IntArray | Array, value: Array, bins: int) -> tuple[Array, Array]:
    """Mean step and interquartile mean of ``bins`` consecutive groups of equal size.

    ``step``, ``value``: float64[n], finite; returns two float64[min(bins, n)]. The mean of the
    middle half of each group shrugs off spikes as a median does and is a fifth more precise.
    """
    n = len(value)
    at = np.asarray(step, dtype=np.float64)
    if n <= bins:
        return at, value
    size = n // bins
    # The first groups take the points that do not divide evenly.
    head = (n - size * bins) * (size + 1)
    parts = [(at[:head], value[:head], size + 1), (at[head:], value[head:], size)]
    centres = [a.reshape(-1, width).mean(axis=1) for a, _, width in parts]
    middles = [_middle(v.reshape(-1, width)) for _, v, width in parts]
    return np.concatenate(centres), np.concatenate(middles)


def _middle(groups: Array) -> Array:
    """Mean of the middle half of each row."""
    width = groups.shape[1]
    cut = width // 4
    return np.asarray(np.sort(groups, axis=1)[:, cut : width - cut].mean(axis=1))
