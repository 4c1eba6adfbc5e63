"""A power of the time that is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from lrdoctor.shapes._solve import least_squares, weighted_line
from lrdoctor.types import Array, Scalar

# The end lies beyond the last point by at least nothing and at most this many spans; a decay whose
# end is further away is a line or an exponential to any log.
_FURTHEST_SPANS = 20.0
_POWERS = (0.3, 8.0)
_FEWEST = 6
# A longer level at the end is a stretch of its own.
_MOST_HELD = 3


@dataclass(frozen=True, slots=True)
class Polynomial:
    """``lr_end + (lr_start - lr_end) (1 - t / t_max)^power`` until ``t_max``, then ``lr_end``."""

    name: ClassVar[str] = "polynomial"
    lr_start: float
    lr_end: float
    t_max: float
    power: float

    @np.errstate(all="ignore")  # beyond float64 the LR is infinite, which is no surprise
    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        left = np.maximum(1.0 - t / self.t_max, 0.0)
        return self.lr_end + (self.lr_start - self.lr_end) * left**self.power

    @classmethod
    def guess(cls, t: Array, lr: Array) -> Self | None:
        """A scan over the end for a curve that falls to 0, then least squares in all parameters.

        A level of up to three points at the end is its hold. None for fewer than six points and for
        a curve that does not fall.
        """
        held = _held(lr)
        level = float(lr[-1]) if held else 0.0
        use = slice(None, len(t) - held)
        span = float(t[use][-1] - t[0]) if len(t) > held else 0.0
        if len(t) - held < _FEWEST or held > _MOST_HELD or span <= 0 or not lr[0] > lr[-1] >= 0:
            return None
        first = _falling_to_zero(t[use], lr[use] - level, span)
        if first is None:
            return None
        start, _, t_max, power = first
        return cls(*_polished((start + level, level, t_max, power), t, lr, span))

    def parameters(self) -> Mapping[str, Scalar]:
        """Curve parameters."""
        return {
            "lr_start": self.lr_start,
            "lr_end": self.lr_end,
            "t_max": self.t_max,
            "power": self.power,
        }


def _held(lr: Array) -> int:
    """How many of the last points only repeat the one before them."""
    moving = np.flatnonzero(np.diff(lr))
    return len(lr) - 2 - int(moving[-1]) if len(moving) else 0


def _falling_to_zero(t: Array, lr: Array, span: float) -> tuple[float, float, float, float] | None:
    """The best ``A (T - t)^p`` over a grid of ends T: a line in the logarithms for each."""
    use = lr > 0
    time, logs = t[use], np.log(lr[use])
    if len(time) < 4:
        return None
    weight = (lr[use] / lr[0]) ** 2
    best: tuple[float, float, float, float] | None = None
    best_cost = np.inf
    beyond = np.geomspace(1e-11, _FURTHEST_SPANS, 44) * span
    for ahead in beyond if use[-1] else (0.0, *beyond):
        end = float(t[-1]) + ahead
        start, power = weighted_line(np.log(end - time), logs, weight)
        if _POWERS[0] <= power <= _POWERS[1]:
            model = np.exp(start) * (end - t) ** power
            cost = float(np.sum((model - lr) ** 2))
            if cost < best_cost:
                best, best_cost = (
                    (float(np.exp(start + power * np.log(end))), 0.0, end, power),
                    cost,
                )
    return best


def _polished(
    first: tuple[float, float, float, float], t: Array, lr: Array, span: float
) -> tuple[float, float, float, float]:
    size = float(lr[0])

    def residuals(values: Array) -> Array:
        start, end, t_max, power = values
        if t_max <= 0 or not _POWERS[0] / 2 <= power <= 2 * _POWERS[1]:
            return np.full_like(lr, np.inf)
        left = np.maximum(1.0 - t / t_max, 0.0)
        return np.asarray(end + (start - end) * left**power - lr)

    def slopes(values: Array) -> Array:
        start, end, t_max, power = values
        left = np.maximum(1.0 - t / t_max, 1e-12)
        curve = left**power
        by_end = np.where(left > 1e-9, (start - end) * power * curve / left * t / t_max**2, 0.0)
        columns = [curve, 1.0 - curve, by_end, (start - end) * curve * np.log(left)]
        return np.stack(columns, axis=1)

    scale = np.array([size, size, span, 1.0])
    start, end, t_max, power = least_squares(residuals, np.array(first), scale, slopes=slopes)
    return float(start), float(end), float(t_max), float(power)
