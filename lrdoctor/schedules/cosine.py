"""Cosine annealing (torch's CosineAnnealingLR; transformers' and timm's cosine after warm-up)."""

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
class Cosine:
    """``eta_min + (peak_lr - eta_min) (1 + cos(pi t / T_max)) / 2``.

    Past ``T_max`` torch's and transformers' rebound with period ``2 T_max``; with ``clamp`` the LR
    stays at ``eta_min`` there, as timm's and most hand-written ones do. ``interval``: x units per
    scheduler step.
    """

    name: ClassVar[str] = "cosine"
    peak_lr: float
    T_max: float
    eta_min: float = 0.0
    warmup: Warmup | None = None
    clamp: bool = field(default=False, metadata=optional())
    interval: float = field(default=1.0, metadata=optional())

    def __post_init__(self) -> None:
        finite(lr=self.peak_lr, eta_min=self.eta_min)
        positive(T_max=self.T_max, interval=self.interval)

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body, interval=self.interval)

    def _body(self, t: Array) -> Array:
        share = np.minimum(t / self.T_max, 1.0) if self.clamp else t / self.T_max
        wave = (1.0 + np.cos(np.pi * share)) / 2.0
        return self.eta_min + (self.peak_lr - self.eta_min) * wave

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """A falling cosine after an optional warm-up, perhaps with its rebounds or with a floor.

        A floor of any length means ``clamp``.
        """
        warmup, body = split_warmup(segments)
        if not body or kind(body[0]) != "cosine":
            return None
        peak, floor = number(body[0], "lr_max"), number(body[0], "eta_min")
        clamp = len(body) == 2 and kind(body[1]) == "constant"
        if clamp and not near(number(body[1], "value"), floor, peak, 0.02):
            return None
        if len(body) > 1 and not clamp and not _rebounds(body):
            return None
        return cls(peak, number(body[0], "t_max"), floor, warmup, clamp)


def _rebounds(body: tuple[Segment, ...]) -> bool:
    """Whether falls and rises of one length alternate without a jump; the last may be cut off."""
    length = number(body[0], "t_max")
    turns = [ends(s)[0] > ends(s)[1] for s in body]
    if turns != [index % 2 == 0 for index in range(len(body))]:
        return False
    return all(near(s.stop - s.start, length, length, 0.2) for s in body[1:-1])
