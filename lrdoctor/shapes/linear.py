"""A straight line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from lrdoctor.shapes._solve import weighted_line
from lrdoctor.types import Array, Scalar


@dataclass(frozen=True, slots=True)
class Linear:
    """``lr_start + slope t``; ``slope`` is LR per x unit."""

    name: ClassVar[str] = "linear"
    lr_start: float
    slope: float

    @np.errstate(all="ignore")  # beyond float64 the LR is infinite, which is no surprise
    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return self.lr_start + self.slope * t

    @classmethod
    def guess(cls, t: Array, lr: Array) -> Self | None:
        """Least squares; None for fewer than two points."""
        return cls(*weighted_line(t, lr, np.ones_like(t))) if len(t) > 1 else None

    def parameters(self) -> Mapping[str, Scalar]:
        """Curve parameters."""
        return {"lr_start": self.lr_start, "slope": self.slope}
