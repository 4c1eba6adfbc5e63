"""Decay by a fixed factor per x unit (torch's ExponentialLR)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from lrdoctor.schedules._canonical import Parameters, optional, parameters_of
from lrdoctor.schedules._checks import finite, positive
from lrdoctor.schedules._recognise import ends, kind, near, number, split_warmup
from lrdoctor.schedules._warmup import Warmup, with_warmup
from lrdoctor.types import Array, Segment


@dataclass(frozen=True, slots=True)
class Exponential:
    """``peak_lr * gamma^t``, never below ``min_lr``."""

    name: ClassVar[str] = "exponential"
    peak_lr: float
    gamma: float
    min_lr: float = field(default=0.0, metadata=optional())
    warmup: Warmup | None = None
    interval: float = field(default=1.0, metadata=optional())

    def __post_init__(self) -> None:
        finite(lr=self.peak_lr, min_lr=self.min_lr)
        positive(gamma=self.gamma, interval=self.interval)

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body, interval=self.interval)

    def _body(self, t: Array) -> Array:
        return np.maximum(self.peak_lr * np.power(self.gamma, t), self.min_lr)

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """One exponential decay, with a floor where a level follows."""
        warmup, body = split_warmup(segments)
        if not body or kind(body[0]) != "exponential" or len(body) > 2:
            return None
        floor = 0.0
        if len(body) == 2:
            floor = number(body[1], "value") if kind(body[1]) == "constant" else -1.0
            if not (floor > 0 and near(floor, ends(body[0])[1], ends(body[0])[0], 0.05)):
                return None
        start, gamma = number(body[0], "lr_start"), number(body[0], "gamma")
        return cls(start, gamma, floor, warmup) if 0 < gamma < 1 else None
