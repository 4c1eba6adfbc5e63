"""Look-alikes of overfitting at a constant LR: stopped in time, decayed, or only wiggling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import Recipe
from benchmarks.accuracy.scene import Draw, Scene, nearby
from benchmarks.accuracy.tasks import Teacher

_SMALL = Teacher(384, 48, 0.35)


def _recipe(draw: Draw, epochs: int) -> Recipe:
    lr = nearby(draw, 0.03)
    setup = scripts.scheduled(lr, lambda o, t: ConstantLR(o, 1.0))
    return Recipe(setup, epochs, intent={"optimizer": "SGD", "lr": lr, "max_epochs": epochs})


def stopped_in_time(draw: Draw) -> Scene:
    """Early stopping waits for five to ten evaluations at a constant LR and ends the run."""
    return Scene(_SMALL, replace(_recipe(draw, 80), patience=int(draw.integers(5, 11))))


def overfitted_under_cosine(draw: Draw) -> Scene:
    """The validation loss rises for most of the run while the cosine comes down."""
    epochs, lr = int(draw.integers(40, 60)), nearby(draw, 0.03)
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": "CosineAnnealingLR"}
    return Scene(_SMALL, Recipe(setup, epochs, intent=intent))


def wiggling(draw: Draw) -> Scene:
    """Enough data at one high LR: single evaluations are far worse, none of them lasts."""
    recipe = _recipe(draw, int(draw.integers(16, 24)))
    return Scene(Teacher(2048, 32, 0.2), recipe)


LOOKALIKES: tuple[Callable[[Draw], Scene], ...] = (
    stopped_in_time,
    overfitted_under_cosine,
    wiggling,
)
