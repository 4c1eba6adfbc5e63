"""Long series in few numbers: medians of consecutive groups of points."""

from __future__ import annotations

import numpy as np

from lrdoctor.types import Array, IntArray


def bin_medians(step: IntArray | Array, value: Array, bins: int) -> tuple[Array, Array]:
    """Mean step and median value of ``bins`` consecutive groups of equal size.

    ``step``, ``value``: float64[n], finite; returns two float64[min(bins, n)]. A median keeps a
    single spike from moving its group.
    """
    n = len(value)
    at = np.asarray(step, dtype=np.float64)
    if n <= bins:
        return at, value
    size = n // bins
    extra = n - size * bins
    # The first groups take the points that do not divide evenly.
    head = extra * (size + 1)
    centres = [at[:head].reshape(extra, size + 1).mean(axis=1)]
    middles = [np.median(value[:head].reshape(extra, size + 1), axis=1)] if extra else [value[:0]]
    centres.append(at[head:].reshape(bins - extra, size).mean(axis=1))
    middles.append(np.median(value[head:].reshape(bins - extra, size), axis=1))
    return np.concatenate(centres), np.concatenate(middles)
