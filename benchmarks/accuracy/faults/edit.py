"""LRD507: an LR that is set by hand while a scheduler is in charge."""

from __future__ import annotations

import numpy as np
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LambdaLR

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import History, Recipe, Training
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Digits, Task, Teacher


def _edited(draw: Draw, faulty: bool, make: scripts.MakeScheduler, lr: float) -> Scene:
    """The LR times a factor at the start of an epoch, by hand."""
    epochs = int(draw.integers(16, 26))
    at, factor = int(draw.integers(5, epochs - 4)), float(draw.choice([0.5, 0.3, 2.0]))
    setup = scripts.scheduled(lr, make, per="step")

    def edited(t: Training) -> None:
        setup(t)

        def edit() -> None:
            for group in t.optimizer.param_groups:
                group["lr"] *= factor

        if faulty:
            t.at_epoch(at, edit)

    task: Task = Digits() if draw.integers(2) else Teacher()
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "edited_at": at}
    return Scene(task, Recipe(edited, epochs, intent=intent), ("tensorboard_dense",))


def edit_that_lasts(draw: Draw, faulty: bool) -> Scene:
    """Under a scheduler that computes each LR from the last one."""
    lr = nearby(draw, 0.02)
    if draw.integers(2):
        return _edited(draw, faulty, lambda o, t: CosineAnnealingLR(o, t.total_steps), lr)
    return _edited(draw, faulty, lambda o, t: ExponentialLR(o, 0.03 ** (1 / t.total_steps)), lr)


def edit_that_is_lost(draw: Draw, faulty: bool) -> Scene:
    """Under a scheduler that computes the LR from the step."""
    lr = nearby(draw, 0.02)
    return _edited(
        draw, faulty, lambda o, t: LambdaLR(o, lambda s: max(0.01, 1 - s / t.total_steps)), lr
    )


def _place(history: History) -> int:
    return int(history.recipe.intent["edited_at"]) * history.steps_per_epoch


def _differs(faulty: History, control: History) -> bool:
    return not np.allclose(faulty.lr["all"], control.lr["all"], rtol=0.1)


INJECTIONS = (
    Injection("LRD507", edit_that_lasts, _differs, place=_place),
    Injection("LRD507", edit_that_is_lost, _differs, place=_place),
)

SAMPLES = sample_pair(
    ("lr-edited", "lr-unedited"),
    edit_that_lasts,
    "trainer_state",
    "LRD507",
    "`param_group['lr']` was scaled by hand in mid-cosine and stays so: a note.",
)
