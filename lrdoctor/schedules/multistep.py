"""A factor at each milestone (torch's MultiStepLR)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.schedules._canonical import Parameters, parameters_of
from lrdoctor.schedules._checks import finite, positive
from lrdoctor.schedules._recognise import common_factor, number, split_warmup
from lrdoctor.schedules._warmup import Warmup, with_warmup
from lrdoctor.types import Array, Segment


@dataclass(frozen=True, slots=True)
class MultiStep:
    """``peak_lr * gamma^(number of milestones <= t)``, warm-up counted in the milestones."""

    name: ClassVar[str] = "multistep"
    peak_lr: float
    milestones: tuple[float, ...]
    gamma: float = 0.1
    warmup: Warmup | None = None

    def __post_init__(self) -> None:
        finite(lr=self.peak_lr)
        positive(gamma=self.gamma)
        if not self.milestones or any(b <= a for a, b in pairwise(self.milestones)):
            raise ConfigError(f"milestones must ascend, got {self.milestones!r}")

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body, counts_warmup=True)

    def _body(self, t: Array) -> Array:
        passed = np.searchsorted(np.array(self.milestones), t, side="right")
        return np.asarray(self.peak_lr * self.gamma**passed)

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """Levels with one factor between neighbours."""
        warmup, body = split_warmup(segments)
        factor = common_factor(body)
        if factor is None:
            return None
        edges = tuple(float(s.start - segments[0].start) for s in body[1:])
        return cls(number(body[0], "value"), edges, factor, warmup)
