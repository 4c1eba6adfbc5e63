"""A stretch of a cosine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from lrdoctor.shapes._solve import least_squares
from lrdoctor.types import Array, Scalar

# Half periods tried, in spans of the data: a stretch never holds much more than one half period,
# and below a twentieth of one it is a parabola.
_HALF_PERIODS = np.geomspace(0.8, 20.0, 14)
_SCAN_POINTS = 40


@dataclass(frozen=True, slots=True)
class Cosine:
    """``eta_min + (lr_max - eta_min) (1 + cos(pi (t - peak_at) / t_max)) / 2``.

    ``peak_at`` is the local time of the top: 0 for a decay seen from its start, ``t_max`` for a
    rise seen as a whole, negative where the start of a decay is missing.
    """

    name: ClassVar[str] = "cosine"
    lr_max: float
    eta_min: float
    t_max: float
    peak_at: float = 0.0

    @np.errstate(all="ignore")  # beyond float64 the LR is infinite, which is no surprise
    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        wave = (1.0 + np.cos(np.pi * (t - self.peak_at) / self.t_max)) / 2.0
        return self.eta_min + (self.lr_max - self.eta_min) * wave

    @classmethod
    def guess(cls, t: Array, lr: Array) -> Self | None:
        """Linear in the cosine and sine for each half period of a scan, then least squares.

        None for fewer than five points or where the best cosine is a parabola.
        """
        span = float(t[-1] - t[0]) if len(t) else 0.0
        if len(t) < 5 or span <= 0 or lr.max() == lr.min():
            return None
        keep = np.linspace(0, len(t) - 1, min(len(t), _SCAN_POINTS)).astype(int)
        scan = [_projected(t[keep], lr[keep], h * span) for h in _HALF_PERIODS]
        best = min(range(len(scan)), key=lambda index: scan[index][1])
        (mean, cos, sin), half = scan[best][0], float(_HALF_PERIODS[best]) * span
        mean, cos, sin, half = _polished(t, lr, (mean, cos, sin, half), span)
        return cls._from_waves(mean, cos, sin, half, rising=bool(lr[-1] > lr[0]))

    @classmethod
    def wave(cls, t: Array, lr: Array, half: float) -> Self | None:
        """The least-squares wave whose half period is near ``half``, which is less than the data
        span; its ``peak_at`` is the top next to 0."""
        (mean, cos, sin), _ = _projected(t, lr, half)
        mean, cos, sin, half = _polished(t, lr, (mean, cos, sin, half), half)
        return cls._from_waves(mean, cos, sin, half, rising=False)

    @classmethod
    def _from_waves(
        cls, mean: float, cos: float, sin: float, half: float, *, rising: bool
    ) -> Self | None:
        size = float(np.hypot(cos, sin))
        peak = float(np.arctan2(sin, cos)) / np.pi * half
        if rising and peak < 0:
            peak += 2 * half
        if not rising and peak > half / 2:
            peak -= 2 * half
        return cls(mean + size, mean - size, half, peak) if half > 0 and size > 0 else None

    def parameters(self) -> Mapping[str, Scalar]:
        """Curve parameters."""
        return {
            "lr_max": self.lr_max,
            "eta_min": self.eta_min,
            "t_max": self.t_max,
            "peak_at": self.peak_at,
        }


def _projected(t: Array, lr: Array, half: float) -> tuple[tuple[float, float, float], float]:
    """Mean, cosine and sine amplitude for one half period, and the sum of squared errors."""
    angle = np.pi * t / half
    design = np.stack([np.ones_like(t), np.cos(angle), np.sin(angle)], axis=1)
    # Short arcs are nearly collinear; a touch of ridge keeps the normal equations solvable.
    gram = design.T @ design
    waves = np.linalg.solve(gram + 1e-13 * np.trace(gram) * np.eye(3), design.T @ lr)
    error = design @ waves - lr
    return (float(waves[0]), float(waves[1]), float(waves[2])), float(error @ error)


def _polished(
    t: Array, lr: Array, first: tuple[float, float, float, float], span: float
) -> tuple[float, float, float, float]:
    size = float(np.abs(lr).max())

    def residuals(values: Array) -> Array:
        mean, cos, sin, half = values
        if half <= 0:
            return np.full_like(lr, np.inf)
        angle = np.pi * t / half
        return np.asarray(mean + cos * np.cos(angle) + sin * np.sin(angle) - lr)

    def slopes(values: Array) -> Array:
        _, cos, sin, half = values
        angle = np.pi * t / half
        c, s = np.cos(angle), np.sin(angle)
        return np.stack([np.ones_like(t), c, s, (cos * s - sin * c) * angle / half], axis=1)

    scale = np.array([size, size, size, span])
    mean, cos, sin, half = least_squares(residuals, np.array(first), scale, slopes=slopes)
    return float(mean), float(cos), float(sin), float(half)
