"""A straight decay (torch's LinearLR as a decay; transformers' linear after warm-up)."""

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
class Linear:
    """From ``peak_lr`` to ``end_lr`` over ``total_steps``, then ``end_lr``."""

    name: ClassVar[str] = "linear"
    peak_lr: float
    total_steps: float
    end_lr: float = 0.0
    warmup: Warmup | None = None
    interval: float = field(default=1.0, metadata=optional())

    def __post_init__(self) -> None:
        finite(lr=self.peak_lr, end_lr=self.end_lr)
        positive(total_steps=self.total_steps, interval=self.interval)

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body, interval=self.interval)

    def _body(self, t: Array) -> Array:
        share = np.minimum(t / self.total_steps, 1.0)
        return self.peak_lr + (self.end_lr - self.peak_lr) * share

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """A falling line; without a level after it, it is taken to go on to 0."""
        warmup, body = split_warmup(segments)
        if not body or len(body) > 2:
            return None
        if kind(body[0]) == "polynomial" and near(number(body[0], "power"), 1.0, 1.0):
            start, length, end = (number(body[0], n) for n in ("lr_start", "t_max", "lr_end"))
            return cls(start, length, end, warmup)
        if kind(body[0]) != "linear":
            return None
        peak, slope = number(body[0], "lr_start"), number(body[0], "slope")
        if not slope < 0 < peak:
            return None
        if len(body) == 1:
            return cls(peak, -peak / slope, 0.0, warmup)
        if kind(body[1]) != "constant":
            return None
        end = number(body[1], "value")
        if not near(end, ends(body[0])[1], peak, 0.05):
            return None
        return cls(peak, (end - peak) / slope, end, warmup)
