"""LRD511 to LRD518: what a resumed process restores wrongly, or not at all."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, MultiStepLR

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import History, Recipe, Training
from benchmarks.accuracy.places import Place
from benchmarks.accuracy.resume_lab import WRITERS, Build, Checkpoint, Job, Load, everything
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.symptoms import Symptom
from benchmarks.accuracy.tasks import Digits, Sequences, Task, Teacher

Optim = torch.optim.Optimizer


def resumed_at(history: History) -> int:
    """The first step of the second process."""
    return history.first_epoch * history.steps_per_epoch


def _task(draw: Draw) -> Task:
    return Digits() if draw.integers(2) else Teacher(noise=0.05)


def _recipe(epochs: int, lr: float, scheduler: str, **config: object) -> Recipe:
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": scheduler, **config}
    return Recipe(lambda t: None, epochs, intent=intent)  # type: ignore[arg-type]


def _cut(draw: Draw, epochs: int, low: float, high: float) -> tuple[int, int]:
    """Epochs of the last checkpoint and of the death of the first process."""
    saved = round(epochs * draw.uniform(low, high))
    return saved, saved + int(draw.integers(0, 3))


def lr_moves(by: float) -> Symptom:
    """After the resume the LR is off the control's by the factor ``by`` at some step."""

    def symptom(faulty: History, control: History) -> bool:
        at = resumed_at(faulty)
        n = min(len(faulty.loss), len(control.loss))
        ours, theirs = faulty.lr["all"][at:n], control.lr["all"][at:n]
        floor = 0.01 * float(control.lr["all"].max())
        ratio = np.maximum(ours, floor) / np.maximum(theirs, floor)
        return bool(np.max(np.abs(np.log(ratio))) > math.log(by))

    return symptom


# ------------------------------------------------------------------------------ build and load


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


def linear(lr: float) -> Build:
    """A linear decay to 0 over the planned steps, a closed form too."""

    def build(t: Training) -> LRScheduler:
        t.optimizer = scripts.sgd(t, lr)
        total = t.total_steps
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


def _choose(faulty: bool, load: Load) -> Load:
    return load if faulty else everything


# ------------------------------------------------------------------------------------- LRD512


def scheduler_not_loaded(draw: Draw, faulty: bool) -> Scene:
    """Model and optimizer come back, the scheduler (a closed form with warm-up) does not."""
    epochs, lr = int(draw.integers(14, 22)), nearby(draw, 2e-3)
    saved, crashed = _cut(draw, epochs, 0.3, 0.75)
    job = Job(warmup_cosine(lr), _choose(faulty, without_scheduler), saved, crashed)
    intent = {"learning_rate": lr, "warmup_ratio": 0.06, "lr_scheduler_type": "cosine"}
    intent["max_epochs"] = epochs
    recipe = Recipe(lambda t: None, epochs, batch_size=16, intent=intent, optimizer="AdamW")
    return job.scene(Sequences(samples=384), recipe, (*WRITERS, "trainer_state"))


def only_weights_loaded(draw: Draw, faulty: bool) -> Scene:
    """Only the weights come back; the cosine runs again from its peak."""
    epochs, lr = int(draw.integers(24, 36)), nearby(draw, 0.02)
    saved, crashed = _cut(draw, epochs, 0.3, 0.75)
    per_epoch = bool(draw.integers(2))
    job = Job(
        cosine(lr, per_epoch=per_epoch), _choose(faulty, weights_only), saved, crashed,
        per="epoch" if per_epoch else "step",
    )  # fmt: skip
    return job.scene(_task(draw), _recipe(epochs, lr, "CosineAnnealingLR"))


def milestones_start_over(draw: Draw, faulty: bool) -> Scene:
    """Only the weights come back; a step schedule is at its first level again."""
    epochs, lr = int(draw.integers(26, 36)), nearby(draw, 0.02)
    marks = (epochs // 3, 2 * epochs // 3)
    saved, crashed = _cut(draw, epochs, 0.4, 0.6)
    job = Job(milestones(lr, marks), _choose(faulty, weights_only), saved, crashed, per="epoch")
    text = ",".join(map(str, marks))
    recipe = _recipe(epochs, lr, "MultiStepLR", milestones=text, gamma=0.1)
    return job.scene(_task(draw), recipe)


RESUME: Place = resumed_at

INJECTIONS = (
    Injection("LRD512", scheduler_not_loaded, lr_moves(1.3), place=RESUME),
    Injection("LRD512", only_weights_loaded, lr_moves(1.3), place=RESUME),
    Injection("LRD512", milestones_start_over, lr_moves(1.3), place=RESUME),
)

SAMPLES = (
    *sample_pair(
        ("schedule-restarted", "schedule-resumed"),
        scheduler_not_loaded,
        "json_lines",
        "LRD512",
        "Resumed with model and optimizer but without the scheduler's state: warm-up and cosine "
        "run again from the start.",
    ),
)
