"""Warm-up before any schedule: a ramp that ends at the LR with which the schedule proper starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.types import Array

WARMUP_SHAPES = ("linear", "cosine", "exponential", "log", "constant")
# A hair more than a quotient, since 3 * (1 / 3 of an epoch) may fall short of an epoch.
_HAIR = 1 + 1e-12


@dataclass(frozen=True, slots=True)
class Warmup:
    """A ramp over ``[0, length)`` from ``start_lr``, in x units.

    ``constant`` holds ``start_lr`` and then jumps (torch's ConstantLR); ``log`` rises with the
    logarithm of ``1 + t`` (DeepSpeed's WarmupLR); ``exponential`` needs a positive ``start_lr``.
    With ``overlap`` the schedule proper starts at time 0 as well: from below the ramp multiplies it
    (torch's ChainedScheduler), from above the LR falls towards it (ultralytics' biases). With
    ``echo`` the LR of the interval in which the ramp ends is set twice, so that the schedule goes
    on one interval late (ultralytics).
    """

    length: float
    start_lr: float = 0.0
    shape: str = "linear"
    overlap: bool = False
    echo: bool = False

    def __post_init__(self) -> None:
        if not self.length > 0:
            raise ConfigError(f"warmup must be positive, got {self.length!r}")
        if self.shape not in WARMUP_SHAPES:
            valid = ", ".join(WARMUP_SHAPES)
            raise ConfigError(f"warmup_shape must be one of {valid}, got {self.shape!r}")

    def lr(self, t: Array, target: float) -> Array:
        """LR at local times ``t: float64[m]``, reaching ``target`` at ``length``."""
        share = self.share(t)
        if self.shape == "exponential" and self.start_lr > 0 and target > 0:
            return np.asarray(self.start_lr * (target / self.start_lr) ** share)
        return self.start_lr + (target - self.start_lr) * share

    def share(self, t: Array) -> Array:
        """How much of the way is done at local times ``t: float64[m]``, from 0 to 1."""
        share = np.clip(t / self.length, 0.0, 1.0)
        if self.shape == "constant":
            return np.asarray(share >= 1.0, dtype=np.float64)
        if self.shape == "cosine":
            return np.asarray((1.0 - np.cos(np.pi * share)) / 2.0)
        if self.shape == "log":
            # As in DeepSpeed the top is reached one step before the end.
            whole = np.log(max(self.length, 2.0))
            return np.asarray(np.clip(np.log1p(np.maximum(t, 0.0)) / whole, 0.0, 1.0))
        return share


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
    if warmup is not None and warmup.overlap:
        return _overlapping(time, warmup, body, max(interval, 1.0))
    if interval > 1.0:
        time = np.floor(time / interval * _HAIR) * interval
    if warmup is None:
        return body(time)
    begin = warmup.length if counts_warmup else 0.0
    shifted = time if counts_warmup else time - warmup.length
    target = float(body(np.array([begin]))[0])
    rising = time < warmup.length
    return np.where(rising, warmup.lr(time, target), body(np.maximum(shifted, begin)))


def _overlapping(
    time: Array, warmup: Warmup, body: Callable[[Array], Array], interval: float
) -> Array:
    """A ramp at every time over a schedule that advances once per ``interval``."""
    passed = np.floor(time / interval * _HAIR)
    if warmup.echo:
        passed -= passed > np.floor(warmup.length / interval * _HAIR)
    proper = body(passed * interval)
    first = float(body(np.zeros(1))[0])
    share = warmup.share(time)
    if warmup.start_lr > first:
        return warmup.start_lr * (1.0 - share) + proper * share
    factor = warmup.start_lr / first if first else 0.0
    return proper * (factor + (1.0 - factor) * share)
