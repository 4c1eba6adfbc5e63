"""ReduceLROnPlateau that does its work in ways that look like a fault."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import Recipe, Training
from benchmarks.accuracy.scene import Draw, Scene, nearby
from benchmarks.accuracy.tasks import Digits, Teacher


def _recipe(setup: scripts.Setup, epochs: int, lr: float, **config: object) -> Recipe:
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": "ReduceLROnPlateau"}
    return Recipe(setup, epochs, intent={**intent, **config})  # type: ignore[dict-item]


def plateau_follows_score(draw: Draw) -> Scene:
    """It watches the score, which stands still now and then while the loss goes on falling."""
    epochs, lr = int(draw.integers(30, 45)), nearby(draw, 0.02)
    config = {"patience": int(draw.integers(3, 6)), "factor": float(draw.choice([0.3, 0.5]))}
    setup = scripts.plateau(
        lr, monitor=lambda t: t.val_accuracy, mode="max", min_lr=1e-3 * lr, **config
    )
    return Scene(Digits(noise=1.6), _recipe(setup, epochs, lr, **config))


def plateau_impatient(draw: Draw) -> Scene:
    """A noisy validation loss and a patience of one or two evaluations: cuts come soon."""
    epochs, lr = int(draw.integers(40, 60)), nearby(draw, 0.05)
    config = {"patience": int(draw.integers(1, 3)), "factor": float(draw.choice([0.5, 0.7]))}
    setup = scripts.plateau(lr, min_lr=1e-2 * lr, **config)
    return Scene(Teacher(samples=384, noise=0.5, width=8), _recipe(setup, epochs, lr, **config))


def plateau_in_batches(draw: Draw) -> Scene:
    """Stepped with every batch on a running loss, with a patience of several epochs of batches."""
    epochs, lr = int(draw.integers(40, 60)), nearby(draw, 0.03)
    patience, factor = 32 * int(draw.integers(5, 8)), float(draw.choice([0.1, 0.3]))

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        scheduler = scripts.ReduceLROnPlateau(
            t.optimizer, patience=patience, factor=factor, threshold=0.02
        )
        t.each_batch.append(lambda: scheduler.step(float(np.mean(t.losses[-64:]))))

    config = {"patience": patience, "factor": factor, "threshold": 0.02}
    return Scene(Teacher(noise=0.5, width=8), _recipe(setup, epochs, lr, **config))


def plateau_finds_no_more(draw: Draw) -> Scene:
    """It cuts to the end on a loss that has come to rest; evaluations at equal intervals."""
    epochs, lr = int(draw.integers(50, 70)), nearby(draw, 0.03)
    config = {"patience": int(draw.integers(3, 6)), "factor": 0.1}
    setup = scripts.plateau(lr, threshold=0.02, min_lr=1e-4 * lr, **config)
    return Scene(Teacher(noise=0.6, width=6), _recipe(setup, epochs, lr, threshold=0.02, **config))


LOOKALIKES = (plateau_follows_score, plateau_impatient, plateau_in_batches, plateau_finds_no_more)
