"""LRD301, 501 and 502, decay too fast: horizon, gamma, mode or interval wrong."""

from __future__ import annotations

from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    SequentialLR,
    StepLR,
)

from benchmarks.accuracy import places, scripts, symptoms
from benchmarks.accuracy.lab import Recipe
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Digits, Sequences, Task, Teacher


def _decay(draw: Draw) -> tuple[Task, int, float]:
    task: Task = Digits() if draw.integers(2) else Teacher(noise=0.05)
    return task, int(draw.integers(24, 40)), nearby(draw, 0.02)


def _decay_intent(epochs: int, lr: float, scheduler: str, **config: float) -> dict[str, object]:
    return {
        "optimizer": "SGD",
        "lr": lr,
        "max_epochs": epochs,
        "scheduler": scheduler,
        **config,
    }


def step_per_batch(draw: Draw, faulty: bool) -> Scene:
    """StepLR written in epochs, stepped per batch: nothing is left after the first epochs."""
    task, epochs, lr = _decay(draw)
    size = epochs // 3
    per = "batch" if faulty else "epoch"
    setup = scripts.scheduled(lr, lambda o, t: StepLR(o, size, gamma=0.1), per=per)
    intent = _decay_intent(epochs, lr, "StepLR", step_size=size, gamma=0.1)
    return Scene(task, Recipe(setup, epochs, intent=intent))


def gamma_per_batch(draw: Draw, faulty: bool) -> Scene:
    """ExponentialLR with an epoch's gamma, stepped per batch."""
    task, epochs, lr = _decay(draw)
    gamma = float(draw.choice([0.9, 0.95, 0.97]))
    per = "batch" if faulty else "epoch"
    setup = scripts.scheduled(lr, lambda o, t: ExponentialLR(o, gamma), per=per)
    intent = _decay_intent(epochs, lr, "ExponentialLR", gamma=gamma)
    return Scene(task, Recipe(setup, epochs, intent=intent))


def t_max_small_floor(draw: Draw, faulty: bool) -> Scene:
    """Cosine over a fifth of the run, then held at its floor."""
    task, epochs, lr = _decay(draw)
    t_max = epochs // int(draw.integers(5, 9)) if faulty else epochs
    if t_max in (epochs / 4, epochs / 8):
        t_max += 1  # a fourth or an eighth of the run has a cause of its own, and a rule
    floor = lr * draw.choice([1e-3, 1e-4])

    def make(o: scripts.Optimizer, t: scripts.Training) -> scripts.LRScheduler:
        cosine = CosineAnnealingLR(o, t_max * t.steps_per_epoch, floor)
        rest = LambdaLR(o, lambda step: floor / lr)
        return SequentialLR(o, [cosine, rest], milestones=[t_max * t.steps_per_epoch])

    intent = _decay_intent(epochs, lr, "CosineAnnealingLR")
    return Scene(task, Recipe(scripts.scheduled(lr, make, per="step"), epochs, intent=intent))


def cosine_per_batch(draw: Draw, faulty: bool) -> Scene:
    """CosineAnnealingLR with T_max in epochs, stepped per batch: it swings all run long."""
    task, epochs, lr = _decay(draw)
    per = "batch" if faulty else "epoch"
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs), per=per)
    intent = _decay_intent(epochs, lr, "CosineAnnealingLR", T_max=epochs)
    return Scene(task, Recipe(setup, epochs, intent=intent), ("tensorboard_dense",))


def horizon_of_one_device(draw: Draw, faulty: bool) -> Scene:
    """A linear decay whose horizon is a fraction of the run: LR 0 for the rest."""
    task: Task = Sequences(samples=384)
    epochs, lr = int(draw.integers(14, 20)), nearby(draw, 3e-3)
    n = int(draw.choice([4, 8])) if faulty else 1

    def make(o: scripts.Optimizer, t: scripts.Training) -> scripts.LRScheduler:
        total = t.total_steps // n
        warmup = max(1, total // 20)
        return LambdaLR(
            o, lambda s: s / warmup if s < warmup else max(0.0, (total - s) / (total - warmup))
        )

    setup = scripts.scheduled(lr, make, per="step", optimizer=scripts.adamw)
    intent = {"optimizer": "AdamW", "learning_rate": lr, "lr_scheduler_type": "linear"}
    recipe = Recipe(setup, epochs, batch_size=16, intent=intent, optimizer="AdamW")
    return Scene(task, recipe, ("trainer_state",))


def gamma_too_small(draw: Draw, faulty: bool) -> Scene:
    """ExponentialLR per epoch whose gamma leaves 1 % after a tenth of the run."""
    task, epochs, lr = _decay(draw)
    gamma = 0.01 ** (1 / (0.12 * epochs)) if faulty else 0.02 ** (1 / epochs)
    setup = scripts.scheduled(lr, lambda o, t: ExponentialLR(o, gamma))
    intent = _decay_intent(epochs, lr, "ExponentialLR")
    return Scene(task, Recipe(setup, epochs, intent=intent))


INJECTIONS = (
    Injection(
        "LRD502", step_per_batch, symptoms.ends_worse(0.03), True, places.floor, ("LRD301",)
    ),
    Injection(
        "LRD502", gamma_per_batch, symptoms.ends_worse(0.03), True, places.floor, ("LRD301",)
    ),
    Injection("LRD301", t_max_small_floor, symptoms.ends_worse(0.03), place=places.floor),
    Injection("LRD502", cosine_per_batch, symptoms.swings, True, places.floor, ("LRD301",)),
    Injection(
        "LRD501", horizon_of_one_device, symptoms.ends_worse(0.03), place=places.floor,
        also=("LRD301", "LRD304"),
    ),
    Injection("LRD301", gamma_too_small, symptoms.ends_worse(0.03), place=places.floor),
)  # fmt: skip

SAMPLES = (
    *sample_pair(
        ("decay-too-fast", "cosine-healthy"),
        t_max_small_floor,
        "tensorboard",
        "LRD301",
        "The cosine ends after a small part of the run and the LR stays at its floor: 0.17 against "
        "0.08.",
    ),
    *sample_pair(
        ("step-per-batch", "step-per-epoch"),
        step_per_batch,
        "lightning_csv",
        "LRD502",
        "`StepLR(step_size=10)` is meant in epochs and stepped with every batch: 1.52 "
        "against 0.11.",
    ),
    *sample_pair(
        ("linear-horizon-short", "linear-healthy"),
        horizon_of_one_device,
        "trainer_state",
        "LRD501",
        "The linear decay was given the steps of one of several devices: LR 0 for most of the run, "
        "2.27 against 1.88.",
    ),
)
