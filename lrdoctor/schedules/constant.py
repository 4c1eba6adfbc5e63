"""A learning rate that never changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from lrdoctor.schedules._canonical import Parameters, parameters_of
from lrdoctor.schedules._checks import finite
from lrdoctor.schedules._recognise import split_warmup
from lrdoctor.schedules._warmup import Warmup, with_warmup
from lrdoctor.types import Array, Segment


@dataclass(frozen=True, slots=True)
class Constant:
    """``peak_lr`` at every step."""

    name: ClassVar[str] = "constant"
    peak_lr: float
    warmup: Warmup | None = None

    def __post_init__(self) -> None:
        finite(lr=self.peak_lr)

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, lambda s: np.full_like(s, self.peak_lr))

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """One level, after an optional warm-up."""
        warmup, body = split_warmup(segments)
        if len(body) != 1 or body[0].shape.name != "constant":
            return None
        return cls(float(body[0].shape.parameters()["value"]), warmup)  # type: ignore[arg-type]
