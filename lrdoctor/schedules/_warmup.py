"""Warm-up before any schedule: a ramp that ends at the LR with which the schedule proper starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.types import Array

WARMUP_SHAPES = ("linear", "cosine", "exponential", "constant")


@dataclass(frozen=True, slots=True)
class Warmup:
    """A ramp over ``[0, length)`` from ``start_lr``, in x units.

    ``constant`` holds ``start_lr`` and then jumps (torch's ConstantLR); ``exponential`` needs a
    positive ``start_lr``. With ``overlap`` the schedule proper starts at time 0 as well and a line
    multiplies it (ultralytics); ``shape`` does not count then.
    """

    length: float
    start_lr: float = 0.0
    shape: str = "linear"
    overlap: bool = False

    def __post_init__(self) -> None:
        if not self.length > 0:
            raise ConfigError(f"warmup must be positive, got {self.length!r}")
        if self.shape not in WARMUP_SHAPES:
            valid = ", ".join(WARMUP_SHAPES)
            raise ConfigError(f"warmup_shape must be one of {valid}, got {self.shape!r}")

    def lr(self, t: Array, target: float) -> Array:
        """LR at local times ``t: float64[m]``, reaching ``target`` at ``length``."""
        share = np.clip(t / self.length, 0.0, 1.0)
        if self.shape == "constant":
            return np.full_like(share, self.start_lr)
        if self.shape == "exponential" and self.start_lr > 0 and target > 0:
            return np.asarray(self.start_lr * (target / self.start_lr) ** share)
        if self.shape == "cosine":
            share = (1.0 - np.cos(np.pi * share)) / 2.0
        return self.start_lr + (target - self.start_lr) * share


@np.errstate(all="ignore")
def with_warmup(
    t: Array,
    warmup: Warmup | None,
    body: Callable[[Array], Array],
    *,
    counts_warmup: bool = False,
    interval: float = 1.0,
) -> Array:
    """LR at times ``t: float64[m]`` of ``body`` after an optional warm-up.

    ``body`` sees the time since the end of the warm-up, or with ``counts_warmup`` the time since
    its start. The schedule advances once every ``interval`` x units and holds its value between,
    which shows when that is more than 1. Before time 0 it holds its first value. An LR beyond
    float64 is infinite, without a warning.
    """
    time = np.maximum(np.asarray(t, dtype=np.float64), 0.0)
    if interval > 1.0:
        # A hair more than the quotient, since 3 * (1 / 3 of an epoch) may fall short of an epoch.
        time = np.floor(time / interval * (1 + 1e-12)) * interval
    if warmup is None:
        return body(time)
    if warmup.overlap:
        return _overlapping(time, warmup, body)
    begin = warmup.length if counts_warmup else 0.0
    shifted = time if counts_warmup else time - warmup.length
    target = float(body(np.array([begin]))[0])
    rising = time < warmup.length
    return np.where(rising, warmup.lr(time, target), body(np.maximum(shifted, begin)))


def _overlapping(time: Array, warmup: Warmup, body: Callable[[Array], Array]) -> Array:
    first = float(body(np.zeros(1))[0])
    share = np.minimum(time / warmup.length, 1.0)
    factor = warmup.start_lr / first if first else 0.0
    return body(time) * (factor + (1.0 - factor) * share)
