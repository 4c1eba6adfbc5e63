"""LRD101: no warm-up where the training needs one."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import History, Recipe
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.scripts_warmup import adamw_plain, warmup_then_cosine
from benchmarks.accuracy.tasks import Sequences, Task, Teacher


def _scene(
    task: Task, lr: float, epochs: int, batch: int, share: float, writers: tuple[str, ...]
) -> Scene:
    setup = scripts.scheduled(
        lr,
        warmup_then_cosine(lambda t: share * t.total_steps),
        per="step",
        optimizer=adamw_plain,
    )
    intent = {"optimizer": "AdamW", "learning_rate": lr, "lr_scheduler_type": "cosine"}
    recipe = Recipe(setup, epochs, batch_size=batch, intent=intent, optimizer="AdamW")
    return Scene(task, recipe, writers)


def transformer_without_warmup(draw: Draw, faulty: bool) -> Scene:
    """A small transformer at a high LR from the first step on; the control warms up."""
    task = Sequences(samples=int(draw.choice([256, 320])), length=int(draw.integers(10, 15)))
    epochs, lr = int(draw.integers(6, 11)), nearby(draw, 0.08, 0.8, 1.2)
    share = 0.0 if faulty else float(draw.choice([0.15, 0.2]))
    return _scene(task, lr, epochs, 16, share, ("tensorboard_dense", "json_lines", "trainer_state"))


def network_without_warmup(draw: Draw, faulty: bool) -> Scene:
    """A regression whose first Adam steps, all of the full LR, throw the weights far away."""
    task = Teacher(samples=512, width=int(draw.choice([48, 96])))
    epochs, lr = int(draw.integers(4, 7)), nearby(draw, 0.2, 0.8, 1.2)
    share = 0.0 if faulty else float(draw.choice([0.15, 0.2]))
    return _scene(task, lr, epochs, 32, share, ("tensorboard_dense", "json_lines", "lightning_csv"))


def unsettled(faulty: History, control: History) -> bool:
    """The mean of five losses is above the first one until 5 % of the run are over, and comes back;
    in the control it is not."""
    return _comes_back_after(faulty) >= 0.05 > 2 * _comes_back_after(control)


def _comes_back_after(history: History) -> float:
    """Share of the run until the loss is under its start; 0 if it never leaves it, or for good."""
    level = np.convolve(history.loss[1:], np.full(5, 0.2), "valid")
    above = level > 1.1 * history.loss[0]
    if not above[:10].any() or above.all():
        return 0.0
    first = int(np.flatnonzero(above)[0])
    back = np.flatnonzero(~above[first:])
    return float(first + back[0]) / len(history.loss) if len(back) else 0.0


INJECTIONS = (
    Injection("LRD101", transformer_without_warmup, unsettled),
    Injection("LRD101", network_without_warmup, unsettled),
)

SAMPLES = sample_pair(
    ("no-warmup", "with-warmup"),
    transformer_without_warmup,
    "json_lines",
    "LRD101",
    "A transformer gets its full LR from the first step: the loss rises to several times its start "
    "and needs a sixth of the run to come back.",
)
