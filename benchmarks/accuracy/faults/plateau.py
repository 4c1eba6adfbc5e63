"""LRD402, plateau never reduced: a scheduler that cannot fire, or none in a long run."""

from __future__ import annotations

from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR

from benchmarks.accuracy import scripts, symptoms
from benchmarks.accuracy.lab import Recipe
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Task, Teacher


def _flat(draw: Draw) -> tuple[Task, int, float]:
    task = Teacher(noise=0.5, width=int(draw.integers(4, 9)))
    return task, int(draw.integers(60, 80)), nearby(draw, 0.038, 0.8, 1.2)


def _flat_scene(
    task: Task, setup: scripts.Setup, epochs: int, lr: float, **config: object
) -> Scene:
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, **config}
    return Scene(task, Recipe(setup, epochs, batch_size=16, intent=intent))


def _negative_score(t: scripts.Training) -> float:
    return -t.val_accuracy


def negative_metric(draw: Draw, faulty: bool) -> Scene:
    """A negated score under the relative threshold: even a slight worsening counts as progress."""
    task, epochs, lr = _flat(draw)
    setup = scripts.plateau(
        lr,
        monitor=_negative_score,
        patience=6,
        factor=0.2,
        min_lr=1e-3 * lr,
        threshold=0.1 if faulty else 1e-3,
        threshold_mode="rel" if faulty else "abs",
    )
    return _flat_scene(
        task, setup, epochs, lr, scheduler="ReduceLROnPlateau", patience=6, factor=0.2
    )


def wrong_monitor(draw: Draw, faulty: bool) -> Scene:
    """The scheduler is fed a running mean over the whole training, which always improves."""
    task, epochs, lr = _flat(draw)
    monitor = {"monitor": scripts.running_mean_loss} if faulty else {}
    setup = scripts.plateau(lr, patience=5, factor=0.2, min_lr=1e-3 * lr, **monitor)
    return _flat_scene(
        task, setup, epochs, lr, scheduler="ReduceLROnPlateau", patience=5, factor=0.2
    )


def patience_too_long(draw: Draw, faulty: bool) -> Scene:
    """The patience is longer than what is left of the run."""
    task, epochs, lr = _flat(draw)
    patience = 60 if faulty else 6
    setup = scripts.plateau(lr, patience=patience, factor=0.2, min_lr=1e-3 * lr)
    return _flat_scene(
        task, setup, epochs, lr, scheduler="ReduceLROnPlateau", patience=patience, factor=0.2
    )


def never_stepped(draw: Draw, faulty: bool) -> Scene:
    """The scheduler is built and never stepped."""
    task, epochs, lr = _flat(draw)
    setup = scripts.plateau(lr, patience=5, factor=0.2, min_lr=1e-3 * lr, stepped=not faulty)
    return _flat_scene(
        task, setup, epochs, lr, scheduler="ReduceLROnPlateau", patience=5, factor=0.2
    )


def constant_for_ever(draw: Draw, faulty: bool) -> Scene:
    """Nothing is planned in a long run; the control decays by a cosine."""
    task, epochs, lr = _flat(draw)
    constant = scripts.scheduled(lr, lambda o, t: ConstantLR(o, 1.0))
    cosine = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    return _flat_scene(task, constant if faulty else cosine, epochs, lr)


INJECTIONS = (
    Injection("LRD402", negative_metric, symptoms.stays_flat),
    Injection("LRD402", wrong_monitor, symptoms.stays_flat),
    Injection("LRD402", patience_too_long, symptoms.stays_flat),
    Injection("LRD402", never_stepped, symptoms.stays_flat),
    Injection("LRD402", constant_for_ever, symptoms.stays_flat),
)

SAMPLES = sample_pair(
    ("plateau-never-reduced", "plateau-reduced"),
    negative_metric,
    "lightning_csv",
    "LRD402",
    "ReduceLROnPlateau watches a negated score under a relative threshold, so even a slight "
    "worsening counts as progress and it never cuts: 0.48 against 0.36.",
    seed=4,
)
