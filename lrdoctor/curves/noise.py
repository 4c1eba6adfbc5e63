"""How much a logged series scatters about its own trend, measured robustly."""

from __future__ import annotations

import numpy as np

from lrdoctor.types import Array

# A Gaussian's standard deviation over its median absolute deviation.
MAD_TO_SIGMA = 1.4826


def robust_sigma(values: Array) -> float:
    """Standard deviation of ``values: float64[n]`` from the median absolute deviation.

    Where more than half of the values are equal (a quantised log) the MAD is 0 and the ordinary
    standard deviation is returned. NaN for an empty array.
    """
    if not len(values):
        return float("nan")
    spread = MAD_TO_SIGMA * float(np.median(np.abs(values - np.median(values))))
    return spread if spread > 0 else float(np.std(values))


def point_sigma(values: Array) -> float:
    """Standard deviation of one logged value about a smooth trend, ``values: float64[n]``, n >= 3.

    Second differences cancel any locally linear trend and have variance 6 sigma² for white noise
    (Gasser, Sroka & Jennen-Steinmetz 1986). Neighbours that rise and fall together make it too
    small, so it describes single points; a mean over points needs ``autocorrelation_time`` too.
    """
    if len(values) < 3:
        return float("nan")
    return robust_sigma(np.diff(values, n=2)) / float(np.sqrt(6.0))


def lag_one(residual: Array) -> float:
    """Correlation of neighbouring residuals, ``float64[n]`` about 0, between 0 and 0.95.

    Negative values are cut off: they would only make a test bolder. The estimate of n points is
    too low by about (1 + 3 rho) / n (Kendall 1954), which is added back.
    """
    energy = float(np.dot(residual, residual))
    if len(residual) < 4 or not energy > 0:
        return 0.0
    rho = float(np.dot(residual[1:], residual[:-1])) / energy
    rho += (1 + 3 * rho) / len(residual)
    return min(max(rho, 0.0), 0.95)


def autocorrelation_time(residual: Array) -> float:
    """How many neighbouring points carry the information of one, at least 1.

    The variance of a mean of n points is tau sigma² / n, with tau = (1 + rho) / (1 - rho) for a
    first-order autoregression of lag-one correlation rho.
    """
    rho = lag_one(residual)
    return (1 + rho) / (1 - rho)
