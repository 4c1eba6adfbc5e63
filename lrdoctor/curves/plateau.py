"""Is a stretch of a loss falling, flat, or too noisy to say? Robust slope with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.curves.noise import autocorrelation_time, point_sigma, robust_sigma
from lrdoctor.curves.smooth import bin_means
from lrdoctor.types import Array, Series

# 48 groups bound the work at 1,128 pairs of points and leave each group of a long log long enough
# to outlast most of its autocorrelation.
BINS = 48
# Of the 28 pairs among 8 block means, falling ones less rising ones exceed this by chance once in
# 140 times (Kendall's S for n = 8).
BLOCKS = 8
ORDERED = 20
# Two-sided 95 % of a normal distribution.
NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through a stretch of a series.

    ``fall`` is how much the line falls over the stretch (positive is better for a loss) and
    ``fall_low``, ``fall_high`` bound it at 95 %. ``level`` is the line's value at the end,
    ``sigma`` the scatter of one logged value, ``points`` how many there were, ``length`` the
    stretch in steps. ``descends`` says that the means of eighths of the stretch fall in order,
    which a curve far from a line shows where the line's own bounds do not.
    """

    fall: float
    fall_low: float
    fall_high: float
    level: float
    sigma: float
    points: int
    length: float
    descends: bool = False

    @property
    def falling(self) -> bool:
        """Whether the fall is significant at 97.5 %, one-sided."""
        return self.fall_low > 0

    @property
    def slope(self) -> float:
        """Fall per step."""
        return self.fall / self.length if self.length > 0 else 0.0


def fit_trend(series: Series) -> Trend | None:
    """Trend of the finite points of ``series``; None for fewer than five of them.

    The slope is the median of pairwise slopes (Theil 1950, Sen 1968) of robust group means, so
    spikes do not tilt it. Its standard error takes the scatter of the groups about a parabola (a
    loss that levels off is curved, not noisy), widened by their autocorrelation time and by
    Student's t.
    """
    points = series.finite()
    if len(points) < 5:
        return None
    at, value = bin_means(points.step, points.value, BINS)
    slope = _median_slope(at, value)
    level = float(np.median(value - slope * at))
    span = 2 * (at - at[0]) / float(np.ptp(at)) - 1
    residual = value - np.polyval(np.polyfit(span, value, 2), span)
    tau = autocorrelation_time(residual)
    error = _scatter(residual) * np.sqrt(tau) / float(np.linalg.norm(at - at.mean()))
    half = error * student_95(max(len(at) / tau - 3, 1.0))
    length = float(points.step[-1] - points.step[0])
    return Trend(
        fall=-slope * length,
        fall_low=float(-slope - half) * length,
        fall_high=float(-slope + half) * length,
        level=level + slope * float(points.step[-1]),
        sigma=point_sigma(points.value),
        points=len(points),
        length=length,
        descends=_descends(at, value),
    )


def _descends(at: Array, value: Array) -> bool:
    """Mann-Kendall test on block means: blocks outlast the autocorrelation that points have."""
    if len(value) < 2 * BLOCKS:
        return False
    _, means = bin_means(at, value, BLOCKS)
    later, earlier = np.tril_indices(BLOCKS, -1)
    return bool(np.sum(np.sign(means[earlier] - means[later])) >= ORDERED)


def student_95(freedom: float) -> float:
    """Two-sided 95 % quantile of Student's t, within 4 % for ``freedom`` >= 2.

    Three terms of the Cornish–Fisher expansion (Abramowitz & Stegun 26.7.5); importing scipy.stats
    for it would cost more than the whole diagnosis.
    """
    z = NORMAL_95
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def _median_slope(at: Array, value: Array) -> float:
    later, earlier = np.tril_indices(len(at), -1)
    return float(np.median((value[later] - value[earlier]) / (at[later] - at[earlier])))


def _scatter(residual: Array) -> float:
    # Three fitted parameters leave n - 3 degrees of freedom; the MAD of few points is too lucky.
    n = len(residual)
    ordinary = float(np.sqrt(np.dot(residual, residual) / (n - 3)))
    return ordinary if n < 12 else robust_sigma(residual) * float(np.sqrt(n / (n - 3)))
