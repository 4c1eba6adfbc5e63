"""LRD309, LR tiny on a plateau: gone half-way through the run while the loss was still falling."""

from __future__ import annotations

from benchmarks.accuracy import scripts, scripts_level, symptoms
from benchmarks.accuracy.lab import History, Recipe
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Task, Teacher


def _task(draw: Draw) -> tuple[Task, int, float]:
    return Teacher(noise=0.05), int(draw.integers(30, 44)), nearby(draw, 0.01)


def _scene(draw: Draw, shape: scripts_level.Shape) -> Scene:
    task, epochs, lr = _task(draw)
    setup = scripts.scheduled(lr, scripts_level.factors(shape), per="step")
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs}
    return Scene(task, Recipe(setup, epochs, intent=intent))


def cosine_over_half(draw: Draw, faulty: bool) -> Scene:
    """A cosine planned for a shorter training, then its eta_min; the control's fits."""
    end = float(draw.uniform(0.48, 0.64)) if faulty else 1.0
    cosine = scripts_level.cosine_to(float(draw.choice([1e-4, 3e-4])))
    return _scene(draw, lambda done: cosine(done / end))


def linear_over_half(draw: Draw, faulty: bool) -> Scene:
    """A straight line to a min_lr reached about the middle; the control gets there at the end."""
    end = float(draw.uniform(0.48, 0.64)) if faulty else 1.0
    floor = float(draw.choice([1e-4, 3e-4]))
    return _scene(draw, lambda done: max(floor, 1.0 - done / end))


def gone(history: History) -> int | None:
    """The first step at less than a thousandth of the peak."""
    lr = history.lr["all"]
    return int((lr > 1e-3 * lr.max()).nonzero()[0][-1]) + 1


INJECTIONS = (
    Injection("LRD309", cosine_over_half, symptoms.ends_worse(0.03), place=gone, also=("LRD501",)),
    Injection("LRD309", linear_over_half, symptoms.ends_worse(0.03), place=gone, also=("LRD501",)),
)

SAMPLES = sample_pair(
    ("lr-tiny", "lr-lasting"),
    linear_over_half,
    "epoch_csv",
    "LRD309",
    "The LR comes to its minimum about the middle of the run, and the loss stops falling with it.",
)
