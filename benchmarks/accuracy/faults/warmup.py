"""LRD102 to LRD104: warm-ups that are lost, too long, or joined at the wrong place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, SequentialLR

from benchmarks.accuracy import places, scripts
from benchmarks.accuracy.lab import History, Recipe
from benchmarks.accuracy.places import Place
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.scripts_warmup import Length, warmup_then_cosine
from benchmarks.accuracy.symptoms import Symptom
from benchmarks.accuracy.tasks import Digits, Sequences, Task, Teacher


def _small(draw: Draw) -> tuple[Task, float, str]:
    """A task, an LR and the optimizer they belong to."""
    if draw.integers(2):
        return Sequences(samples=384, length=12), nearby(draw, 3e-3), "AdamW"
    return Teacher() if draw.integers(2) else Digits(), nearby(draw, 0.03), "SGD"


def _scene(draw: Draw, length: Length, epochs: int, **config: object) -> Scene:
    task, lr, name = _small(draw)
    optimizer = scripts.adamw if name == "AdamW" else scripts.sgd
    setup = scripts.scheduled(lr, warmup_then_cosine(length), per="step", optimizer=optimizer)
    intent = {"optimizer": name, "learning_rate": lr, "lr_scheduler_type": "cosine", **config}
    writers = ("trainer_state", "json_lines", "tensorboard", "lightning_csv")
    return Scene(task, Recipe(setup, epochs, intent=intent, optimizer=name), writers)  # type: ignore[arg-type]


# --------------------------------------------------------------------- LRD103, not as configured


def warmup_lost(draw: Draw, faulty: bool) -> Scene:
    """The setting never reaches the scheduler."""
    epochs, steps = int(draw.integers(12, 20)), int(draw.choice([40, 50, 60, 80]))
    return _scene(draw, lambda t: 0 if faulty else steps, epochs, warmup_steps=steps)


def warmup_epochs_as_steps(draw: Draw, faulty: bool) -> Scene:
    """A number of epochs is handed on as a number of steps."""
    epochs, warm = int(draw.integers(14, 22)), int(draw.integers(2, 5))
    return _scene(
        draw, lambda t: warm * (1 if faulty else t.steps_per_epoch), epochs, warmup_epochs=warm
    )


def warmup_of_one_device(draw: Draw, faulty: bool) -> Scene:
    """A share of the steps of one of several devices."""
    epochs, share = int(draw.integers(14, 22)), float(draw.choice([0.1, 0.15, 0.2]))
    devices = int(draw.choice([2, 4]))
    n = devices if faulty else 1
    return _scene(draw, lambda t: share * t.total_steps / n, epochs, warmup_ratio=share)


# --------------------------------------------------------------------- LRD104, longer than the run


def warmup_longer_than_run(draw: Draw, faulty: bool) -> Scene:
    """The default of 500 or 1,000 steps in a training of some hundred."""
    epochs, steps = int(draw.integers(6, 11)), int(draw.choice([500, 1000]))
    return _scene(draw, lambda t: steps if faulty else t.total_steps // 10, epochs)


# --------------------------------------------------------------------- LRD102, the joint


def _sequential(warm: Callable[[scripts.Training], int], at: Callable[[scripts.Training], int]):  # type: ignore[no-untyped-def]
    def make(o: scripts.Optimizer, t: scripts.Training) -> LRScheduler:
        first = LinearLR(o, 0.01, total_iters=warm(t))
        main = CosineAnnealingLR(o, t.total_steps - at(t))
        return SequentialLR(o, [first, main], milestones=[at(t)])

    return make


def joint_too_early(draw: Draw, faulty: bool) -> Scene:
    """The milestone comes before the warm-up is through: the LR jumps to the peak."""
    task, lr, name = _small(draw)
    epochs, warm = int(draw.integers(14, 24)), int(draw.integers(2, 4))
    early = float(draw.uniform(0.3, 0.6))
    share = early if faulty else 1.0
    make = _sequential(
        lambda t: warm * t.steps_per_epoch, lambda t: int(share * warm * t.steps_per_epoch)
    )
    optimizer = scripts.adamw if name == "AdamW" else scripts.sgd
    setup = scripts.scheduled(lr, make, per="step", optimizer=optimizer)
    intent = {"optimizer": name, "lr": lr, "max_epochs": epochs, "scheduler": "CosineAnnealingLR"}
    writers = ("tensorboard", "lightning_csv", "json_lines")
    return Scene(task, Recipe(setup, epochs, intent=intent, optimizer=name), writers)


def joint_too_early_in_epochs(draw: Draw, faulty: bool) -> Scene:
    """The same with schedulers that are stepped once an epoch: total_iters=6, milestone 3."""
    task, lr, name = _small(draw)
    epochs, warm = int(draw.integers(24, 36)), int(draw.choice([6, 8]))
    early = int(draw.integers(2, 4))
    at = warm - early if faulty else warm

    def make(o: scripts.Optimizer, t: scripts.Training) -> LRScheduler:
        first = LinearLR(o, 0.01, total_iters=warm)
        return SequentialLR(o, [first, CosineAnnealingLR(o, epochs - at)], milestones=[at])

    optimizer = scripts.adamw if name == "AdamW" else scripts.sgd
    setup = scripts.scheduled(lr, make, optimizer=optimizer)
    intent = {"optimizer": name, "lr": lr, "max_epochs": epochs, "scheduler": "CosineAnnealingLR"}
    return Scene(task, Recipe(setup, epochs, intent=intent, optimizer=name))


# --------------------------------------------------------------------- what happened, and where


def _rise(history: History) -> int:
    """The step at which the LR is largest."""
    return int(np.argmax(history.lr["all"]))


def other_length(faulty: History, control: History) -> bool:
    """The largest LR comes at less than two thirds of the control's warm-up."""
    return _rise(faulty) < _rise(control) / 1.5


def never_peaks(faulty: History, control: History) -> bool:
    """The LR rises to the last step."""
    return _rise(faulty) == len(faulty.loss) - 1 > _rise(control)


def jumps_up(faulty: History, control: History) -> bool:
    """One rise is three times the usual one of the warm-up; none is in the control."""
    return _largest_step(faulty) > 3 > _largest_step(control)


def _largest_step(history: History) -> float:
    change = np.diff(history.lr["all"])
    rises = change[change > 1e-12]
    return float(rises.max() / np.median(rises))


def joint(history: History) -> int | None:
    """The step of the largest rise."""
    lr = history.lr["all"]
    return int(np.argmax(np.diff(lr))) + 1


def _injection(
    code: str, make: Callable[[Draw, bool], Scene], occurred: Symptom, place: Place, intent: bool
) -> Injection:
    return Injection(code, make, occurred, intent, place=place)


INJECTIONS = (
    _injection("LRD102", joint_too_early, jumps_up, joint, False),
    _injection("LRD102", joint_too_early_in_epochs, jumps_up, joint, False),
    _injection("LRD103", warmup_lost, other_length, places.anywhere, True),
    _injection("LRD103", warmup_epochs_as_steps, other_length, places.anywhere, True),
    _injection("LRD103", warmup_of_one_device, other_length, places.anywhere, True),
    _injection("LRD104", warmup_longer_than_run, never_peaks, places.anywhere, False),
)

SAMPLES = (
    *sample_pair(
        ("warmup-joint-early", "warmup-joint-right"),
        joint_too_early,
        "lightning_csv",
        "LRD102",
        "The milestone of `SequentialLR` comes in the middle of the warm-up, and the LR jumps to "
        "its peak.",
    ),
    *sample_pair(
        ("warmup-lost", "warmup-kept"),
        warmup_lost,
        "json_lines",
        "LRD103",
        "`warmup_steps` is configured and never reaches the scheduler.",
    ),
    *sample_pair(
        ("warmup-longer-than-run", "warmup-within-run"),
        warmup_longer_than_run,
        "trainer_state",
        "LRD104",
        "A warm-up of 500 steps or more in a run that has fewer.",
    ),
)
