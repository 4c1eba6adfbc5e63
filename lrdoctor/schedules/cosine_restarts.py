"""Cosine annealing with warm restarts, SGDR (torch's CosineAnnealingWarmRestarts)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.schedules._canonical import Parameters, optional, parameters_of
from lrdoctor.schedules._checks import finite, positive
from lrdoctor.schedules._recognise import ends, kind, near, number, split_warmup
from lrdoctor.schedules._warmup import Warmup, with_warmup
from lrdoctor.types import Array, Segment


@dataclass(frozen=True, slots=True)
class CosineRestarts:
    """Cosine decays from ``peak_lr`` to ``eta_min`` over ``T_0``, then ``T_0 T_mult`` and so on."""

    name: ClassVar[str] = "cosine_restarts"
    peak_lr: float
    T_0: float
    T_mult: float = 1.0
    eta_min: float = 0.0
    warmup: Warmup | None = None
    interval: float = field(default=1.0, metadata=optional())

    def __post_init__(self) -> None:
        finite(lr=self.peak_lr, eta_min=self.eta_min)
        positive(T_0=self.T_0, interval=self.interval)
        if not self.T_mult >= 1:
            raise ConfigError(f"T_mult must be at least 1, got {self.T_mult!r}")

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body, interval=self.interval)

    def _body(self, t: Array) -> Array:
        begin, length = self._cycle(t)
        wave = (1.0 + np.cos(np.pi * (t - begin) / length)) / 2.0
        return self.eta_min + (self.peak_lr - self.eta_min) * wave

    def _cycle(self, t: Array) -> tuple[Array, Array]:
        """Begin and length of the cycle that each time falls into."""
        if self.T_mult == 1:
            return np.floor(t / self.T_0 * (1 + 1e-12)) * self.T_0, np.full_like(t, self.T_0)
        grown = 1.0 + t / self.T_0 * (self.T_mult - 1.0)
        index = np.floor(np.log(grown) / np.log(self.T_mult) + 1e-9)
        length = self.T_0 * self.T_mult**index
        return (length - self.T_0) / (self.T_mult - 1.0), length

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """Several falling cosines of one height whose lengths grow by one whole factor."""
        warmup, body = split_warmup(segments)
        if len(body) < 2 or any(kind(s) != "cosine" for s in body[:-1]):
            return None
        peak, floor = number(body[0], "lr_max"), number(body[0], "eta_min")
        if not all(near(ends(s)[0], peak, peak, 0.2) for s in body):
            return None
        if not all(ends(s)[0] > ends(s)[1] for s in body[:-1]):
            return None
        lengths = np.diff([s.start for s in body])
        mult = max(1.0, round(lengths[1] / lengths[0])) if len(lengths) > 1 else _growth(body)
        expected = lengths[0] * mult ** np.arange(len(lengths))
        if np.abs(lengths / expected - 1).max() > 0.2:
            return None
        # Borders are good to one logging interval; many cycles, or the cosine itself, say more.
        share = float(np.sum(mult ** np.arange(len(lengths))))
        own = number(body[0], "t_max")
        first = own if abs(own - lengths[0]) < 0.1 * own else float(lengths.sum()) / share
        return cls(peak, first, float(mult), floor, warmup)


def _growth(body: tuple[Segment, ...]) -> float:
    """``T_mult`` from the half periods of the first two cycles, where the second may be cut off."""
    if kind(body[1]) != "cosine":
        return 1.0
    return max(1.0, round(number(body[1], "t_max") / number(body[0], "t_max")))
