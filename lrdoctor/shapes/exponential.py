"""Growth or decay by a fixed factor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from lrdoctor.shapes._solve import weighted_line
from lrdoctor.types import Array, Scalar


@dataclass(frozen=True, slots=True)
class Exponential:
    """``lr_start gamma^t``; ``gamma`` is the factor per x unit."""

    name: ClassVar[str] = "exponential"
    lr_start: float
    gamma: float

    @np.errstate(all="ignore")  # beyond float64 the LR is infinite, which is no surprise
    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return np.asarray(self.lr_start * np.power(self.gamma, t))

    @classmethod
    def guess(cls, t: Array, lr: Array) -> Self | None:
        """Least squares on the logarithm; None unless all points are above 0."""
        if len(t) < 2 or not lr.min() > 0:
            return None
        start, rate = weighted_line(t, np.log(lr), np.ones_like(t))
        with np.errstate(over="ignore"):
            found = cls(float(np.exp(start)), float(np.exp(rate)))
        return found if np.isfinite([found.lr_start, found.gamma]).all() else None

    def parameters(self) -> Mapping[str, Scalar]:
        """Curve parameters."""
        return {"lr_start": self.lr_start, "gamma": self.gamma}
