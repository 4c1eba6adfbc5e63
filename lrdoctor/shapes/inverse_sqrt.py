"""Decay with the inverse square root of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from lrdoctor.shapes._solve import weighted_line
from lrdoctor.types import Array, Scalar


@dataclass(frozen=True, slots=True)
class InverseSqrt:
    """``lr_start sqrt(timescale / (timescale + t))``; ``timescale`` in x units, above 0."""

    name: ClassVar[str] = "inverse_sqrt"
    lr_start: float
    timescale: float

    @np.errstate(all="ignore")  # beyond float64 the LR is infinite, which is no surprise
    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        ahead = np.maximum(self.timescale + t, np.finfo(float).tiny)
        return np.asarray(self.lr_start * np.sqrt(self.timescale / ahead))

    @classmethod
    def guess(cls, t: Array, lr: Array) -> Self | None:
        """Least squares on ``1 / lr^2``, which is a line; None unless it falls and is above 0."""
        if len(t) < 3 or not lr.min() > 0:
            return None
        # var(1/lr^2) is proportional to lr^-6 for equal errors of lr
        unit = lr / lr[0]
        start, slope = weighted_line(t, unit**-2, unit**6)
        if not (start > 0 and slope > 0):
            return None
        return cls(float(lr[0] / np.sqrt(start)), start / slope)

    def parameters(self) -> Mapping[str, Scalar]:
        """Curve parameters."""
        return {"lr_start": self.lr_start, "timescale": self.timescale}
