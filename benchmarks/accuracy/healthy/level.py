"""Look-alikes of faults of the LR's level: constant, ending high or tiny for good reasons."""

from __future__ import annotations

from collections.abc import Callable

from torch.optim.lr_scheduler import ConstantLR

from benchmarks.accuracy import scripts, scripts_level
from benchmarks.accuracy.lab import Recipe
from benchmarks.accuracy.scene import Draw, Scene, nearby
from benchmarks.accuracy.tasks import Teacher


def slow_and_smooth(draw: Draw) -> Scene:
    """One small LR in a long run: the loss creeps, but along a smooth line that no decay lowers."""
    epochs, lr = int(draw.integers(34, 50)), nearby(draw, 0.004)
    setup = scripts.scheduled(lr, lambda o, t: ConstantLR(o, 1.0))
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs}
    return Scene(Teacher(1024, 24, 0.2), Recipe(setup, epochs, intent=intent))


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


LOOKALIKES: tuple[Callable[[Draw], Scene], ...] = (slow_and_smooth, stable_phase)
