"""Look-alikes of schedules that end early or late, or are stepped in the wrong place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    StepLR,
)

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import Recipe, Training
from benchmarks.accuracy.scene import Draw, Sample, Scene, nearby
from benchmarks.accuracy.scripts_horizon import SHAPES, decay, warmed_up, warmup_then_cosine
from benchmarks.accuracy.tasks import Digits, Task, Teacher

_BATCHES = 32  # 1,024 samples in batches of 32


def _scene(draw: Draw) -> tuple[Task, int, float]:
    task: Task = Digits() if draw.integers(2) else Teacher(noise=0.05)
    return task, int(draw.integers(20, 34)), nearby(draw, 0.02)


def _recipe(setup: scripts.Setup, epochs: int, lr: float, name: str, **config: object) -> Recipe:
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": name, **config}
    return Recipe(setup, epochs, intent=intent)  # type: ignore[arg-type]


def floor_of_a_tenth(draw: Draw) -> Scene:
    """A decay over exactly half of the run to a tenth of the peak, which is then kept."""
    task, epochs, lr = _scene(draw)
    shape = str(draw.choice(["linear", "cosine"]))
    total = epochs * _BATCHES
    setup = scripts.scheduled(lr, warmed_up(shape, total // 2, total // 40, 0.1), per="step")
    return Scene(task, _recipe(setup, epochs, lr, shape, num_processes=2))


def cooldown(draw: Draw) -> Scene:
    """A decay to 0 that leaves the last epoch out, as timm's cooldown does."""
    task, epochs, lr = _scene(draw)
    shape = str(draw.choice(["linear", "cosine"]))
    total = (epochs - 1) * _BATCHES
    setup = scripts.scheduled(lr, warmed_up(shape, total, total // 20), per="step")
    return Scene(task, _recipe(setup, epochs, lr, shape))


def gamma_of_a_step(draw: Draw) -> Scene:
    """ExponentialLR or StepLR whose numbers count steps, and are configured as such."""
    task, epochs, lr = _scene(draw)
    total = epochs * _BATCHES
    if draw.integers(2):
        gamma = round(float(draw.uniform(0.05, 0.3)) ** (1 / total), 5)
        setup = scripts.scheduled(lr, lambda o, t: ExponentialLR(o, gamma), per="step")
        return Scene(task, _recipe(setup, epochs, lr, "ExponentialLR", gamma=gamma))
    size = int(draw.integers(16, epochs))
    gamma = round(float(draw.uniform(0.05, 0.3)) ** (size / total), 3)
    setup = scripts.scheduled(lr, lambda o, t: StepLR(o, size, gamma), per="step")
    return Scene(task, _recipe(setup, epochs, lr, "StepLR", step_size=size, gamma=gamma))


def t_max_in_epochs(draw: Draw) -> Scene:
    """CosineAnnealingLR per epoch with T_max in epochs: a staircase that covers its whole curve."""
    task, epochs, lr = _scene(draw)
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    return Scene(task, _recipe(setup, epochs, lr, "CosineAnnealingLR", T_max=epochs))


def t_max_a_step_short(draw: Draw) -> Scene:
    """A cosine that is over one epoch before the run: its rise is invisible."""
    task, epochs, lr = _scene(draw)
    make = warmup_then_cosine(0.05, lambda total, warmup: total - warmup - _BATCHES)
    setup = scripts.scheduled(lr, make, per="step")
    return Scene(task, _recipe(setup, epochs, lr, "SequentialLR"))


def milestones_to_come(draw: Draw) -> Scene:
    """Milestones that the run, which goes on, has not come to yet."""
    task, epochs, lr = _scene(draw)
    stones = [epochs // 2, epochs * 3 // 4]
    setup = scripts.scheduled(lr, lambda o, t: MultiStepLR(o, stones, 0.1))
    config = {"milestones": ",".join(map(str, stones)), "gamma": 0.1}
    recipe = _recipe(setup, epochs, lr, "MultiStepLR", **config)
    return Scene(task, replace(recipe, stop_after=max(4, epochs // 2 - 2)))


def switched_off(draw: Draw) -> Scene:
    """A configuration that names a schedule and does not use it."""
    task, epochs, lr = _scene(draw)

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr / 4)

    config = {"use_scheduler": False}
    return Scene(task, _recipe(setup, min(epochs, 24), lr / 4, "CosineAnnealingLR", **config))


def stable_phase(draw: Draw) -> Scene:
    """A warm-up-stable-decay run in its stable phase, which goes on."""
    task, epochs, lr = _scene(draw)
    lr /= 4

    def factor(step: int) -> float:
        total = epochs * _BATCHES
        return min(1.0, max(0.0, (total - step) / (total / 5)))

    setup = scripts.scheduled(lr, lambda o, t: LambdaLR(o, factor), per="step")
    recipe = _recipe(setup, epochs, lr, "wsd")
    return Scene(task, replace(recipe, stop_after=epochs // 2))


def line_to_a_half(draw: Draw) -> Scene:
    """A straight decay that is meant to end at half or a fifth of the LR."""
    task, epochs, lr = _scene(draw)
    end = float(draw.choice([0.5, 0.2]))
    setup = scripts.scheduled(
        lr, lambda o, t: LinearLR(o, 1.0, end, total_iters=t.total_steps), per="step"
    )
    return Scene(task, _recipe(setup, epochs, lr, "LinearLR", accumulate_grad_batches=1))


def accumulated(draw: Draw) -> Scene:
    """Accumulation and several devices in the configuration, and a decay of the right length."""
    task, epochs, lr = _scene(draw)
    k = int(draw.choice([2, 4]))
    total = epochs * (_BATCHES // k)
    name = str(draw.choice(["PolynomialLR", "LinearLR", "CosineAnnealingLR"]))
    setup = scripts.scheduled(lr, decay(name, total), per="step")
    recipe = _recipe(setup, epochs, lr, name, accumulate_grad_batches=k, num_processes=4)
    return Scene(task, Recipe(setup, epochs, accumulation=k, intent=recipe.intent))


def power_of_two(draw: Draw) -> Scene:
    """A quadratic decay, which spends the second half of the run below a quarter of the peak."""
    task, epochs, lr = _scene(draw)
    shape, total = SHAPES["polynomial"], epochs * _BATCHES
    setup = scripts.scheduled(
        lr, lambda o, t: LambdaLR(o, lambda step: shape(step / total)), per="step"
    )
    return Scene(task, _recipe(setup, epochs, lr, "polynomial", power=2.0))


LOOKALIKES: tuple[Callable[[Draw], Scene], ...] = (
    floor_of_a_tenth,
    cooldown,
    gamma_of_a_step,
    t_max_in_epochs,
    t_max_a_step_short,
    milestones_to_come,
    switched_off,
    stable_phase,
    line_to_a_half,
    accumulated,
    power_of_two,
)

SAMPLES = (
    Sample(
        "floor-of-a-tenth",
        floor_of_a_tenth,
        "trainer_state",
        shows="a decay over half of the run to a tenth of the peak, which is then kept",
    ),
)
