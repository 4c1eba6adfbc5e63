"""Schedules for faults of the LR's level: never lowered, not far enough, too low, gone early."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from benchmarks.accuracy.lab import Training
from benchmarks.accuracy.scripts import MakeScheduler

# LR over its peak, of the share of the run that is done.
Shape = Callable[[float], float]


def factors(shape: Shape, warmup: float = 0.0) -> MakeScheduler:
    """LambdaLR per optimizer step: ``shape`` of the share of the run that is done, after a linear
    warm-up over the share ``warmup``."""

    def make(o: Optimizer, t: Training) -> LRScheduler:
        def factor(step: int) -> float:
            done = step / t.total_steps
            if done < warmup:
                return (step + 1) / (warmup * t.total_steps + 1)
            return shape((done - warmup) / (1 - warmup))

        return LambdaLR(o, factor)

    return make


def constant(done: float) -> float:
    """Never lowered."""
    return 1.0


def linear(done: float) -> float:
    """Straight down to 0."""
    return max(0.0, 1.0 - done)


def cosine_to(floor: float) -> Shape:
    """Half a cosine from 1 to ``floor``."""
    return lambda done: floor + (1 - floor) * 0.5 * (1 + float(np.cos(np.pi * min(1.0, done))))
