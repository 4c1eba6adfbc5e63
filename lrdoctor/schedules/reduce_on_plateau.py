"""Cuts by one factor wherever a metric stalls (torch's ReduceLROnPlateau)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.schedules._canonical import Parameters, parameters_of
from lrdoctor.schedules._checks import finite, positive
from lrdoctor.schedules._recognise import common_factor, kind, number, split_warmup
from lrdoctor.schedules._warmup import Warmup, with_warmup
from lrdoctor.types import Array, Segment


@dataclass(frozen=True, slots=True)
class ReduceOnPlateau:
    """``max(peak_lr * factor^(number of reductions <= t), min_lr)``, warm-up counted."""

    name: ClassVar[str] = "reduce_on_plateau"
    peak_lr: float
    factor: float
    reductions: tuple[float, ...]
    min_lr: float = 0.0
    warmup: Warmup | None = None

    def __post_init__(self) -> None:
        finite(lr=self.peak_lr, min_lr=self.min_lr)
        positive(factor=self.factor)
        if any(b < a for a, b in pairwise(self.reductions)):
            raise ConfigError(f"reductions must ascend, got {self.reductions!r}")

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body, counts_warmup=True)

    def _body(self, t: Array) -> Array:
        passed = np.searchsorted(np.array(self.reductions), t, side="right")
        return np.asarray(np.maximum(self.peak_lr * self.factor**passed, self.min_lr))

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """Falling levels with one factor between neighbours; a minimum may stop the last cut."""
        warmup, body = split_warmup(segments)
        factor = common_factor(body)
        floor = 0.0
        if factor is None and len(body) > 2 and kind(body[-1]) == "constant":
            factor, floor = common_factor(body[:-1]), number(body[-1], "value")
        if factor is None or not factor < 1:
            return None
        edges = tuple(float(s.start - segments[0].start) for s in body[1:])
        return cls(number(body[0], "value"), factor, edges, floor, warmup)
