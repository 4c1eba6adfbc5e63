"""LRD511 to LRD518: what a resumed process restores wrongly, or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from benchmarks.accuracy import symptoms
from benchmarks.accuracy.lab import History, Recipe, Training
from benchmarks.accuracy.places import Place
from benchmarks.accuracy.resume_lab import WRITERS, Checkpoint, Job, Load, everything
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.scripts_resume import (
    cosine,
    linear,
    milestones,
    warmup_cosine,
    weights_only,
    without_scheduler,
)
from benchmarks.accuracy.symptoms import Symptom
from benchmarks.accuracy.tasks import Digits, Sequences, Task, Teacher

# A log in one file whose steps never go back does not show that training stopped.
TWO_FILES = ("tensorboard", "tensorboard_purged")


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


# ------------------------------------------------------------------------------------- LRD511


def more_epochs(draw: Draw, faulty: bool) -> Scene:
    """Launched for fewer epochs, resumed with more: the lambda computes from the new total."""
    epochs, lr = int(draw.integers(14, 22)), nearby(draw, 2e-3)
    first = round(epochs * draw.uniform(0.5, 0.7))
    saved = round(first * draw.uniform(0.6, 1.0))
    planned = first if faulty else epochs
    job = Job(warmup_cosine(lr), everything, saved, saved, first_epochs=planned)
    intent = {"learning_rate": lr, "warmup_ratio": 0.06, "lr_scheduler_type": "cosine"}
    intent["max_epochs"] = epochs
    recipe = Recipe(lambda t: None, epochs, batch_size=16, intent=intent, optimizer="AdamW")
    return job.scene(Sequences(samples=384), recipe, (*WRITERS, "trainer_state"))


def longer_linear(draw: Draw, faulty: bool) -> Scene:
    """A linear decay of the first launch's total goes on as one of the second's."""
    epochs, lr = int(draw.integers(24, 36)), nearby(draw, 0.02)
    first = round(epochs * draw.uniform(0.45, 0.7))
    saved, crashed = _cut(draw, first, 0.5, 0.8)
    planned = first if faulty else epochs
    job = Job(linear(lr), everything, saved, min(crashed, first), first_epochs=planned)
    return job.scene(_task(draw), _recipe(epochs, lr, "LambdaLR"))


# ------------------------------------------------------------------------------------- LRD513


def t_max_comes_back(draw: Draw, faulty: bool) -> Scene:
    """A finished cosine is resumed for more epochs and its T_max is loaded with the rest."""
    epochs, lr = int(draw.integers(24, 36)), nearby(draw, 0.02)
    first = round(epochs * draw.uniform(0.5, 0.7))
    return _cosine_resumed(draw, (epochs, first), lr, (first, first), faulty)


def t_max_comes_back_early(draw: Draw, faulty: bool) -> Scene:
    """The same where the first process died before its plan was over."""
    epochs, lr = int(draw.integers(24, 36)), nearby(draw, 0.02)
    first = round(epochs * draw.uniform(0.5, 0.7))
    saved = round(0.7 * first)
    return _cosine_resumed(draw, (epochs, first), lr, (saved, saved + 2), faulty)


def _cosine_resumed(
    draw: Draw, plans: tuple[int, int], lr: float, cut: tuple[int, int], faulty: bool
) -> Scene:
    epochs, first = plans
    per_epoch = bool(draw.integers(2))
    job = Job(
        cosine(lr, per_epoch=per_epoch), everything, *cut,
        per="epoch" if per_epoch else "step",
        first_epochs=first if faulty else epochs,
    )  # fmt: skip
    return job.scene(
        _task(draw),
        _recipe(epochs, lr, "CosineAnnealingLR"),
        TWO_FILES if cut[0] == cut[1] else WRITERS,
    )


# ------------------------------------------------------------------------------------- LRD514


def rebuilt_late(draw: Draw, faulty: bool) -> Scene:
    """A new cosine is built after the optimizer's state was loaded, on a decayed LR."""
    epochs, lr = int(draw.integers(26, 36)), nearby(draw, 0.02)
    first = round(epochs * draw.uniform(0.5, 0.65))
    saved = round(0.86 * first)

    def load(t: Training, scheduler: LRScheduler, kept: Checkpoint) -> LRScheduler:
        t.net.load_state_dict(kept["model"])
        t.optimizer.load_state_dict(kept["optimizer"])
        return CosineAnnealingLR(t.optimizer, t.total_steps - t.step)

    planned = first if faulty else epochs
    job = Job(cosine(lr), _choose(faulty, load), saved, saved + 2, first_epochs=planned)
    return job.scene(_task(draw), _recipe(epochs, lr, "CosineAnnealingLR"))


def rebuilt_at_zero(draw: Draw, faulty: bool) -> Scene:
    """The first plan was over; the second schedule is built on an LR of 0."""
    epochs, lr = int(draw.integers(24, 36)), nearby(draw, 0.02)
    first = round(epochs * draw.uniform(0.5, 0.65))

    def load(t: Training, scheduler: LRScheduler, kept: Checkpoint) -> LRScheduler:
        t.net.load_state_dict(kept["model"])
        t.optimizer.load_state_dict(kept["optimizer"])
        return CosineAnnealingLR(t.optimizer, t.total_steps - t.step)

    planned = first if faulty else epochs
    job = Job(linear(lr), _choose(faulty, load), first, first, first_epochs=planned)
    return job.scene(_task(draw), _recipe(epochs, lr, "LambdaLR"), TWO_FILES)


# ----------------------------------------------------------------------------- LRD515, LRD516


def _advanced(steps: Callable[[Training], int]) -> Load:
    def load(t: Training, scheduler: LRScheduler, kept: Checkpoint) -> LRScheduler:
        everything(t, scheduler, kept)
        for _ in range(steps(t)):
            scheduler.step()
        return scheduler

    return load


def loaded_and_stepped(draw: Draw, faulty: bool) -> Scene:
    """The state is loaded and the schedule is then stepped as often as there were steps."""
    epochs, lr = int(draw.integers(14, 22)), nearby(draw, 2e-3)
    saved, crashed = _cut(draw, epochs, 0.2, 0.45)
    job = Job(warmup_cosine(lr), _choose(faulty, _advanced(lambda t: t.step)), saved, crashed)
    intent = {"learning_rate": lr, "warmup_ratio": 0.06, "lr_scheduler_type": "cosine"}
    intent["max_epochs"] = epochs
    recipe = Recipe(lambda t: None, epochs, batch_size=16, intent=intent, optimizer="AdamW")
    return job.scene(Sequences(samples=384), recipe, (*WRITERS, "trainer_state"))


def epochs_counted_twice(draw: Draw, faulty: bool) -> Scene:
    """A linear or cosine schedule per epoch, stepped once more for every epoch already done."""
    epochs, lr = int(draw.integers(24, 36)), nearby(draw, 0.02)
    saved, crashed = _cut(draw, epochs, 0.2, 0.45)
    build = cosine(lr, per_epoch=True) if draw.integers(2) else linear(lr, per_epoch=True)
    load = _choose(faulty, _advanced(lambda t: t.first_epoch))
    job = Job(build, load, saved, crashed, per="epoch")
    return job.scene(_task(draw), _recipe(epochs, lr, "LambdaLR"))


def one_epoch_ahead(draw: Draw, faulty: bool) -> Scene:
    """One more step of a schedule per epoch, to "apply" the state that was loaded."""
    epochs, lr = int(draw.integers(24, 36)), nearby(draw, 0.02)
    saved, _ = _cut(draw, epochs, 0.25, 0.7)
    load = _choose(faulty, _advanced(lambda t: 1))
    job = Job(cosine(lr, per_epoch=True), load, saved, saved + 2, per="epoch")
    return job.scene(_task(draw), _recipe(epochs, lr, "CosineAnnealingLR"))


# ------------------------------------------------------------------------------------- LRD517


def _moments_lost(names: tuple[str, ...]) -> Load:
    def load(t: Training, scheduler: LRScheduler, kept: Checkpoint) -> LRScheduler:
        everything(t, scheduler, kept)
        for state in t.optimizer.state.values():
            for name in names:
                state[name].zero_()
        return scheduler

    return load


def _adam_job(draw: Draw, load: Load) -> Scene:
    epochs, lr = int(draw.integers(14, 22)), nearby(draw, 6e-3)
    saved, _ = _cut(draw, epochs, 0.3, 0.6)
    job = Job(warmup_cosine(lr), load, saved, saved + 2)
    intent = {"learning_rate": lr, "warmup_ratio": 0.06, "lr_scheduler_type": "cosine"}
    intent["max_epochs"] = epochs
    task: Task = Sequences(samples=384) if draw.integers(2) else Digits()
    recipe = Recipe(lambda t: None, epochs, batch_size=16, intent=intent, optimizer="AdamW")
    return job.scene(task, recipe)


def both_moments_lost(draw: Draw, faulty: bool) -> Scene:
    """Adam's moments come back as zeros, its step counter does not."""
    return _adam_job(draw, _choose(faulty, _moments_lost(("exp_avg", "exp_avg_sq"))))


def squares_lost(draw: Draw, faulty: bool) -> Scene:
    """A shard of Adam's state is missing: the squared gradients start from 0."""
    return _adam_job(draw, _choose(faulty, _moments_lost(("exp_avg_sq",))))


def spikes_on_resume(faulty: History, control: History) -> bool:
    """The half epoch after the resume is 20 % worse than the epoch before, the control's is not."""

    def ratio(history: History) -> float:
        at, epoch = resumed_at(history), history.steps_per_epoch
        after = history.loss[at : at + epoch // 2]
        return float(np.mean(after) / np.mean(history.loss[at - epoch : at]))

    return ratio(faulty) > 1.2 and ratio(control) < 1.1


RESUME: Place = resumed_at


def past_the_end(history: History) -> int:
    """The end of the first process's plan, past which the LR rises again."""
    assert history.before is not None
    return history.before.recipe.epochs * history.steps_per_epoch


INJECTIONS = (
    Injection("LRD512", scheduler_not_loaded, lr_moves(1.3), place=RESUME),
    Injection("LRD512", only_weights_loaded, lr_moves(1.3), place=RESUME),
    Injection("LRD512", milestones_start_over, lr_moves(1.3), place=RESUME),
    Injection("LRD511", more_epochs, lr_moves(1.3), place=RESUME, also=("LRD103",)),
    Injection("LRD511", longer_linear, lr_moves(1.3), place=RESUME),
    Injection("LRD513", t_max_comes_back, lr_moves(1.3), place=past_the_end),
    Injection("LRD513", t_max_comes_back_early, lr_moves(1.3), place=past_the_end),
    Injection("LRD514", rebuilt_late, symptoms.ends_worse(0.03), place=RESUME),
    Injection("LRD514", rebuilt_at_zero, symptoms.ends_worse(0.03), place=RESUME),
    Injection("LRD515", loaded_and_stepped, lr_moves(1.3), place=RESUME),
    Injection("LRD515", epochs_counted_twice, lr_moves(1.3), place=RESUME, also=("LRD304",)),
    Injection("LRD517", both_moments_lost, spikes_on_resume, place=RESUME),
    Injection("LRD517", squares_lost, spikes_on_resume, place=RESUME),
    Injection("LRD516", one_epoch_ahead, lr_moves(1.02), place=RESUME),
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
    *sample_pair(
        ("resumed-longer", "resumed-as-planned"),
        longer_linear,
        "lightning_csv",
        "LRD511",
        "Launched for fewer epochs than it was resumed with: the linear decay jumps to another "
        "line.",
    ),
    *sample_pair(
        ("old-t-max", "new-t-max"),
        t_max_comes_back_early,
        "epoch_csv",
        "LRD513",
        "Resumed for more epochs: `load_state_dict` brings the old `T_max` back, and the LR climbs "
        "again to the end.",
    ),
    *sample_pair(
        ("rebuilt-at-floor", "rebuilt-at-peak"),
        rebuilt_late,
        "lightning_csv",
        "LRD514",
        "After the resume a new cosine is built on the LR that the optimizer's state had decayed "
        "to.",
    ),
    *sample_pair(
        ("moments-lost", "moments-restored"),
        squares_lost,
        "lightning_csv",
        "LRD517",
        "Adam's squared gradients were missing in the checkpoint: the loss is thrown up on the "
        "first steps after the resume.",
        seed=3,
    ),
    *sample_pair(
        ("advanced-twice", "advanced-once"),
        loaded_and_stepped,
        "trainer_state",
        "LRD515",
        "The scheduler's state is loaded, then stepped once more for every step already done.",
    ),
    *sample_pair(
        ("epoch-off-after-resume", "epoch-on-after-resume"),
        one_epoch_ahead,
        "epoch_csv",
        "LRD516",
        "One extra `scheduler.step()` after loading: an epoch ahead, a note.",
    ),
)
