"""LRD306, final LR high: a decay that stops well above where the noise of its steps is gone."""

from __future__ import annotations

from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, MultiStepLR

from benchmarks.accuracy import scripts, symptoms
from benchmarks.accuracy.lab import Recipe
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Task, Teacher


def _task(draw: Draw) -> tuple[Task, int, float]:
    task = Teacher(2048, int(draw.integers(10, 20)), float(draw.uniform(0.3, 0.6)))
    return task, int(draw.integers(30, 50)), nearby(draw, 0.05)


def _scene(task: Task, setup: scripts.Setup, epochs: int, lr: float, name: str) -> Scene:
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": name}
    return Scene(task, Recipe(setup, epochs, batch_size=16, intent=intent))


def eta_min_high(draw: Draw, faulty: bool) -> Scene:
    """A cosine whose eta_min is a typed third of the LR instead of a thousandth."""
    task, epochs, lr = _task(draw)
    floor = float(f"{lr * draw.uniform(0.25, 0.5):.1g}") if faulty else 1e-3 * lr
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs, floor))
    return _scene(task, setup, epochs, lr, "CosineAnnealingLR")


def gamma_gentle(draw: Draw, faulty: bool) -> Scene:
    """An exponential whose gamma leaves a third of the LR at the end; the control 0.5 %."""
    task, epochs, lr = _task(draw)
    left = float(draw.uniform(0.25, 0.45)) if faulty else 0.005
    gamma = round(left ** (1 / epochs), 3)
    setup = scripts.scheduled(lr, lambda o, t: ExponentialLR(o, gamma))
    return _scene(task, setup, epochs, lr, "ExponentialLR")


def one_small_drop(draw: Draw, faulty: bool) -> Scene:
    """A single drop to 25, 30 or 40 %; the control drops twice by ten."""
    task, epochs, lr = _task(draw)
    marks = [epochs // 2, 3 * epochs // 4]
    gamma = float(draw.choice([0.25, 0.3, 0.4]))
    setup = scripts.scheduled(
        lr,
        lambda o, t: MultiStepLR(o, marks[:1], gamma) if faulty else MultiStepLR(o, marks, 0.1),
    )
    return _scene(task, setup, epochs, lr, "MultiStepLR")


INJECTIONS = (
    Injection("LRD306", eta_min_high, symptoms.ends_worse(0.05)),
    Injection("LRD306", gamma_gentle, symptoms.ends_worse(0.05)),
    Injection("LRD306", one_small_drop, symptoms.ends_worse(0.05)),
)

SAMPLES = sample_pair(
    ("final-lr-high", "final-lr-low"),
    eta_min_high,
    "epoch_csv",
    "LRD306",
    "The cosine's eta_min is a third of its LR: the weights still wander when the run ends.",
)
