"""LRD505, LRD506, LRD307: two schedulers at once, defaults nobody expects, a floor above the LR."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    PolynomialLR,
    SequentialLR,
)

from benchmarks.accuracy import places, scripts, symptoms
from benchmarks.accuracy.lab import History, Recipe, Training
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Digits, Task, Teacher, Transfer


def _task(draw: Draw) -> tuple[Task, float]:
    return (Digits() if draw.integers(2) else Teacher()), nearby(draw, 0.03)


def _all_stepped(lr: float, make: Callable[[Optimizer, Training], list[LRScheduler]]):  # type: ignore[no-untyped-def]
    """Every scheduler of a list is stepped after each optimizer step."""

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        schedulers = make(t.optimizer, t)
        for scheduler in schedulers:
            t.each_step.append(scheduler.step)

    return setup


def _scene(
    task: Task, setup: scripts.Setup, epochs: int, lr: float, scheduler: str, **config: object
) -> Scene:
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": scheduler, **config}
    return Scene(task, Recipe(setup, epochs, intent=intent))  # type: ignore[arg-type]


# --------------------------------------------------------------------- LRD505, two at once


def warmup_beside_cosine(draw: Draw, faulty: bool) -> Scene:
    """A long warm-up and a cosine are both stepped from the start; the control joins them."""
    (task, lr), epochs = _task(draw), int(draw.integers(16, 26))
    share = float(draw.uniform(0.3, 0.45))

    def make(o: Optimizer, t: Training) -> list[LRScheduler]:
        warm = int(share * t.total_steps)
        ramp = LinearLR(o, 0.01, total_iters=warm)
        if faulty:
            return [ramp, CosineAnnealingLR(o, t.total_steps)]
        rest = CosineAnnealingLR(o, t.total_steps - warm)
        return [SequentialLR(o, [ramp, rest], milestones=[warm])]

    return _scene(task, _all_stepped(lr, make), epochs, lr, "CosineAnnealingLR")


def milestones_beside_cosine(draw: Draw, faulty: bool) -> Scene:
    """The old MultiStepLR is still stepped beside the new cosine."""
    (task, lr), epochs = _task(draw), int(draw.integers(20, 30))
    gamma = float(draw.choice([0.1, 0.2, 0.5]))

    def make(o: Optimizer, t: Training) -> list[LRScheduler]:
        drops = [t.total_steps // 2, t.total_steps * 3 // 4]
        cosine = CosineAnnealingLR(o, t.total_steps)
        return [cosine, MultiStepLR(o, drops, gamma)] if faulty else [cosine]

    return _scene(task, _all_stepped(lr, make), epochs, lr, "CosineAnnealingLR")


# --------------------------------------------------------------------- LRD506, defaults


def polynomial_default(draw: Draw, faulty: bool) -> Scene:
    """PolynomialLR without total_iters: 0 after five epochs."""
    (task, lr), epochs = _task(draw), int(draw.integers(18, 30))
    arguments = {} if faulty else {"total_iters": epochs}
    setup = scripts.scheduled(lr, lambda o, t: PolynomialLR(o, **arguments))
    return _scene(task, setup, epochs, lr, "PolynomialLR")


def constant_default(draw: Draw, faulty: bool) -> Scene:
    """ConstantLR to keep the LR: a third of it for five epochs, then a jump."""
    (task, lr), epochs = _task(draw), int(draw.integers(12, 20))
    arguments = {} if faulty else {"factor": 1.0}
    setup = scripts.scheduled(lr, lambda o, t: ConstantLR(o, **arguments))
    return _scene(task, setup, epochs, lr, "constant")


def linear_default(draw: Draw, faulty: bool) -> Scene:
    """LinearLR for a linear decay: it rises, and never falls."""
    (task, lr), epochs = _task(draw), int(draw.integers(12, 20))
    arguments = {} if faulty else {"start_factor": 1.0, "end_factor": 0.0, "total_iters": epochs}
    setup = scripts.scheduled(lr, lambda o, t: LinearLR(o, **arguments))
    return _scene(task, setup, epochs, lr, "LinearLR")


# --------------------------------------------------------------------- LRD307, the floor


def _two_groups(lrs: tuple[float, float], floor: float, length: float) -> scripts.Setup:
    def setup(t: Training) -> None:
        backbone, head = t.net.backbone.parameters(), t.net.head.parameters()
        groups = [{"params": backbone, "lr": lrs[0]}, {"params": head, "lr": lrs[1]}]
        t.optimizer = AdamW(groups)
        t.each_step.append(CosineAnnealingLR(t.optimizer, int(length * t.total_steps), floor).step)

    return setup


def floor_above_backbone(draw: Draw, faulty: bool) -> Scene:
    """eta_min is chosen for the head; the backbone's LR lies below it."""
    epochs, head = int(draw.integers(16, 26)), nearby(draw, 2e-3)
    backbone = head * float(draw.choice([1e-3, 3e-3]))
    floor = float(draw.choice([0.01, 0.02])) * head if faulty else 0.01 * backbone
    recipe = Recipe(
        _two_groups((backbone, head), floor, 1.0),
        epochs,
        intent={"optimizer": "AdamW", "max_epochs": epochs, "scheduler": "CosineAnnealingLR"},
        groups=("backbone", "head"),
        optimizer="AdamW",
    )
    return Scene(Transfer(), recipe)


def floor_above_lr(draw: Draw, faulty: bool) -> Scene:
    """The LR was lowered for fine-tuning, min_lr was not."""
    epochs, lr = int(draw.integers(16, 26)), nearby(draw, 2e-4)
    floor = lr * (5.0 if faulty else 0.01)

    def setup(t: Training) -> None:
        t.optimizer = SGD(t.net.parameters(), lr=lr, momentum=0.9)
        t.each_step.append(CosineAnnealingLR(t.optimizer, t.total_steps, floor).step)

    return _scene(Transfer(), setup, epochs, lr, "CosineAnnealingLR", eta_min=floor)


# --------------------------------------------------------------------- what happened


def lower(faulty: History, control: History) -> bool:
    """In a tenth of the run at least the mean LR is below two thirds of the control's."""
    tenths = [np.array_split(h.lr["all"], 10) for h in (faulty, control)]
    return any(new.mean() < 2 / 3 * old.mean() for new, old in zip(*tenths, strict=True))


def rises(faulty: History, control: History) -> bool:
    """The first group ends above its start, and below it in the control."""
    new, old = (next(iter(h.lr.values())) for h in (faulty, control))
    return bool(new[-1] > 1.2 * new[0] and old[-1] < old[0])


def no_decay(faulty: History, control: History) -> bool:
    """The LR ends at its largest value."""
    return float(faulty.lr["all"][-1]) == float(faulty.lr["all"].max())


def dead(history: History) -> int | None:
    """The first step at LR 0."""
    return int(np.flatnonzero(history.lr["all"] == 0)[0])


INJECTIONS = (
    Injection("LRD505", warmup_beside_cosine, lower, True),
    Injection("LRD505", milestones_beside_cosine, lower, True, place=places.first_drop),
    Injection("LRD506", polynomial_default, symptoms.ends_worse(0.03), place=dead),
    Injection("LRD506", constant_default, lower, also=("LRD101",)),
    Injection("LRD506", linear_default, no_decay, True),
    Injection("LRD307", floor_above_backbone, rises),
    Injection("LRD307", floor_above_lr, rises, True),
)

SAMPLES = (
    *sample_pair(
        ("two-schedulers", "one-after-the-other"),
        warmup_beside_cosine,
        "trainer_state",
        "LRD505",
        "Warm-up and cosine are both stepped from the start, so the LR comes to a part of its peak "
        "only.",
    ),
    *sample_pair(
        ("polynomial-default", "polynomial-whole"),
        polynomial_default,
        "epoch_csv",
        "LRD506",
        "`PolynomialLR(optimizer)` without `total_iters`: LR 0 after five epochs.",
    ),
    *sample_pair(
        ("eta-min-above-group", "eta-min-below-groups"),
        floor_above_backbone,
        "epoch_csv",
        "LRD307",
        "`eta_min` lies above the backbone's LR, which rises to it while the head's falls.",
    ),
)
