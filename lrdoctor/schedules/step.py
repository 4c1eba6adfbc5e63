"""A factor every so many steps (torch's StepLR)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from lrdoctor.schedules._canonical import Parameters, parameters_of
from lrdoctor.schedules._checks import finite, positive
from lrdoctor.schedules._recognise import common_factor, number, split_warmup
from lrdoctor.schedules._warmup import Warmup, with_warmup
from lrdoctor.types import Array, Segment


@dataclass(frozen=True, slots=True)
class Step:
    """``peak_lr * gamma^floor(t / step_size)``."""

    name: ClassVar[str] = "step"
    peak_lr: float
    step_size: float
    gamma: float = 0.1
    warmup: Warmup | None = None

    def __post_init__(self) -> None:
        finite(lr=self.peak_lr)
        positive(step_size=self.step_size, gamma=self.gamma)

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body)

    def _body(self, t: Array) -> Array:
        return self.peak_lr * self.gamma ** np.floor(t / self.step_size * (1 + 1e-12))

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """Levels with one factor between neighbours and edges at equal distances."""
        warmup, body = split_warmup(segments)
        factor = common_factor(body)
        if factor is None or len(body) < 3:
            return None
        edges = np.array([s.start for s in body])
        size = (edges[-1] - edges[0]) / (len(body) - 1)
        if np.abs(edges - edges[0] - size * np.arange(len(body))).max() > 1e-6 * size:
            return None
        return cls(number(body[0], "value"), float(size), factor, warmup)
