"""Decay with the inverse square root of time (transformers' inverse_sqrt, Noam, T5)."""

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
class InverseSqrt:
    """``peak_lr sqrt(timescale / (timescale + t))``.

    Noam's has a warm-up as long as ``timescale``; T5 holds the first LR so long.
    """

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
        """One inverse square root after an optional warm-up, or after a level that it leaves."""
        warmup, body = split_warmup(segments)
        level = warmup is None and len(body) == 2 and kind(body[0]) == "constant"
        if kind(body[-1]) != "inverse_sqrt" or len(body) != 1 + level:
            return None
        peak, timescale = number(body[-1], "lr_start"), number(body[-1], "timescale")
        if not level:
            return cls(peak, timescale, warmup)
        top = number(body[0], "value")
        if not near(top, peak, top, 0.3):
            return None
        # The curve is at the level earlier than at the first point below it.
        earlier = timescale * (1.0 - (peak / top) ** 2)
        length = body[1].start - body[0].start - earlier
        return cls(top, timescale - earlier, Warmup(length, top, "constant"))
