"""LRD201, OneCycle's peak misplaced: horizon, pct_start or interval wrong."""

from __future__ import annotations

from benchmarks.accuracy import places, scripts, symptoms
from benchmarks.accuracy.lab import Recipe
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Digits, Task, Teacher


def _cycle(draw: Draw) -> tuple[Task, int, float, float]:
    task: Task = Digits() if draw.integers(2) else Teacher()
    pct = float(draw.choice([0.2, 0.25, 0.3, 0.4]))
    return task, int(draw.integers(16, 28)), pct, nearby(draw, 0.06)


def _cycle_scene(
    task: Task, epochs: int, pct: float, lr: float, setup: scripts.Setup, **config: int
) -> Scene:
    accumulation = config.get("accumulate_grad_batches", 1)
    intent = {
        "optimizer": "SGD",
        "scheduler": "OneCycleLR",
        "max_lr": lr,
        "pct_start": pct,
        "max_epochs": epochs,
        **config,
    }
    recipe = Recipe(setup, epochs, accumulation=accumulation, intent=intent)
    return Scene(task, recipe)


def accumulation_twice(draw: Draw, faulty: bool) -> Scene:
    """The horizon is divided by the accumulation a second time."""
    task, epochs, pct, lr = _cycle(draw)
    k = int(draw.choice([2, 4]))
    divisor = k if faulty else 1
    setup = scripts.onecycle(lr, pct, total=lambda t: t.total_steps // divisor)
    return _cycle_scene(task, epochs, pct, lr, setup, accumulate_grad_batches=k)


def accumulation_ignored(draw: Draw, faulty: bool) -> Scene:
    """The horizon counts batches while the scheduler advances per optimizer step."""
    task, epochs, pct, lr = _cycle(draw)
    times = 2 if faulty else 1
    setup = scripts.onecycle(lr, pct, total=lambda t: t.total_steps * times)
    return _cycle_scene(task, epochs, pct, lr, setup, accumulate_grad_batches=2)


def horizon_over_devices(draw: Draw, faulty: bool) -> Scene:
    """The horizon is divided by the number of devices though the data were already split."""
    task, epochs, pct, lr = _cycle(draw)
    n = int(draw.choice([2, 4, 8]))
    divisor = n if faulty else 1
    setup = scripts.onecycle(lr, pct, total=lambda t: t.total_steps // divisor)
    return _cycle_scene(task, epochs, pct, lr, setup, devices=n)


def pct_hard_coded(draw: Draw, faulty: bool) -> Scene:
    """The configuration says 0.1 or 0.2, the code says 0.3 (or the other way round)."""
    task, epochs, _, lr = _cycle(draw)
    said, coded = ((0.2, 0.3), (0.1, 0.3), (0.3, 0.1), (0.4, 0.3))[int(draw.integers(4))]
    setup = scripts.onecycle(lr, coded if faulty else said)
    return _cycle_scene(task, epochs, said, lr, setup)


def stepped_per_micro_batch(draw: Draw, faulty: bool) -> Scene:
    """The horizon counts optimizer steps, the scheduler advances with every batch."""
    task, epochs, pct, lr = _cycle(draw)
    setup = scripts.onecycle(lr, pct, per="batch" if faulty else "step")
    return _cycle_scene(task, epochs, pct, lr, setup, accumulate_grad_batches=2)


def stepped_per_epoch(draw: Draw, faulty: bool) -> Scene:
    """The horizon counts steps, the scheduler advances once an epoch: the LR hardly rises."""
    task, epochs, pct, lr = _cycle(draw)
    setup = scripts.onecycle(lr, pct, per="epoch" if faulty else "step")
    return _cycle_scene(task, epochs, pct, lr, setup)


INJECTIONS = (
    Injection("LRD201", accumulation_twice, symptoms.peak_moved, True, place=places.peak),
    Injection("LRD201", accumulation_ignored, symptoms.peak_moved, True, place=places.peak),
    Injection("LRD201", horizon_over_devices, symptoms.peak_moved, True, place=places.peak),
    Injection("LRD201", pct_hard_coded, symptoms.peak_moved, True, place=places.peak),
    Injection("LRD201", stepped_per_micro_batch, symptoms.peak_moved, True, place=places.peak),
    Injection("LRD201", stepped_per_epoch, symptoms.peak_moved, True, place=places.peak),
)

SAMPLES = (
    *sample_pair(
        ("onecycle-wrong-peak", "onecycle-healthy"),
        accumulation_twice,
        "lightning_csv",
        "LRD201",
        "The horizon is divided by the gradient accumulation (2) a second time, so the peak comes "
        "at epoch 1.8 of 18, not at 3.6, and the second half runs on the final LR.",
        seed=3,
    ),
    *sample_pair(
        ("onecycle-wrong-pct", "onecycle-right-pct"),
        pct_hard_coded,
        "json_lines",
        "LRD201",
        "The code says `pct_start=0.3`, the configuration 0.2. The loss hardly minds: a fault of "
        "structure.",
        seed=3,
    ),
)
