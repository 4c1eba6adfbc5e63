"""Decay with the inverse square root of time (transformers' inverse_sqrt, Noam)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from lrdoctor.schedules._canonical import Parameters, optional, parameters_of
from lrdoctor.schedules._checks import finite, positive
from lrdoctor.schedules._recognise import kind, number, split_warmup
from lrdoctor.schedules._warmup import Warmup, with_warmup
from lrdoctor.types import Array, Segment


@dataclass(frozen=True, slots=True)
class InverseSqrt:
    """``peak_lr sqrt(timescale / (timescale + t))``."""

    name: ClassVar[str] = "inverse_sqrt"
    peak_lr: float
    timescale: float
    warmup: Warmup | None = None
    interval: float = field(default=1.0, metadata=optional())

    def __post_init__(self) -> None:
        finite(lr=self.peak_lr)
        positive(timescale=self.timescale, interval=self.interval)

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body, interval=self.interval)

    def _body(self, t: Array) -> Array:
        return np.asarray(self.peak_lr * np.sqrt(self.timescale / (self.timescale + t)))

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """One inverse square root after an optional warm-up."""
        warmup, body = split_warmup(segments)
        if len(body) != 1 or kind(body[0]) != "inverse_sqrt":
            return None
        return cls(number(body[0], "lr_start"), number(body[0], "timescale"), warmup)
