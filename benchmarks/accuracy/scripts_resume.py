"""Scripts that can be resumed: how they build their scheduler and what they load."""

from __future__ import annotations

import math

from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, MultiStepLR

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import Training
from benchmarks.accuracy.resume_lab import Build, Checkpoint


def warmup_cosine(lr: float, warmup: float = 0.06, horizon: int | None = None) -> Build:
    """LambdaLR as transformers makes it: a closed form of the step; AdamW."""

    def build(t: Training) -> LRScheduler:
        t.optimizer = scripts.adamw(t, lr)
        total = t.total_steps if horizon is None else horizon * t.steps_per_epoch
        rise = max(1, int(warmup * total))

        def factor(step: int) -> float:
            if step < rise:
                return step / rise
            done = (step - rise) / max(1, total - rise)
            return max(0.0, 0.5 * (1 + math.cos(math.pi * min(1.0, done))))

        return LambdaLR(t.optimizer, factor)

    return build


def linear(lr: float, *, per_epoch: bool = False) -> Build:
    """A linear decay to 0 over the planned epochs or steps, a closed form too."""

    def build(t: Training) -> LRScheduler:
        t.optimizer = scripts.sgd(t, lr)
        total = t.recipe.epochs if per_epoch else t.total_steps
        return LambdaLR(t.optimizer, lambda s: max(0.0, 1 - s / total))

    return build


def cosine(lr: float, *, per_epoch: bool = False) -> Build:
    """CosineAnnealingLR over the planned epochs or steps, SGD."""

    def build(t: Training) -> LRScheduler:
        t.optimizer = scripts.sgd(t, lr)
        return CosineAnnealingLR(t.optimizer, t.recipe.epochs if per_epoch else t.total_steps)

    return build


def milestones(lr: float, at: tuple[int, ...]) -> Build:
    """MultiStepLR, stepped per epoch."""

    def build(t: Training) -> LRScheduler:
        t.optimizer = scripts.sgd(t, lr)
        return MultiStepLR(t.optimizer, list(at), 0.1)

    return build


def without_scheduler(t: Training, scheduler: LRScheduler, kept: Checkpoint) -> LRScheduler:
    """The scheduler's state is saved but never loaded."""
    t.net.load_state_dict(kept["model"])
    t.optimizer.load_state_dict(kept["optimizer"])
    return scheduler


def weights_only(t: Training, scheduler: LRScheduler, kept: Checkpoint) -> LRScheduler:
    """The checkpoint of a script that saves nothing but ``model.state_dict()``."""
    t.net.load_state_dict(kept["model"])
    return scheduler
