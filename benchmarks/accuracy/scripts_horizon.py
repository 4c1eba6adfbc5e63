"""Decays over a given number of scheduler steps, as training scripts write them."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    PolynomialLR,
    SequentialLR,
)

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import Setup, Training

# What is left of the LR after a share of the decay.
Shape = Callable[[float], float]
SHAPES: dict[str, Shape] = {
    "linear": lambda done: max(0.0, 1.0 - done),
    "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * min(1.0, done))),
    "polynomial": lambda done: max(0.0, 1.0 - done) ** 2,
}


def warmed_up(shape: str, total: int, warmup: int, floor: float = 0.0) -> scripts.MakeScheduler:
    """A linear warm-up inside ``total`` scheduler steps, then ``shape`` down to ``floor``."""

    def factor(step: int) -> float:
        if step < warmup:
            return step / warmup
        return floor + (1 - floor) * SHAPES[shape]((step - warmup) / max(1, total - warmup))

    return lambda optimizer, t: LambdaLR(optimizer, factor)


def decay(name: str, total: int) -> scripts.MakeScheduler:
    """torch's own scheduler of this name over ``total`` scheduler steps."""

    def make(optimizer: Optimizer, t: Training) -> LRScheduler:
        if name == "CosineAnnealingLR":
            return CosineAnnealingLR(optimizer, total)
        if name == "PolynomialLR":
            return PolynomialLR(optimizer, total, power=1.0)
        return LinearLR(optimizer, 1.0, 0.0, total_iters=total)

    return make


def warmup_then_cosine(share: float, t_max: Callable[[int, int], int]) -> scripts.MakeScheduler:
    """``SequentialLR`` of a warm-up over ``share`` of the run and a cosine of ``t_max(total,
    warmup)`` steps."""

    def make(optimizer: Optimizer, t: Training) -> LRScheduler:
        warmup = max(2, int(share * t.total_steps))
        rise = LinearLR(optimizer, 0.05, total_iters=warmup)
        fall = CosineAnnealingLR(optimizer, t_max(t.total_steps, warmup))
        return SequentialLR(optimizer, [rise, fall], milestones=[warmup])

    return make


def times(lr: float, make: scripts.MakeScheduler, n: int, per: str = "step") -> Setup:
    """The scheduler is stepped ``n`` times at each ``per``: once by every process."""

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        scheduler = make(t.optimizer, t)

        def advance() -> None:
            for _ in range(n):
                scheduler.step()

        {"epoch": t.each_epoch, "step": t.each_step, "batch": t.each_batch}[per].append(advance)

    return setup
