"""Triangular waves between two LRs (torch's CyclicLR)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np

from lrdoctor.schedules._canonical import Parameters, optional, parameters_of
from lrdoctor.schedules._checks import finite, one_of, positive
from lrdoctor.schedules._recognise import ends, kind, meeting, near
from lrdoctor.schedules._warmup import Warmup, with_warmup
from lrdoctor.types import Array, Segment

MODES = ("triangular", "triangular2", "exp_range")


@dataclass(frozen=True, slots=True)
class Cyclic:
    """From ``base_lr`` up to ``max_lr`` in ``step_size_up``, down in ``step_size_down``, again.

    ``triangular2`` halves the height each cycle, ``exp_range`` multiplies it by ``gamma^t``.
    ``step_size_down`` is ``step_size_up`` where it is 0.
    """

    name: ClassVar[str] = "cyclic"
    base_lr: float
    max_lr: float
    step_size_up: float = 2000.0
    mode: str = "triangular"
    gamma: float = field(default=1.0, metadata=optional())
    step_size_down: float = field(default=0.0, metadata=optional())
    warmup: Warmup | None = None
    interval: float = field(default=1.0, metadata=optional())

    def __post_init__(self) -> None:
        finite(base_lr=self.base_lr, max_lr=self.max_lr, step_size_down=self.step_size_down)
        positive(step_size_up=self.step_size_up, gamma=self.gamma, interval=self.interval)
        one_of("mode", self.mode, MODES)

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body, interval=self.interval)

    def _body(self, t: Array) -> Array:
        down = self.step_size_down or self.step_size_up
        period = self.step_size_up + down
        cycle = np.floor(1.0 + t / period)
        share = 1.0 + t / period - cycle
        ratio = self.step_size_up / period
        wave = np.where(share <= ratio, share / ratio, (1.0 - share) / (1.0 - ratio))
        return self.base_lr + (self.max_lr - self.base_lr) * wave * self._scale(t, cycle)

    def _scale(self, t: Array, cycle: Array) -> Array | float:
        if self.mode == "triangular2":
            return np.asarray(0.5 ** (cycle - 1.0))
        return np.asarray(self.gamma**t) if self.mode == "exp_range" else 1.0

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """At least three stretches that rise and fall in turn from a common bottom: lines, or
        lines that a shrinking height bends."""
        moving = [s for s in segments if ends(s)[0] != ends(s)[1]]
        ways = [ends(s)[1] > ends(s)[0] for s in moving]
        # A bent line may have been cut into several.
        body = [s for i, s in enumerate(moving) if i == 0 or ways[i] != ways[i - 1]]
        if len(body) < 3 or not ways[0]:
            return None
        straight = [kind(s) == "linear" and len(body) == len(moving) for s in body]
        if not all(straight[:2]) or sum(straight) < 0.6 * len(body):
            return cls._shrinking(body)
        turns = [body[0].start, *(_turn(a, b) for a, b in pairwise(body))]
        pairs = zip(body, turns, strict=True)
        heights = [float(s.shape.lr(np.array([t - s.start]))[0]) for s, t in pairs]
        base, top = heights[0], heights[1]
        halved = len(heights) > 3 and near((heights[3] - base) / (top - base), 0.5, 1.0, 0.1)
        ups, downs = np.diff(turns)[::2], np.diff(turns)[1::2]
        even = near(float(ups.mean()), float(downs.mean()), float(ups.mean()), 0.05)
        # The first half cycle may begin before the log; later turns bound it better.
        size = (turns[-1] - turns[0]) / (len(turns) - 1) if even else float(ups.mean())
        mode = "triangular2" if halved else "triangular"
        return cls(base, top, size, mode, 1.0, 0.0 if even else float(downs.mean()))

    @classmethod
    def _shrinking(cls, body: list[Segment]) -> Self | None:
        """Waves whose height shrinks by one factor per time (``exp_range``)."""
        tops = body[1::2]
        if len(tops) < 2:
            return None
        base = min(ends(s)[0] for s in body[::2])
        heights = np.array([ends(s)[0] - base for s in tops])
        times = np.array([s.start - body[0].start for s in tops])
        if not heights.min() > 0 or np.any(np.diff(heights) >= 0):
            return None
        rate, start = np.polyfit(times, np.log(heights), 1)
        size = float(times[-1] - times[0]) / (2 * (len(tops) - 1))
        if np.abs(np.diff(times) / (2 * size) - 1).max() > 0.2:
            return None
        return cls(base, base + float(np.exp(start)), size, "exp_range", float(np.exp(rate)))


def _turn(left: Segment, right: Segment) -> float:
    """Where two lines cross, or the border where one of them was not recognised as a line."""
    both = kind(left) == kind(right) == "linear"
    return meeting(left, right) if both else right.start
