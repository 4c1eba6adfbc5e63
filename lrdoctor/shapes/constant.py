"""A level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from lrdoctor.types import Array, Scalar


@dataclass(frozen=True, slots=True)
class Constant:
    """``value`` at every time."""

    name: ClassVar[str] = "constant"
    value: float

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return np.full(np.shape(t), self.value)

    @classmethod
    def guess(cls, t: Array, lr: Array) -> Self | None:
        """The middle of the range, which is nearest to all points; None without points."""
        return cls((float(lr.max()) + float(lr.min())) / 2.0) if len(lr) else None

    def parameters(self) -> Mapping[str, Scalar]:
        """Curve parameters."""
        return {"value": self.value}
