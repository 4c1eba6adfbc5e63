"""LRD409 and 410: overfitting at an LR that stands, and a validation loss below the training's."""

from __future__ import annotations

import numpy as np
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import History, Recipe
from benchmarks.accuracy.scene import Draw, Injection, Sample, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Digits, Sequences, Teacher

_LOGS = ("epoch_csv", "lightning_csv", "json_lines")


def small_data(draw: Draw, faulty: bool) -> Scene:
    """A few hundred noisy samples at one LR; the control lowers it where validation stands."""
    epochs, lr = int(draw.integers(60, 80)), nearby(draw, 0.03)
    constant = scripts.scheduled(lr, lambda o, t: ConstantLR(o, 1.0))
    reduced = scripts.plateau(lr, patience=3, factor=0.3, min_lr=0.12 * lr)
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs}
    task = Teacher(int(draw.integers(250, 400)), 48, float(draw.uniform(0.3, 0.5)))
    return Scene(task, Recipe(constant if faulty else reduced, epochs, intent=intent), _LOGS)


def long_fit(draw: Draw, faulty: bool) -> Scene:
    """A transformer goes over few sequences again and again; the control reduces its LR."""
    epochs, lr = int(draw.integers(30, 40)), nearby(draw, 3e-3)
    constant = scripts.scheduled(lr, lambda o, t: ConstantLR(o, 1.0), optimizer=scripts.adamw)
    reduced = scripts.plateau(lr, optimizer=scripts.adamw, patience=1, factor=0.3, min_lr=0.12 * lr)
    intent = {"optimizer": "AdamW", "lr": lr, "max_epochs": epochs}
    recipe = Recipe(constant if faulty else reduced, epochs, 16, intent=intent, optimizer="AdamW")
    return Scene(Sequences(samples=int(draw.integers(160, 256))), recipe, _LOGS)


def noise_in_training(draw: Draw, faulty: bool) -> Scene:
    """Fresh noise on every training image and none in validation; the control has no such noise."""
    epochs, lr = int(draw.integers(24, 36)), nearby(draw, 0.02)
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs}
    task = Digits() if faulty else Teacher()
    return Scene(task, Recipe(setup, epochs, intent=intent), _LOGS)


def overfits(faulty: History, control: History) -> bool:
    """The validation loss ends 15 % above its best and 5 % above the control's end, while the
    training loss falls on."""
    val, last = faulty.val_loss, slice(-5, None)
    best = int(np.argmin(val))
    worse = float(np.mean(val[last])) > 1.15 * float(val[best])
    on = float(np.mean(faulty.train_loss[last])) < float(faulty.train_loss[best])
    return (
        worse and on and float(np.mean(val[last])) > 1.05 * float(np.mean(control.val_loss[last]))
    )


def lies_below(faulty: History, control: History) -> bool:
    """Over the second half, in the faulty run by a quarter and not in the control."""
    below, above = (
        float(np.median((h.val_loss / h.train_loss)[h.epochs // 2 :])) for h in (faulty, control)
    )
    return below < 0.75 and above > 0.95


def _best(history: History) -> int:
    return int(np.argmin(history.val_loss) + 1) * history.steps_per_epoch - 1


INJECTIONS = (
    Injection("LRD409", small_data, overfits, place=_best),
    Injection("LRD409", long_fit, overfits, place=_best),
    Injection("LRD410", noise_in_training, lies_below),
)

SAMPLES = (
    *sample_pair(
        ("overfitting", "overfitting-reduced"),
        small_data,
        "epoch_csv",
        "LRD409",
        "A few hundred noisy samples are learned by heart at one LR: the validation loss doubles.",
    ),
    Sample(
        "validation-below",
        lambda d: noise_in_training(d, True),
        "epoch_csv",
        shows="Noise is added to training images only, so the validation loss lies below.",
        code="LRD410",
        control="overfitting-reduced",
    ),
)
