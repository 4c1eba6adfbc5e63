"""Sound beginnings that look like a missing, broken or doubled warm-up."""

from __future__ import annotations

import math

from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    SequentialLR,
)

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import Recipe, Training
from benchmarks.accuracy.scene import Draw, Scene, nearby
from benchmarks.accuracy.scripts_warmup import warmup_then_cosine
from benchmarks.accuracy.tasks import Digits, Sequences, Task, Teacher


def no_warmup_needed(draw: Draw) -> Scene:
    """A pre-norm transformer at an ordinary LR from the first step on: the loss falls at once."""
    epochs, lr = int(draw.integers(10, 16)), nearby(draw, 5e-3)
    make = warmup_then_cosine(lambda t: 0)
    setup = scripts.scheduled(lr, make, per="step", optimizer=scripts.adamw)
    intent = {"learning_rate": lr, "lr_scheduler_type": "cosine", "warmup_steps": 0}
    recipe = Recipe(setup, epochs, batch_size=16, intent=intent, optimizer="AdamW")
    writers = ("trainer_state", "json_lines", "tensorboard")
    return Scene(Sequences(samples=384, length=12), recipe, writers)


def rough_first_steps(draw: Draw) -> Scene:
    """Adam's first steps throw the loss up for a handful of steps of a long run."""
    epochs, lr = int(draw.integers(18, 26)), nearby(draw, 0.05)
    make = warmup_then_cosine(lambda t: 0)
    setup = scripts.scheduled(lr, make, per="step", optimizer=scripts.adamw)
    intent = {"learning_rate": lr, "lr_scheduler_type": "cosine", "max_epochs": epochs}
    recipe = Recipe(setup, epochs, intent=intent, optimizer="AdamW")
    return Scene(Teacher(), recipe)


def warmup_off_by_one(draw: Draw) -> Scene:
    """Configured in epochs, rounded up to steps, and the first LR is not 0."""
    epochs, lr, warm = int(draw.integers(14, 20)), nearby(draw, 0.03), int(draw.integers(1, 4))
    task: Task = Digits(samples=1000) if draw.integers(2) else Teacher(samples=1000)
    make = warmup_then_cosine(lambda t: warm * t.steps_per_epoch + 1)
    setup = scripts.scheduled(lr, make, per="step")
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "warmup_epochs": warm}
    return Scene(task, Recipe(setup, epochs, intent={**intent, "scheduler": "cosine"}))


def warmup_in_progress(draw: Draw) -> Scene:
    """A long run that has come to the middle of its warm-up."""
    epochs, lr = 40, nearby(draw, 3e-3)
    make = warmup_then_cosine(lambda t: 0.2 * t.total_steps)
    setup = scripts.scheduled(lr, make, per="step", optimizer=scripts.adamw)
    intent = {"learning_rate": lr, "lr_scheduler_type": "cosine", "warmup_ratio": 0.2}
    recipe = Recipe(
        setup,
        epochs,
        batch_size=16,
        intent=intent,
        optimizer="AdamW",
        stop_after=int(draw.integers(4, 7)),
    )
    return Scene(Sequences(samples=256, length=12), recipe, ("trainer_state",))


def warmup_without_prefix(draw: Draw) -> Scene:
    """timm: the cosine has run along during the warm-up, so the LR falls a little at the joint."""
    epochs, lr, warm = int(draw.integers(24, 32)), nearby(draw, 0.03), 3

    def factor(epoch: int) -> float:
        if epoch < warm:
            return 0.01 + 0.99 * epoch / warm
        return 0.5 * (1 + math.cos(math.pi * epoch / epochs))

    setup = scripts.scheduled(lr, lambda o, t: LambdaLR(o, factor))
    intent = {"opt": "sgd", "lr": lr, "epochs": epochs, "sched": "cosine", "warmup_epochs": warm}
    return Scene(Digits(), Recipe(setup, epochs, intent=intent))


def stable_phase(draw: Draw) -> Scene:
    """Warm-up, a stable phase of a fifth of the run, then a cosine."""
    epochs, lr = int(draw.integers(16, 24)), nearby(draw, 0.03)

    def make(o: scripts.Optimizer, t: Training) -> LRScheduler:
        warm, hold = t.total_steps // 20, t.total_steps // 5
        parts = [
            LinearLR(o, 0.01, total_iters=warm),
            ConstantLR(o, 1.0),
            CosineAnnealingLR(o, t.total_steps - warm - hold),
        ]
        return SequentialLR(o, parts, milestones=[warm, warm + hold])

    setup = scripts.scheduled(lr, make, per="step")
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs}
    return Scene(Digits(), Recipe(setup, epochs, intent=intent))


def short_warmup_beside_cosine(draw: Draw) -> Scene:
    """A warm-up of one epoch multiplies a cosine that has hardly begun."""
    epochs, lr = int(draw.integers(20, 30)), nearby(draw, 0.03)

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        ramp = LinearLR(t.optimizer, 0.1, total_iters=t.steps_per_epoch)
        t.each_step += [ramp.step, CosineAnnealingLR(t.optimizer, t.total_steps).step]

    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": "CosineAnnealingLR"}
    return Scene(Teacher(), Recipe(setup, epochs, intent=intent))


def third_on_purpose(draw: Draw) -> Scene:
    """A warm-up from a third of the LR that is as long as such warm-ups are."""
    epochs, lr = int(draw.integers(18, 28)), nearby(draw, 0.03)

    def make(o: scripts.Optimizer, t: Training) -> LRScheduler:
        warm = 2 * t.steps_per_epoch
        parts = [LinearLR(o, total_iters=warm), CosineAnnealingLR(o, t.total_steps - warm)]
        return SequentialLR(o, parts, milestones=[warm])

    setup = scripts.scheduled(lr, make, per="step")
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs}
    return Scene(Digits(), Recipe(setup, epochs, intent=intent))


LOOKALIKES = (
    no_warmup_needed,
    rough_first_steps,
    warmup_off_by_one,
    warmup_in_progress,
    warmup_without_prefix,
    stable_phase,
    short_warmup_beside_cosine,
    third_on_purpose,
)
