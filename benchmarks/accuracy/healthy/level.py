"""Look-alikes of faults of the LR's level: constant, ending high or tiny for good reasons."""

from __future__ import annotations

from collections.abc import Callable

from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, StepLR

from benchmarks.accuracy import scripts, scripts_level
from benchmarks.accuracy.lab import Recipe
from benchmarks.accuracy.scene import Draw, Scene, nearby
from benchmarks.accuracy.tasks import Sequences, Teacher


def slow_and_smooth(draw: Draw) -> Scene:
    """One small LR in a long run: the loss creeps, but along a smooth line that no decay lowers."""
    epochs, lr = int(draw.integers(34, 50)), nearby(draw, 0.004)
    setup = scripts.scheduled(lr, lambda o, t: ConstantLR(o, 1.0))
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs}
    return Scene(Teacher(1024, 24, 0.1), Recipe(setup, epochs, intent=intent))


def stable_phase(draw: Draw) -> Scene:
    """The stable phase of a warm-up-stable-decay run that goes on."""
    epochs, lr = int(draw.integers(50, 70)), nearby(draw, 0.006)
    make = scripts_level.factors(
        lambda done: min(1.0, (1.0 - done) / 0.15) if done < 1 else 0.0, warmup=0.05
    )
    setup = scripts.scheduled(lr, make, per="step", optimizer=scripts.adamw)
    intent = {"learning_rate": lr, "optim": "adamw_torch"}
    task = Teacher(2048, int(draw.integers(6, 14)), float(draw.uniform(0.3, 0.6)))
    recipe = Recipe(
        setup, epochs, 32, intent=intent, optimizer="AdamW", stop_after=int(0.5 * epochs)
    )
    return Scene(task, recipe, ("trainer_state",))


def tenth_at_the_end(draw: Draw) -> Scene:
    """A cosine to 10 % of the peak on a small transformer, as language models are trained."""
    epochs, lr = int(draw.integers(10, 16)), nearby(draw, 2e-3)
    make = scripts_level.factors(scripts_level.cosine_to(0.1), warmup=0.05)
    setup = scripts.scheduled(lr, make, per="step", optimizer=scripts.adamw)
    intent = {"learning_rate": lr, "lr_scheduler_type": "cosine_with_min_lr"}
    recipe = Recipe(setup, epochs, 16, intent=intent, optimizer="AdamW")
    return Scene(Sequences(samples=384), recipe, ("trainer_state",))


def high_but_smooth_end(draw: Draw) -> Scene:
    """A cosine from a small LR to a quarter of it: the weights come to rest all the same."""
    epochs, lr = int(draw.integers(24, 36)), nearby(draw, 0.006)
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs, lr / 4))
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": "CosineAnnealingLR"}
    return Scene(Teacher(1024, 24, 0.1), Recipe(setup, epochs, intent=intent))


def rested_before_the_drops(draw: Draw) -> Scene:
    """Drops by ten to a thousandth, the first of them on a loss that had come to rest."""
    epochs, lr = int(draw.integers(40, 60)), nearby(draw, 0.03)
    setup = scripts.scheduled(lr, lambda o, t: StepLR(o, round(0.23 * epochs), 0.1))
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": "StepLR"}
    return Scene(Teacher(1024, 6, 0.6), Recipe(setup, epochs, intent=intent))


LOOKALIKES: tuple[Callable[[Draw], Scene], ...] = (
    slow_and_smooth,
    stable_phase,
    tenth_at_the_end,
    high_but_smooth_end,
    rested_before_the_drops,
)
