"""LRD601, LR collapse after unfreezing: four ways to rebuild or join wrongly."""

from __future__ import annotations

from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR

from benchmarks.accuracy import places, scripts, symptoms
from benchmarks.accuracy.lab import Recipe
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Transfer


def _transfer(draw: Draw) -> tuple[Transfer, int, int, float]:
    epochs = int(draw.integers(24, 36))
    unfreeze = int(epochs * draw.uniform(0.25, 0.4))
    return Transfer(samples=1024), epochs, unfreeze, nearby(draw, 1e-3, 1, 3)


def _unfreeze_recipe(setup: scripts.Setup, epochs: int, unfreeze: int, lr: float) -> Recipe:
    return Recipe(
        setup,
        epochs,
        intent={"optimizer": "AdamW", "lr": lr, "unfreeze_epoch": unfreeze},
        groups=("head", "backbone"),
        optimizer="AdamW",
    )


def rebuilt_from_decayed(draw: Draw, faulty: bool) -> Scene:
    """Rebuilt on the LR of the moment, which the first phase's cosine had brought to 1-3 %."""
    task, epochs, unfreeze, lr = _transfer(draw)
    floor = lr * draw.uniform(0.01, 0.03)
    setup = scripts.unfreezing(
        lr,
        unfreeze,
        first_phase=lambda o, t: CosineAnnealingLR(o, unfreeze * t.steps_per_epoch, floor),
        from_current=faulty,
    )
    return Scene(task, _unfreeze_recipe(setup, epochs, unfreeze, lr))


def rebuilt_after_exponential(draw: Draw, faulty: bool) -> Scene:
    """The same after an exponential first phase that ends at 2-5 %."""
    task, epochs, unfreeze, lr = _transfer(draw)
    end = draw.uniform(0.02, 0.05)
    setup = scripts.unfreezing(
        lr,
        unfreeze,
        first_phase=lambda o, t: ExponentialLR(o, end ** (1 / (unfreeze * t.steps_per_epoch))),
        from_current=faulty,
    )
    return Scene(task, _unfreeze_recipe(setup, epochs, unfreeze, lr))


def tiny_backbone(draw: Draw, faulty: bool) -> Scene:
    """The new param group is 300-1000 times under the head instead of 10 times."""
    task, epochs, unfreeze, lr = _transfer(draw)
    tiny = 1 / draw.uniform(300, 1000)
    setup = scripts.joining(lr, unfreeze, ratio=tiny if faulty else 0.1)
    return Scene(task, _unfreeze_recipe(setup, epochs, unfreeze, lr))


def stuck_at_zero(draw: Draw, faulty: bool) -> Scene:
    """The first phase ends on LR 0 and the new cosine is built on that 0: it stays there."""
    task, epochs, unfreeze, lr = _transfer(draw)
    setup = scripts.unfreezing(
        lr,
        unfreeze,
        first_phase=lambda o, t: CosineAnnealingLR(o, unfreeze * t.steps_per_epoch),
        from_current=faulty,
        same_optimizer=True,
        group_from_start=bool(draw.integers(2)),
    )
    return Scene(task, _unfreeze_recipe(setup, epochs, unfreeze, lr))


INJECTIONS = (
    Injection("LRD601", rebuilt_from_decayed, symptoms.ends_worse(0.05), place=places.unfreezing),
    Injection(
        "LRD601", rebuilt_after_exponential, symptoms.ends_worse(0.05), place=places.unfreezing
    ),
    Injection("LRD601", tiny_backbone, symptoms.ends_worse(0.05), place=places.unfreezing),
    # A backbone logged at 0 from the start leaves no sign of the unfreeze but the configuration.
    Injection("LRD601", stuck_at_zero, symptoms.ends_worse(0.05), True, place=places.unfreezing),
)

SAMPLES = (
    *sample_pair(
        ("unfreeze-collapse", "unfreeze-healthy"),
        rebuilt_from_decayed,
        "tensorboard",
        "LRD601",
        "At the unfreeze in epoch 11 optimizer and cosine are rebuilt on the LR of that moment, "
        "which the first phase had brought down to 2 % of 1.3e-3. Final training loss 1.25 against "
        "0.41.",
    ),
    *sample_pair(
        ("backbone-lr-tiny", "backbone-lr-tenth"),
        tiny_backbone,
        "json_lines",
        "LRD601",
        "The backbone joins several hundred times under the head's LR instead of ten times: 1.00 "
        "against 0.62.",
    ),
)
