"""Param groups and unfreezings done right that share a trait with a fault of ``faults/``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR

from benchmarks.accuracy import scripts_groups as scripts
from benchmarks.accuracy.lab import Recipe, Setup, Training
from benchmarks.accuracy.scene import Draw, Sample, Scene, nearby
from benchmarks.accuracy.tasks import Transfer
from benchmarks.accuracy.tasks_finetune import Reused

_TWO = ("head", "backbone")


def _recipe(
    setup: Setup, epochs: int, groups: tuple[str, ...] = _TWO, **config: float | str
) -> Recipe:
    intent = {"optimizer": "AdamW", "pretrained": True, **config}
    return Recipe(setup, epochs, intent=intent, groups=groups, optimizer="AdamW")


def layer_ladder(draw: Draw) -> Scene:
    """Layer-wise LRs a factor of 8 to 20 apart: the lowest is hundreds of times below the head."""
    epochs, lr = int(draw.integers(16, 26)), nearby(draw, 3e-3)
    step = 1 / float(draw.uniform(8, 20))
    setup = scripts.grouped((lr, lr * step, lr * step**2))
    groups = ("head", "block2", "block1")
    return Scene(Transfer(), _recipe(setup, epochs, groups, lr=lr, layer_decay=round(step, 3)))


def listed_max_lr(draw: Draw) -> Scene:
    """OneCycleLR with a list of max_lr, and settings that name both."""
    epochs, lr = int(draw.integers(16, 26)), nearby(draw, 3e-3)
    low = lr / float(draw.choice([3, 10, 30]))

    def make(o: Optimizer, t: Training) -> LRScheduler:
        return OneCycleLR(o, [lr, low], total_steps=t.total_steps, cycle_momentum=False)

    config = {"head_lr": lr, "backbone_lr": low, "scheduler": "OneCycleLR"}
    return Scene(Transfer(), _recipe(scripts.grouped((lr, low), make), epochs, **config))


def low_common_floor(draw: Draw) -> Scene:
    """One eta_min a thousand times below the smaller LR: the ratio goes in the last percents."""
    epochs, lr = int(draw.integers(16, 26)), nearby(draw, 3e-3)
    floor = lr / 10 / 1000
    setup = scripts.grouped((lr, lr / 10), lambda o, t: CosineAnnealingLR(o, t.total_steps, floor))
    return Scene(Transfer(), _recipe(setup, epochs, lr=lr, eta_min=floor))


def frozen_by_requires_grad(draw: Draw) -> Scene:
    """The backbone shows an LR from the start and is kept by requires_grad until its time."""
    epochs, lr = int(draw.integers(20, 30)), nearby(draw, 3e-3)
    at = epochs // 4
    setup = scripts.grouped((lr, lr / 10), unfreeze=at)
    return Scene(Reused(samples=384), _recipe(setup, epochs, lr=lr, unfreeze_epoch=at))


def late_constant_tail(draw: Draw) -> Scene:
    """One LR for everything after a warm-up; the backbone joins at a tenth and stays there too."""
    epochs, lr = int(draw.integers(12, 18)), nearby(draw, 2e-3)
    at = epochs // 3

    def setup(t: Training) -> None:
        t.net.backbone.requires_grad_(False)
        t.optimizer = AdamW(t.net.head.parameters(), lr=lr)

        def unfreeze() -> None:
            t.net.backbone.requires_grad_(True)
            backbone = {"params": list(t.net.backbone.parameters()), "lr": lr / 10}
            t.optimizer.add_param_group(backbone)

        t.at_epoch(at, unfreeze)

    return Scene(Reused(samples=512), _recipe(setup, epochs, lr=lr, unfreeze_epoch=at))


def warm_unfreezing(draw: Draw) -> Scene:
    """The backbone joins at a third of the head's LR in batches of eight: a bump in the noise."""
    scene = late_constant_tail(draw)
    epochs, lr = scene.recipe.epochs, float(scene.recipe.intent["lr"])
    at = int(scene.recipe.intent["unfreeze_epoch"])
    setup = scripts.joining(lr, at, 0.3, scripts.own_cosine, told=True)
    return replace(
        scene, recipe=replace(_recipe(setup, epochs, lr=lr, unfreeze_epoch=at), batch_size=8)
    )


LOOKALIKES: tuple[Callable[[Draw], Scene], ...] = (
    layer_ladder,
    listed_max_lr,
    low_common_floor,
    frozen_by_requires_grad,
    late_constant_tail,
    warm_unfreezing,
)

SAMPLES = (
    Sample(
        "layer-ladder",
        layer_ladder,
        "epoch_csv",
        shows="layer-wise LRs: the lowest is two hundred times below the head",
    ),
)
