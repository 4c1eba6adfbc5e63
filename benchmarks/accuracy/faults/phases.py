"""LRD608 and LRD611: what an unfreezing does to the loss, and a schedule that starts anew there."""

from __future__ import annotations

import numpy as np
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from benchmarks.accuracy import places
from benchmarks.accuracy import scripts_groups as scripts
from benchmarks.accuracy.lab import History, Recipe, Setup, Training
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Transfer
from benchmarks.accuracy.tasks_finetune import Reused

_TWO = ("head", "backbone")


def _recipe(setup: Setup, epochs: int, at: int, **config: float | str) -> Recipe:
    intent = {"optimizer": "AdamW", "unfreeze_epoch": at, **config}
    return Recipe(setup, epochs, intent=intent, groups=_TWO, optimizer="AdamW")


def _draw(draw: Draw) -> tuple[Reused, int, int, float]:
    task = Reused(samples=int(draw.choice([384, 512, 768])))
    epochs = int(draw.integers(24, 36))
    return task, epochs, int(epochs * draw.uniform(0.3, 0.45)), nearby(draw, 3e-3)


# ------------------------------------------------------------------ LRD608, the loss jumps


def joins_too_hot(draw: Draw, faulty: bool) -> Scene:
    """The backbone joins at ten times the head's LR, a slip of the factor, instead of a tenth."""
    task, epochs, at, lr = _draw(draw)
    ratio = float(draw.uniform(8, 15)) if faulty else 0.1

    def setup(t: Training) -> None:
        t.net.backbone.requires_grad_(False)
        t.optimizer = AdamW(t.net.head.parameters(), lr=lr)

        def unfreeze() -> None:
            t.net.backbone.requires_grad_(True)
            backbone = {"params": list(t.net.backbone.parameters()), "lr": lr * ratio}
            t.optimizer.add_param_group(backbone)

        t.at_epoch(at, unfreeze)

    return Scene(task, _recipe(setup, epochs, at, lr=lr))


def freed_at_full_lr(draw: Draw, faulty: bool) -> Scene:
    """Both groups are there from the start, the backbone frozen; freed, it trains at an LR made
    for the head alone (ten times what it could bear), or at a hundredth of it."""
    task, epochs, at, lr = _draw(draw)
    high = 10 * lr

    def make(o: Optimizer, t: Training) -> LRScheduler:
        return CosineAnnealingLR(o, t.total_steps)

    setup = scripts.grouped((high, high if faulty else high / 50), make, unfreeze=at)
    return Scene(task, _recipe(setup, epochs, at, lr=high))


def shocked(faulty: History, control: History) -> bool:
    """The mean loss of the two epochs after the unfreezing is 30 % above that of the two before and
    still 10 % above in the fourth, and the control's is not."""

    def rises(history: History) -> tuple[float, float]:
        at, n = int(history.recipe.intent["unfreeze_epoch"]), history.steps_per_epoch
        level = history.loss[(at - 2) * n : at * n].mean()
        near, later = history.loss[at * n : (at + 2) * n], history.loss[(at + 3) * n : (at + 4) * n]
        return float(near.mean() / level), float(later.mean() / level)

    (near, later), (calm, _) = rises(faulty), rises(control)
    return near > 1.3 and later > 1.1 and calm < 1.1


# ------------------------------------------------------------------ LRD611, warm-up once more


def onecycle_rebuilt(draw: Draw, faulty: bool) -> Scene:
    """Optimizer and OneCycleLR are built anew for the second phase; right: one OneCycleLR with a
    list of max_lr over the whole run."""
    task, epochs, at, lr = _phases(draw)

    def setup(t: Training) -> None:
        t.net.backbone.requires_grad_(False)
        t.at_epoch(at, lambda: t.net.backbone.requires_grad_(True))
        if faulty:
            t.optimizer = AdamW(t.net.head.parameters(), lr=lr)
            _rebuild(t, at, lambda: _onecycle(t, lr))
        else:
            t.optimizer = scripts.grouped_optimizer(t, (lr, lr / 10))
            schedule = _onecycle(t, [lr, lr / 10])
            t.each_step.append(lambda: scripts.advance(schedule))

    return Scene(task, _recipe(setup, epochs, at, lr=lr, scheduler="OneCycleLR"))


def warmup_cosine_rebuilt(draw: Draw, faulty: bool) -> Scene:
    """The same with a linear warm-up and a cosine; right: the second cosine goes on from the LR."""
    task, epochs, at, lr = _phases(draw)

    def setup(t: Training) -> None:
        t.net.backbone.requires_grad_(False)
        t.at_epoch(at, lambda: t.net.backbone.requires_grad_(True))
        t.optimizer = AdamW(t.net.head.parameters(), lr=lr)
        if faulty:
            _rebuild(t, at, lambda: _warmup_cosine(t, t.total_steps - t.step))
        else:
            schedule = _warmup_cosine(t, t.total_steps)
            t.each_step.append(schedule.step)
            t.at_epoch(at, lambda: _join(t, schedule, lr / 10))

    return Scene(task, _recipe(setup, epochs, at, lr=lr, scheduler="cosine"))


def _phases(draw: Draw) -> tuple[Transfer, int, int, float]:
    epochs = int(draw.integers(24, 36))
    return Transfer(), epochs, int(epochs * draw.uniform(0.3, 0.45)), nearby(draw, 2e-3)


def _rebuild(t: Training, at: int, make: object) -> None:
    """A first schedule now, and at the unfreezing an optimizer and a schedule for both parts."""
    lr = t.optimizer.param_groups[0]["lr"]
    current = [make()]  # type: ignore[operator]
    t.each_step.append(lambda: scripts.advance(current[0]))

    def unfreeze() -> None:
        t.optimizer = scripts.grouped_optimizer(t, (lr, lr / 10))
        if isinstance(current[0], OneCycleLR):
            current[0] = _onecycle(t, [lr, lr / 10])
        else:
            current[0] = _warmup_cosine(t, t.total_steps - t.step)

    t.at_epoch(at, unfreeze)


def _onecycle(t: Training, max_lr: float | list[float]) -> OneCycleLR:
    left = t.total_steps - t.step
    return OneCycleLR(t.optimizer, max_lr, total_steps=left, cycle_momentum=False)


def _warmup_cosine(t: Training, length: int) -> LRScheduler:
    warmup = max(3, length // 8)

    def factor(s: int) -> float:
        if s < warmup:
            return (s + 1) / warmup
        return float(1 + np.cos(np.pi * min(1.0, (s - warmup) / (length - warmup)))) / 2

    return LambdaLR(t.optimizer, factor)


def _join(t: Training, schedule: LRScheduler, lr: float) -> None:
    share = t.optimizer.param_groups[0]["lr"] / t.optimizer.param_groups[0]["initial_lr"]
    backbone = {"params": list(t.net.backbone.parameters()), "lr": lr * share, "initial_lr": lr}
    t.optimizer.add_param_group(backbone)
    schedule.base_lrs.append(lr)
    schedule.lr_lambdas.append(schedule.lr_lambdas[0])  # type: ignore[attr-defined]


def resets(faulty: History, control: History) -> bool:
    """The head's LR halves at the unfreezing and doubles after it; the control's does not."""

    def reset(history: History) -> bool:
        lr = history.lr["head"]
        at = int(history.recipe.intent["unfreeze_epoch"]) * history.steps_per_epoch
        return bool(lr[at] < lr[at - 1] / 2 and lr[at:].max() > 2 * lr[at])

    return reset(faulty) and not reset(control)


INJECTIONS = (
    Injection("LRD608", joins_too_hot, shocked, place=places.unfreezing),
    # Frozen by requires_grad alone, it shows nowhere but in the configuration.
    Injection("LRD608", freed_at_full_lr, shocked, True, place=places.unfreezing, also=("LRD403",)),
    Injection("LRD611", onecycle_rebuilt, resets, place=places.unfreezing),
    Injection("LRD611", warmup_cosine_rebuilt, resets, place=places.unfreezing),
)

SAMPLES = (
    *sample_pair(
        ("unfreeze-shock", "unfreeze-gentle"),
        joins_too_hot,
        "lightning_csv",
        "LRD608",
        "The backbone joins at 3.5e-2, fifteen times the head's LR, instead of a tenth of it: "
        "the loss goes from 0.20 to 0.57, the last validation loss is 0.39 against 0.29.",
    ),
    *sample_pair(
        ("onecycle-rebuilt", "onecycle-kept"),
        onecycle_rebuilt,
        "lightning_csv",
        "LRD611",
        "At the unfreezing in epoch 12 optimizer and OneCycleLR are built anew and the head "
        "warms up again: 0.35 against 0.42, no loss here.",
    ),
)
