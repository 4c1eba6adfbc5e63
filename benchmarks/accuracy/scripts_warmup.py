"""Warm-ups as users write them, right and wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from benchmarks.accuracy.lab import Training
from benchmarks.accuracy.scripts import MakeScheduler

Length = Callable[[Training], float]


def warmup_then_cosine(length: Length) -> MakeScheduler:
    """A linear warm-up of ``length(t)`` scheduler steps, none for 0, then a cosine to 0."""

    def make(o: Optimizer, t: Training) -> LRScheduler:
        steps = int(length(t))

        def factor(s: int) -> float:
            if s < steps:
                return (s + 1) / (steps + 1)
            done = (s - steps) / max(1, t.total_steps - steps)
            return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

        return LambdaLR(o, factor)

    return make


def adamw_plain(t: Training, lr: float) -> Optimizer:
    """AdamW without weight decay."""
    return AdamW(t.net.parameters(), lr=lr, weight_decay=0.0)
