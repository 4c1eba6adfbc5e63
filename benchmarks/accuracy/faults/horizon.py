"""LRD501, 302, 303, 304 and 310: a decay that ends before the training does, or after it."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy import places, scripts, symptoms
from benchmarks.accuracy.lab import History, Recipe
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.scripts_horizon import decay, times, warmed_up, warmup_then_cosine
from benchmarks.accuracy.tasks import Digits, Task, Teacher

_BATCHES = 32  # 1,024 samples in batches of 32


def _scene(draw: Draw) -> tuple[Task, int, float]:
    task: Task = Digits() if draw.integers(2) else Teacher(noise=0.05)
    return task, int(draw.integers(20, 34)), nearby(draw, 0.02)


def _recipe(setup: scripts.Setup, epochs: int, lr: float, name: str, **config: object) -> Recipe:
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": name, **config}
    return Recipe(setup, epochs, intent=intent)  # type: ignore[arg-type]


# -------------------------------------------------------------------------- 1/N of the run


def stepped_by_every_process(draw: Draw, faulty: bool) -> Scene:
    """A wrapper steps the scheduler once per process: warm-up and decay are short by N."""
    task, epochs, lr = _scene(draw)
    n, shape = int(draw.choice([2, 4, 8])), str(draw.choice(["linear", "cosine", "polynomial"]))
    total = epochs * _BATCHES
    warmup = total // 20
    setup = times(lr, warmed_up(shape, total, warmup), n if faulty else 1)
    config = {"num_processes": n} if draw.integers(2) else {"warmup_steps": warmup}
    return Scene(task, _recipe(setup, epochs, lr, shape, **config))


def accumulation_divided_twice(draw: Draw, faulty: bool) -> Scene:
    """The number of steps is divided by the accumulation a second time."""
    task, epochs, lr = _scene(draw)
    k = int(draw.choice([2, 4]))
    total = epochs * (_BATCHES // k) // (k if faulty else 1)
    name = str(draw.choice(["PolynomialLR", "LinearLR"]))
    setup = scripts.scheduled(lr, decay(name, total), per="step")
    recipe = _recipe(setup, epochs, lr, name, accumulate_grad_batches=k)
    return Scene(task, Recipe(setup, epochs, accumulation=k, intent=recipe.intent))


# -------------------------------------------------------------------- longer than the run


def made_for_more_epochs(draw: Draw, faulty: bool) -> Scene:
    """T_max was written for a longer training: the run ends with the LR still high."""
    task, epochs, lr = _scene(draw)
    planned = int(epochs * draw.uniform(2.0, 4.0)) if faulty else epochs
    setup = scripts.scheduled(lr, decay("CosineAnnealingLR", planned))
    return Scene(task, _recipe(setup, epochs, lr, "CosineAnnealingLR"))


def counted_in_batches(draw: Draw, faulty: bool) -> Scene:
    """The decay counts micro-batches, but advances once per optimizer step."""
    task, epochs, lr = _scene(draw)
    k = int(draw.choice([2, 4]))
    total = epochs * _BATCHES if faulty else epochs * (_BATCHES // k)
    shape = str(draw.choice(["linear", "cosine"]))
    setup = scripts.scheduled(lr, warmed_up(shape, total, total // 20), per="step")
    recipe = _recipe(setup, epochs, lr, shape, accumulate_grad_batches=k)
    return Scene(task, Recipe(setup, epochs, accumulation=k, intent=recipe.intent))


# -------------------------------------------------------------------- shorter than the run


def t_max_a_little_short(draw: Draw, faulty: bool) -> Scene:
    """A cosine whose T_max ends at three quarters of the run or so: the LR rises again."""
    task, epochs, lr = _scene(draw)
    t_max = int(epochs * draw.uniform(0.6, 0.85)) if faulty else epochs
    per_step = bool(draw.integers(2))
    length = t_max * (_BATCHES if per_step else 1)
    setup = scripts.scheduled(
        lr, decay("CosineAnnealingLR", length), per="step" if per_step else "epoch"
    )
    return Scene(task, _recipe(setup, epochs, lr, "CosineAnnealingLR"))


def warm_up_cosine_short(draw: Draw, faulty: bool) -> Scene:
    """A cosine after a warm-up whose T_max leaves out a good part of the run."""
    task, epochs, lr = _scene(draw)
    share, part = float(draw.choice([0.05, 0.1])), float(draw.uniform(0.6, 0.8))
    make = warmup_then_cosine(
        share, lambda total, warmup: int(part * (total - warmup)) if faulty else total - warmup
    )
    setup = scripts.scheduled(lr, make, per="step")
    return Scene(task, _recipe(setup, epochs, lr, "SequentialLR"))


def total_of_another_run(draw: Draw, faulty: bool) -> Scene:
    """A decay to 0 over part of the run, clamped as transformers' is: nothing is trained after."""
    task, epochs, lr = _scene(draw)
    total = epochs * _BATCHES
    length = int(total * draw.uniform(0.55, 0.9)) if faulty else total
    shape = str(draw.choice(["linear", "cosine", "polynomial"]))
    setup = scripts.scheduled(lr, warmed_up(shape, length, length // 20), per="step")
    return Scene(task, _recipe(setup, epochs, lr, shape))


def resumed_for_more_epochs(draw: Draw, faulty: bool) -> Scene:
    """The epochs were raised, the scheduler's total was not: LinearLR stays at 0."""
    task, epochs, lr = _scene(draw)
    length = int(epochs * draw.uniform(0.6, 0.9)) if faulty else epochs
    setup = scripts.scheduled(lr, decay("LinearLR", length))
    return Scene(task, _recipe(setup, epochs, lr, "LinearLR"))


# ------------------------------------------------------------------------- the warm-up counted


def t_max_of_the_whole_run(draw: Draw, faulty: bool) -> Scene:
    """The cosine after a warm-up gets the whole run as its T_max."""
    task, epochs, lr = _scene(draw)
    share = float(draw.choice([0.05, 0.1, 0.15]))
    make = warmup_then_cosine(share, lambda total, warmup: total if faulty else total - warmup)
    setup = scripts.scheduled(lr, make, per="step")
    return Scene(task, _recipe(setup, epochs, lr, "SequentialLR"), ("tensorboard", "json_lines"))


# ------------------------------------------------------------------------- what must be seen


def ends_high(faulty: History, control: History) -> bool:
    """The run ends above 30 % of its peak LR, where the control ends below 10 %."""
    high, low = (h.lr["all"][-1] / h.lr["all"].max() for h in (faulty, control))
    return bool(high > 0.3 and low < 0.1)


def rises_at_the_end(faulty: History, control: History) -> bool:
    """The LR ends on a rise of 2 % of its peak and more; the control's does not rise."""
    lr, calm = faulty.lr["all"], control.lr["all"]
    late, other = lr[len(lr) // 2 :], calm[len(calm) // 2 :]
    return bool(lr[-1] - late.min() > 0.02 * lr.max() and other[-1] - other.min() < 0.01 * lr.max())


def stands_at_zero(faulty: History, control: History) -> bool:
    """More than 5 % of the steps are trained at LR 0, and almost none in the control."""
    idle, other = (float(np.mean(h.lr["all"][h.steps_per_epoch :] == 0)) for h in (faulty, control))
    return idle > 0.05 and other < 0.01


def ends_a_little_high(faulty: History, control: History) -> bool:
    """The LR ends above the control's by 0.1 % of the peak and more."""
    lr, other = faulty.lr["all"], control.lr["all"]
    return bool(lr[-1] - other[-1] > 1e-3 * lr.max())


def trough(history: History) -> int:
    """Where the LR is lowest after its peak."""
    lr = history.lr["all"]
    top = int(np.argmax(lr))
    return top + int(np.argmin(lr[top:]))


def first_zero(history: History) -> int:
    """The first step of the second half that is trained at LR 0."""
    lr = history.lr["all"]
    half = len(lr) // 2
    return half + int(np.flatnonzero(lr[half:] == 0)[0])


INJECTIONS = (
    Injection(
        "LRD501", stepped_by_every_process, symptoms.ends_worse(0.03), place=places.floor,
        also=("LRD301", "LRD304", "LRD103"),
    ),
    Injection(
        "LRD501", accumulation_divided_twice, symptoms.ends_worse(0.03), place=places.floor,
        also=("LRD301", "LRD304", "LRD103"),
    ),
    Injection("LRD302", made_for_more_epochs, ends_high),
    Injection("LRD302", counted_in_batches, ends_high),
    Injection("LRD303", t_max_a_little_short, rises_at_the_end, place=trough),
    Injection("LRD303", warm_up_cosine_short, rises_at_the_end, place=trough),
    Injection(
        "LRD304", total_of_another_run, stands_at_zero, place=first_zero, also=("LRD301", "LRD501")
    ),
    Injection(
        "LRD304", resumed_for_more_epochs, stands_at_zero, place=first_zero,
        also=("LRD301", "LRD501"),
    ),
    Injection("LRD310", t_max_of_the_whole_run, ends_a_little_high, needs_intent=True),
)  # fmt: skip

SAMPLES = (
    *sample_pair(
        ("schedule-exhausted", "schedule-whole"),
        total_of_another_run,
        "trainer_state",
        "LRD304",
        "The total number of steps is that of a shorter training: LR exactly 0 until the end.",
        seed=3,
    ),
    *sample_pair(
        ("cosine-rebound", "cosine-whole"),
        t_max_a_little_short,
        "epoch_csv",
        "LRD303",
        "T_max ends before the training does, and the cosine climbs again.",
    ),
    *sample_pair(
        ("schedule-too-long", "schedule-as-long-as-the-run"),
        made_for_more_epochs,
        "epoch_csv",
        "LRD302",
        "T_max was written for a longer training: the run ends with the LR still high.",
    ),
    *sample_pair(
        ("t-max-of-the-whole-run", "t-max-after-the-warm-up"),
        t_max_of_the_whole_run,
        "trainer_state",
        "LRD310",
        "The cosine after a warm-up got the whole run as its T_max (a note).",
    ),
)
