"""LRD901, 902, 904 and 905: logs that say too little of the LR, or say it a step late."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch.optim.lr_scheduler import CosineAnnealingLR

from benchmarks.accuracy import scripts, scripts_level
from benchmarks.accuracy.lab import History, Recipe
from benchmarks.accuracy.scene import Draw, Injection, Sample, Scene, nearby
from benchmarks.accuracy.tasks import Teacher

_TABLES = ("epoch_csv", "json_lines", "lightning_csv")


def _cosine(draw: Draw) -> tuple[Teacher, Recipe]:
    epochs, lr = int(draw.integers(20, 40)), nearby(draw, 0.03)
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": "CosineAnnealingLR"}
    return Teacher(), Recipe(setup, epochs, intent=intent)


def no_lr_column(draw: Draw, faulty: bool) -> Scene:
    """The script logs its losses and nothing else."""
    task, recipe = _cosine(draw)
    return Scene(task, replace(recipe, groups=()) if faulty else recipe, _TABLES)


def warmup_between_points(draw: Draw, faulty: bool) -> Scene:
    """A warm-up of less than an epoch in a log of epochs; the control logs its steps."""
    epochs, lr = int(draw.integers(16, 24)), nearby(draw, 3e-3)
    task, steps = Teacher(), int(draw.integers(10, 28))
    share = steps / (32 * epochs)
    make = scripts_level.factors(scripts_level.linear, warmup=share)
    setup = scripts.scheduled(lr, make, per="step", optimizer=scripts.adamw)
    intent = {"learning_rate": lr, "warmup_steps": steps, "steps_per_epoch": 32}
    recipe = Recipe(setup, epochs, intent=intent, optimizer="AdamW")
    return Scene(task, recipe, ("epoch_csv",) if faulty else ("json_lines", "tensorboard"))


def sampled_history(draw: Draw, faulty: bool) -> Scene:
    """500 rows of ``run.history()``; the control has every row."""
    task, recipe = _cosine(draw)
    return Scene(task, recipe, ("wandb_sample",) if faulty else ("wandb_rows",))


def lr_read_after_step(draw: Draw, faulty: bool) -> Scene:
    """The loop steps the scheduler before it reads the LR for the log."""
    epochs, lr = int(draw.integers(12, 24)), nearby(draw, 3e-3)
    make = scripts_level.factors(scripts_level.cosine_to(0.0))
    late = scripts.scheduled(lr, make, per="step", optimizer=scripts.adamw)

    def setup(t: scripts.Training) -> None:
        late(t)
        if faulty:
            optimizer, step = t.optimizer, t.optimizer.step
            used: dict[str, float] = {"lr": lr}
            advance = t.each_step.pop()

            def train(*args: object) -> None:
                """What the log reads between two steps is one ahead of what the step used."""
                ahead = optimizer.param_groups[0]["lr"]
                optimizer.param_groups[0]["lr"] = used["lr"]
                step()
                used["lr"] = optimizer.param_groups[0]["lr"] = ahead
                advance()

            optimizer.step = train  # type: ignore[method-assign,assignment]
            advance()

    intent = {"learning_rate": lr, "max_epochs": epochs}
    recipe = Recipe(setup, epochs, intent=intent, optimizer="AdamW")
    return Scene(Teacher(), recipe, ("json_lines", "tensorboard_dense"))


def _unlogged(faulty: History, control: History) -> bool:
    return not faulty.lr and bool(control.lr)


def _rises_within_an_epoch(faulty: History, control: History) -> bool:
    lr = faulty.lr["all"]
    return bool(0 < np.argmax(lr) < faulty.steps_per_epoch)


def _longer_than_a_sample(faulty: History, control: History) -> bool:
    return len(faulty.loss) > 600


def _ahead(faulty: History, control: History) -> bool:
    """The faulty log reads at each step what the control reads at the one after it."""
    return bool(np.allclose(faulty.lr["all"][:-1], control.lr["all"][1:], rtol=1e-6))


INJECTIONS = (
    Injection("LRD901", no_lr_column, _unlogged),
    Injection("LRD902", warmup_between_points, _rises_within_an_epoch, needs_intent=True),
    Injection("LRD904", sampled_history, _longer_than_a_sample),
    Injection("LRD905", lr_read_after_step, _ahead),
)

SAMPLES = (
    Sample(
        "lr-missing",
        lambda d: no_lr_column(d, True),
        "epoch_csv",
        shows="The script logs its losses and no learning rate.",
        code="LRD901",
        control="constant-decayed",
    ),
    Sample(
        "warmup-hidden",
        lambda d: warmup_between_points(d, True),
        "epoch_csv",
        shows="A warm-up of less than an epoch in a log with a row per epoch: the LR just falls.",
        code="LRD902",
        control="warmup-cosine",
    ),
    Sample(
        "wandb-sample",
        lambda d: sampled_history(d, True),
        "wandb_sample",
        shows="500 rows that W&B's `run.history()` drew from twice as many.",
        code="LRD904",
        control="wandb-all",
    ),
    Sample("wandb-all", lambda d: sampled_history(d, False), "wandb_rows"),
    Sample(
        "next-step-lr",
        lambda d: lr_read_after_step(d, True),
        "json_lines",
        shows="The loop reads the LR after `scheduler.step()`: each value is the next step's.",
        code="LRD905",
        control="warmup-cosine",
    ),
)
