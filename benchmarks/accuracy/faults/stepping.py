"""LRD502, 503, 504 and 308: a schedule stepped too often, too rarely, never, or never in time."""

from __future__ import annotations

import numpy as np
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    StepLR,
)

from benchmarks.accuracy import places, scripts, symptoms
from benchmarks.accuracy.lab import History, Recipe, Setup, Training
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.scripts_horizon import decay, warmed_up
from benchmarks.accuracy.tasks import Digits, Task, Teacher

_BATCHES = 32  # 1,024 samples in batches of 32


def _scene(draw: Draw) -> tuple[Task, int, float]:
    task: Task = Digits() if draw.integers(2) else Teacher(noise=0.05)
    return task, int(draw.integers(20, 34)), nearby(draw, 0.02)


def _recipe(setup: Setup, epochs: int, lr: float, name: str, **config: object) -> Recipe:
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": name, **config}
    return Recipe(setup, epochs, intent=intent)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------- too often


def multistep_per_batch(draw: Draw, faulty: bool) -> Scene:
    """Milestones in epochs, stepped per batch: all drops come in the first epochs."""
    task, epochs, lr = _scene(draw)
    stones = (epochs // 2, epochs * 3 // 4)
    per = "batch" if faulty else "epoch"
    setup = scripts.scheduled(lr, lambda o, t: MultiStepLR(o, list(stones), 0.1), per=per)
    config = {"milestones": ",".join(map(str, stones)), "gamma": 0.1}
    return Scene(task, _recipe(setup, epochs, lr, "MultiStepLR", **config))


def linear_per_batch(draw: Draw, faulty: bool) -> Scene:
    """A decay to 0 over the number of epochs, stepped per batch."""
    task, epochs, lr = _scene(draw)
    name = str(draw.choice(["PolynomialLR", "LinearLR"]))
    per = "batch" if faulty else "epoch"
    setup = scripts.scheduled(lr, decay(name, epochs), per=per)
    # In a log of epochs the LR is 0 from its first row on: nothing is left to judge.
    return Scene(task, _recipe(setup, epochs, lr, name), ("tensorboard", "json_lines"))


# ------------------------------------------------------------------------------- too rarely


def cosine_per_epoch(draw: Draw, faulty: bool) -> Scene:
    """T_max counts optimizer steps, but the scheduler advances once an epoch."""
    task, epochs, lr = _scene(draw)
    per = "epoch" if faulty else "step"
    total = epochs * _BATCHES
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, total), per=per)
    config = {"T_max": total} if draw.integers(2) else {}
    return Scene(task, _recipe(setup, epochs, lr, "CosineAnnealingLR", **config))


def warm_up_per_epoch(draw: Draw, faulty: bool) -> Scene:
    """Warm-up and linear decay over the optimizer steps, advanced once an epoch: the run ends in
    its warm-up."""
    task, epochs, lr = _scene(draw)
    per, total = "epoch" if faulty else "step", epochs * _BATCHES
    warmup = total // int(draw.choice([10, 20]))
    setup = scripts.scheduled(lr, warmed_up("linear", total, warmup), per=per)
    return Scene(task, _recipe(setup, epochs, lr, "linear", warmup_steps=warmup))


def linear_per_epoch(draw: Draw, faulty: bool) -> Scene:
    """A straight decay over the optimizer steps, advanced once an epoch."""
    task, epochs, lr = _scene(draw)
    per, total = "epoch" if faulty else "step", epochs * _BATCHES
    name = str(draw.choice(["PolynomialLR", "LinearLR"]))
    setup = scripts.scheduled(lr, decay(name, total), per=per)
    return Scene(task, _recipe(setup, epochs, lr, name, total_iters=total))


# ------------------------------------------------------------------------------- never


def step_forgotten(draw: Draw, faulty: bool) -> Scene:
    """A scheduler is made, but nobody calls its ``step``."""
    task, epochs, lr = _scene(draw)
    name = str(draw.choice(["CosineAnnealingLR", "StepLR", "ExponentialLR", "MultiStepLR"]))
    size, gamma = max(2, epochs // 4), 0.9
    config: dict[str, object] = {
        "CosineAnnealingLR": {"T_max": epochs},
        "StepLR": {"step_size": size, "gamma": 0.3},
        "ExponentialLR": {"gamma": gamma},
        "MultiStepLR": {"milestones": f"{size},{2 * size}", "gamma": 0.1},
    }[name]

    def make(o: scripts.Optimizer, t: Training) -> LRScheduler:
        if name == "StepLR":
            return StepLR(o, size, 0.3)
        if name == "ExponentialLR":
            return ExponentialLR(o, gamma)
        if name == "MultiStepLR":
            return MultiStepLR(o, [size, 2 * size], 0.1)
        return CosineAnnealingLR(o, epochs)

    return Scene(task, _recipe(_maybe(lr, make, "epoch", faulty), epochs, lr, name, **config))


def guarded_step(draw: Draw, faulty: bool) -> Scene:
    """Mixed precision: the scheduler steps only where the loss scale did not change, and the
    comparison is the wrong way round."""
    task, epochs, lr = _scene(draw)
    name = str(draw.choice(["OneCycleLR", "linear"]))
    config: dict[str, object] = {"max_lr": lr, "pct_start": 0.3} if name == "OneCycleLR" else {}

    def make(o: scripts.Optimizer, t: Training) -> LRScheduler:
        if name == "OneCycleLR":
            return OneCycleLR(o, lr, total_steps=t.total_steps + 1, cycle_momentum=False)
        return LinearLR(o, 1.0, 0.0, total_iters=t.total_steps)

    return Scene(task, _recipe(_maybe(lr, make, "step", faulty), epochs, lr, name, **config))


def _maybe(lr: float, make: scripts.MakeScheduler, per: str, never: bool) -> Setup:
    """The scheduler of ``make``, stepped or not."""

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        scheduler = make(t.optimizer, t)
        if not never:
            {"epoch": t.each_epoch, "step": t.each_step}[per].append(scheduler.step)

    return setup


# ------------------------------------------------------------------------------- not in time


def milestones_of_a_longer_run(draw: Draw, faulty: bool) -> Scene:
    """The milestones belong to a longer training: the LR never drops."""
    task, epochs, lr = _scene(draw)
    stones = (epochs // 2, epochs * 3 // 4)
    if faulty:
        stones = (int(epochs * draw.uniform(1.0, 1.4)), 2 * epochs)
    setup = scripts.multistep(lr, stones, 0.1)
    config = {"milestones": ",".join(map(str, stones)), "gamma": 0.1}
    return Scene(task, _recipe(setup, epochs, lr, "MultiStepLR", **config))


def milestone_at_the_end(draw: Draw, faulty: bool) -> Scene:
    """The last milestone is the number of epochs: 30, 60, 90 of 90."""
    task, third, lr = Teacher(noise=0.05), int(draw.integers(7, 12)), nearby(draw, 0.02)
    stones = (third, 2 * third, *((3 * third,) if faulty else ()))
    setup = scripts.multistep(lr, stones, 0.1)
    config = {"milestones": ",".join(map(str, stones)), "gamma": 0.1}
    return Scene(task, _recipe(setup, 3 * third, lr, "MultiStepLR", **config))


# ------------------------------------------------------------------------- what must be seen


def hardly_moves(faulty: History, control: History) -> bool:
    """The LR goes less than 5 % of the way that the control's goes, but goes."""
    lr, other = faulty.lr["all"], control.lr["all"]
    return bool(0 < np.ptp(lr) < 0.05 * np.ptp(other))


def ends_in_warm_up(faulty: History, control: History) -> bool:
    """The LR rises to its end and stays below the control's peak."""
    lr = faulty.lr["all"]
    return bool(lr[-1] == lr.max() < 0.9 * control.lr["all"].max())


def never_moves(faulty: History, control: History) -> bool:
    """The LR is one number; the control's is not."""
    return bool(np.ptp(faulty.lr["all"]) == 0 < np.ptp(control.lr["all"]))


def happens(faulty: History, control: History) -> bool:
    """A configured milestone is never reached."""
    text = str(faulty.recipe.intent["milestones"])
    drops = np.sum(np.diff(faulty.lr["all"]) < 0)
    return bool(drops < len(text.split(",")))


INJECTIONS = (
    Injection(
        "LRD502", multistep_per_batch, symptoms.ends_worse(0.03), True, places.floor, ("LRD301",)
    ),
    Injection(
        "LRD502", linear_per_batch, symptoms.ends_worse(0.03), True, places.floor,
        ("LRD301", "LRD304", "LRD501"),
    ),
    Injection("LRD503", cosine_per_epoch, hardly_moves),
    Injection("LRD503", linear_per_epoch, hardly_moves),
    Injection("LRD503", warm_up_per_epoch, ends_in_warm_up, True, also=("LRD104",)),
    Injection("LRD504", step_forgotten, never_moves, True, also=("LRD402", "LRD305")),
    Injection("LRD504", guarded_step, never_moves, True, also=("LRD201", "LRD402", "LRD305")),
    Injection("LRD308", milestones_of_a_longer_run, happens, True, also=("LRD402", "LRD305")),
    Injection("LRD308", milestone_at_the_end, happens, True),
)  # fmt: skip

SAMPLES = (
    *sample_pair(
        ("cosine-per-epoch", "cosine-per-step"),
        cosine_per_epoch,
        "trainer_state",
        "LRD503",
        "T_max counts optimizer steps, but the scheduler is stepped once an epoch.",
    ),
    *sample_pair(
        ("step-forgotten", "step-remembered"),
        step_forgotten,
        "epoch_csv",
        "LRD504",
        "The configured scheduler is made, and never stepped.",
    ),
    *sample_pair(
        ("milestone-at-the-end", "milestones-in-time"),
        milestone_at_the_end,
        "epoch_csv",
        "LRD308",
        "The last milestone is the number of epochs, so it never acts (a note).",
    ),
)
