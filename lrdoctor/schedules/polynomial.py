"""Polynomial decay (torch's PolynomialLR, transformers' polynomial)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from lrdoctor.schedules._canonical import Parameters, optional, parameters_of
from lrdoctor.schedules._checks import finite, positive
from lrdoctor.schedules._recognise import kind, near, number, split_warmup
from lrdoctor.schedules._warmup import Warmup, with_warmup
from lrdoctor.types import Array, Segment


@dataclass(frozen=True, slots=True)
class Polynomial:
    """``end_lr + (peak_lr - end_lr) (1 - t / total_steps)^power``, then ``end_lr``."""

    name: ClassVar[str] = "polynomial"
    peak_lr: float
    total_steps: float
    power: float = 1.0
    end_lr: float = 0.0
    warmup: Warmup | None = None
    interval: float = field(default=1.0, metadata=optional())

    def __post_init__(self) -> None:
        finite(lr=self.peak_lr, end_lr=self.end_lr)
        positive(total_steps=self.total_steps, power=self.power, interval=self.interval)

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body, interval=self.interval)

    def _body(self, t: Array) -> Array:
        left = np.maximum(1.0 - t / self.total_steps, 0.0)
        return self.end_lr + (self.peak_lr - self.end_lr) * left**self.power

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """One falling power curve, perhaps with a level after it."""
        warmup, body = split_warmup(segments)
        if not body or kind(body[0]) != "polynomial" or len(body) > 2:
            return None
        if len(body) == 2 and kind(body[1]) != "constant":
            return None
        peak, end = number(body[0], "lr_start"), number(body[0], "lr_end")
        if len(body) == 2 and not near(number(body[1], "value"), end, peak, 0.05):
            return None
        return cls(peak, number(body[0], "t_max"), number(body[0], "power"), end, warmup)
