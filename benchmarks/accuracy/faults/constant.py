"""LRD305, constant LR in a long run: late in it the noise of the steps is all that is left."""

from __future__ import annotations

import numpy as np
from torch.optim.lr_scheduler import CosineAnnealingLR

from benchmarks.accuracy import scripts, scripts_level, symptoms
from benchmarks.accuracy.lab import History, Recipe, Training
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Task, Teacher

# Logs in which a slow fall is told from none; in those of single batches it often looks flat, which
# is LRD402's case.
_EXACT = ("epoch_csv",)


def _task(draw: Draw) -> tuple[Task, int, float]:
    """Enough data for what can be learned, so that the end is noise and not overfitting."""
    task = Teacher(2048, int(draw.integers(10, 20)), float(draw.uniform(0.3, 0.6)))
    return task, int(draw.integers(34, 60)), nearby(draw, 0.04)


def no_schedule(draw: Draw, faulty: bool) -> Scene:
    """A script without any scheduler; the control has a cosine."""
    task, epochs, lr = _task(draw)

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)

    cosine = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs}
    recipe = Recipe(setup if faulty else cosine, epochs, batch_size=16, intent=intent)
    return Scene(task, recipe, _EXACT)


def warmup_only(draw: Draw, faulty: bool) -> Scene:
    """A warm-up and then the same LR for good; the control comes down in a straight line."""
    task, epochs, _ = _task(draw)
    lr = nearby(draw, 0.015)
    shape = scripts_level.constant if faulty else scripts_level.linear
    make = scripts_level.factors(shape, warmup=0.05)
    setup = scripts.scheduled(lr, make, per="step", optimizer=scripts.adamw)
    intent = {"optimizer": "AdamW", "lr": lr, "max_epochs": epochs}
    recipe = Recipe(setup, epochs, batch_size=16, intent=intent, optimizer="AdamW")
    return Scene(task, recipe, _EXACT)


def creeps(faulty: History, control: History) -> bool:
    """It ends 10 % worse than with a decay, though the last quarter is better than the third by
    2 to 10 %: flat and quickly falling losses are other matters."""
    quarters = np.array_split(faulty.train_loss, 4)
    gain = 1 - float(np.mean(quarters[3]) / np.mean(quarters[2]))
    return 0.02 < gain < 0.1 and symptoms.ends_worse(0.1)(faulty, control)


INJECTIONS = (
    Injection("LRD305", no_schedule, creeps, also=("LRD402",)),
    Injection("LRD305", warmup_only, creeps, also=("LRD402",)),
)

SAMPLES = sample_pair(
    ("constant-long", "constant-decayed"),
    warmup_only,
    "epoch_csv",
    "LRD305",
    "The LR stays up after the warm-up: the loss creeps down, but the weights wander about.",
)
