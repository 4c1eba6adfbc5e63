"""LRD203, LR from an LR finder's grid: a suggestion far too low, taken over to all its digits."""

from __future__ import annotations

import numpy as np
from torch.optim.lr_scheduler import CosineAnnealingLR

from benchmarks.accuracy import scripts, symptoms
from benchmarks.accuracy.lab import History, Recipe
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Teacher


def _suggested(first: float, last: float, index: int) -> float:
    """The LR of ``index``, multiplied up step by step as the finders do."""
    return float(first * (last / first) ** (index / 100))


def _scene(draw: Draw, lr: float) -> Scene:
    epochs = int(draw.integers(16, 28))
    setup = scripts.scheduled(
        lr, lambda o, t: CosineAnnealingLR(o, epochs), optimizer=scripts.adamw
    )
    intent = {"optimizer": "AdamW", "learning_rate": lr, "max_epochs": epochs}
    recipe = Recipe(setup, epochs, intent=intent, optimizer="AdamW")
    return Scene(Teacher(noise=0.3), recipe, ("lightning_csv", "tensorboard", "epoch_csv"))


def lightning_grid(draw: Draw, faulty: bool) -> Scene:
    """One of the first points of 1e-8 to 1; the control's LR is typed."""
    suggested = _suggested(1e-8, 1.0, int(draw.integers(26, 36)))
    typed = nearby(draw, 2e-3)
    return _scene(draw, suggested if faulty else typed)


def fastai_grid(draw: Draw, faulty: bool) -> Scene:
    """One of the first points of 1e-7 to 10; the control's LR is typed."""
    suggested = _suggested(1e-7, 10.0, int(draw.integers(14, 24)))
    typed = nearby(draw, 2e-3)
    return _scene(draw, suggested if faulty else typed)


def hardly_moves(faulty: History, control: History) -> bool:
    """The loss ends within 10 % of its start, the control's far below."""
    start = float(np.mean(faulty.loss[: faulty.steps_per_epoch]))
    end = symptoms.final_loss(faulty)
    return end > 0.9 * start and symptoms.final_loss(control) < 0.7 * end


INJECTIONS = (
    Injection("LRD203", lightning_grid, hardly_moves, also=("LRD204", "LRD415")),
    Injection("LRD203", fastai_grid, hardly_moves, also=("LRD204", "LRD415")),
)

SAMPLES = sample_pair(
    ("finder-lr", "finder-typed"),
    lightning_grid,
    "epoch_csv",
    "LRD203",
    "The LR is one of the first points that an LR finder tried: the loss stays where it began.",
)
