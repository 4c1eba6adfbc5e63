"""Warm-up, stable, decay: a long level, then a decay (transformers' warmup_stable_decay)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.schedules._canonical import Parameters, optional, parameters_of
from lrdoctor.schedules._checks import finite, one_of, positive
from lrdoctor.schedules._recognise import ends, kind, near, number, split_warmup
from lrdoctor.schedules._warmup import Warmup, with_warmup
from lrdoctor.types import Array, Segment

DECAY_SHAPES = ("linear", "cosine", "1-sqrt", "exponential")


@dataclass(frozen=True, slots=True)
class Wsd:
    """``peak_lr`` until ``decay_start``, then over ``decay_steps`` down to ``end_lr``.

    ``decay_start`` counts from the start of the warm-up. With p the share of the decay that is
    done, ``decay_shape`` is linear (1 - p), cosine ((1 + cos pi p) / 2), 1-sqrt (1 - sqrt p) or
    exponential (a fixed factor per step).
    """

    name: ClassVar[str] = "wsd"
    peak_lr: float
    decay_start: float
    decay_steps: float
    decay_shape: str = "linear"
    end_lr: float = 0.0
    warmup: Warmup | None = None
    interval: float = field(default=1.0, metadata=optional())

    def __post_init__(self) -> None:
        finite(lr=self.peak_lr, end_lr=self.end_lr)
        positive(decay_start=self.decay_start, decay_steps=self.decay_steps, interval=self.interval)
        one_of("decay_shape", self.decay_shape, DECAY_SHAPES)
        if self.decay_shape == "exponential" and not self.end_lr > 0:
            raise ConfigError(f"an exponential decay needs end_lr above 0, got {self.end_lr!r}")

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body, counts_warmup=True, interval=self.interval)

    def _body(self, t: Array) -> Array:
        share = np.clip((t - self.decay_start) / self.decay_steps, 0.0, 1.0)
        if self.decay_shape == "exponential":
            return np.asarray(self.peak_lr * (self.end_lr / self.peak_lr) ** share)
        left = 1.0 - share
        if self.decay_shape == "cosine":
            left = (1.0 + np.cos(np.pi * share)) / 2.0
        elif self.decay_shape == "1-sqrt":
            left = 1.0 - np.sqrt(share)
        return self.end_lr + (self.peak_lr - self.end_lr) * left

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """A level followed by one decay, perhaps with a floor after it."""
        warmup, body = split_warmup(segments)
        if len(body) not in (2, 3) or kind(body[0]) != "constant" or kind(body[1]) == "constant":
            return None
        peak, (begin, end) = number(body[0], "value"), ends(body[1])
        if not (begin > end and near(begin, peak, peak, 0.7)):
            return None
        if len(body) == 3 and kind(body[2]) != "constant":
            return None
        turn = body[1].start + _begin(body[1], peak)
        steps = body[1].stop - turn
        floor = number(body[2], "value") if len(body) == 3 else max(end, 0.0)
        shape = kind(body[1]) if kind(body[1]) in DECAY_SHAPES and floor > 0 else "linear"
        if kind(body[1]) == "cosine":
            steps, shape = number(body[1], "t_max"), "cosine"
            floor = number(body[1], "eta_min") if len(body) == 2 else floor
        return cls(peak, turn - segments[0].start, steps, shape, floor, warmup)


def _begin(decay: Segment, peak: float) -> float:
    """Where the decay would be at the level before it, in time from the segment's start."""
    if kind(decay) == "cosine":
        return number(decay, "peak_at")
    if kind(decay) == "linear":
        return (peak - number(decay, "lr_start")) / number(decay, "slope")
    if kind(decay) == "exponential":
        return float(np.log(peak / number(decay, "lr_start")) / np.log(number(decay, "gamma")))
    return 0.0
