"""Growth with the logarithm of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from lrdoctor.shapes._solve import least_squares, weighted_line
from lrdoctor.types import Array, Scalar

_FEWEST = 5
# Timescales tried, in spans of the data; a longer one is a line, a shorter one a jump.
_TIMESCALES = np.geomspace(1e-6, 3.0, 40)


@dataclass(frozen=True, slots=True)
class Logarithmic:
    """``lr_start + rise log(1 + t / timescale)``; ``timescale`` in x units, above 0."""

    name: ClassVar[str] = "logarithmic"
    lr_start: float
    rise: float
    timescale: float

    @np.errstate(all="ignore")  # beyond float64 the LR is infinite, which is no surprise
    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        ahead = np.maximum(1.0 + t / self.timescale, np.finfo(float).tiny)
        return self.lr_start + self.rise * np.log(ahead)

    @classmethod
    def guess(cls, t: Array, lr: Array) -> Self | None:
        """A line in the logarithm for each timescale of a scan, then least squares; None unless it
        rises ever more slowly."""
        span = float(t[-1] - t[0]) if len(t) else 0.0
        middle = len(t) // 2
        if len(t) < _FEWEST or span <= 0 or not lr[0] < lr[middle] < lr[-1]:
            return None
        share = float((lr[middle] - lr[0]) / (lr[-1] - lr[0]))
        if share <= float(t[middle] - t[0]) / span:
            return None
        scan = [(_error(t, lr, s * span), s * span) for s in _TIMESCALES]
        return cls._polished(t, lr, min(scan)[1])

    @classmethod
    def _polished(cls, t: Array, lr: Array, timescale: float) -> Self | None:
        start, rise = weighted_line(np.log1p(t / timescale), lr, np.ones_like(t))

        def residuals(values: Array) -> Array:
            if values[2] <= 0:
                return np.full_like(lr, np.inf)
            return np.asarray(values[0] + values[1] * np.log1p(t / values[2]) - lr)

        size = float(np.abs(lr).max())
        first = np.array([start, rise, timescale])
        found = least_squares(residuals, first, np.array([size, size, timescale]))
        return cls(float(found[0]), float(found[1]), float(found[2])) if found[1] > 0 else None

    def parameters(self) -> Mapping[str, Scalar]:
        """Curve parameters."""
        return {"lr_start": self.lr_start, "rise": self.rise, "timescale": self.timescale}


def _error(t: Array, lr: Array, timescale: float) -> float:
    """Sum of squared errors of the best line in ``log(1 + t / timescale)``."""
    logs = np.log1p(t / timescale)
    start, rise = weighted_line(logs, lr, np.ones_like(t))
    return float(np.sum((start + rise * logs - lr) ** 2))
