"""LRD401, loss spike at an LR drop: the event beside the drop makes it, never the drop alone."""

from __future__ import annotations

from benchmarks.accuracy import places, scripts, symptoms
from benchmarks.accuracy.lab import Recipe
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Digits, Task, Teacher


def _drop(draw: Draw) -> tuple[int, tuple[int, ...]]:
    epochs = int(draw.integers(18, 28))
    first = int(epochs * draw.uniform(0.45, 0.6))
    return epochs, (first, first + (epochs - first) * 2 // 3)


def _drop_scene(
    task: Task,
    setup: scripts.Setup,
    epochs: int,
    milestones: tuple[int, ...],
    gamma: float,
    optimizer: str = "SGD",
) -> Scene:
    intent = {
        "optimizer": optimizer,
        "scheduler": "MultiStepLR",
        "milestones": ",".join(map(str, milestones)),
        "gamma": gamma,
        "max_epochs": epochs,
    }
    # Epoch means hide most of a spike that is over within an epoch.
    writers = ("tensorboard", "lightning_csv", "json_lines")
    return Scene(task, Recipe(setup, epochs, intent=intent, optimizer=optimizer), writers)


def moments_zeroed(draw: Draw, faulty: bool) -> Scene:
    """Adam's moments are cleared at the drop while its step counter runs on."""
    epochs, milestones = _drop(draw)
    lr = nearby(draw, 1.5e-2, 0.8, 1.3)
    setup = scripts.multistep(
        lr,
        milestones,
        0.5,
        optimizer=scripts.adamw,
        beside=scripts.zero_moments if faulty else None,
    )
    return _drop_scene(Teacher(), setup, epochs, milestones, 0.5, "AdamW")


def stale_batch_norm(draw: Draw, faulty: bool) -> Scene:
    """BatchNorm is frozen at the drop on running statistics that lag by epochs."""
    epochs, milestones = _drop(draw)
    setup = scripts.multistep(
        nearby(draw, 0.02),
        milestones,
        0.1,
        beside=scripts.freeze_batch_norm if faulty else None,
    )
    task = Digits(scale=6.0, batch_norm=True, bn_momentum=1e-4)
    return _drop_scene(task, setup, epochs, milestones, 0.1)


def momentum_rescaled(draw: Draw, faulty: bool) -> Scene:
    """Momentum correction the wrong way: the velocity grows by 1/gamma where the LR falls."""
    epochs, milestones = _drop(draw)
    gamma = 0.1
    factor = 1 / gamma if faulty else gamma
    setup = scripts.multistep(
        nearby(draw, 0.02),
        milestones,
        gamma,
        optimizer=scripts.velocity_sgd,
        beside=scripts.rescale_velocity(factor),
    )
    return _drop_scene(Teacher(), setup, epochs, milestones, gamma)


def stale_checkpoint(draw: Draw, faulty: bool) -> Scene:
    """The fine phase starts from a checkpoint that was last written in the first epochs."""
    epochs, milestones = _drop(draw)
    setup = scripts.multistep(
        nearby(draw, 0.02),
        milestones,
        0.1,
        beside=scripts.reload_after(int(draw.integers(1, 3))) if faulty else None,
    )
    task: Task = Digits() if draw.integers(2) else Teacher()
    return _drop_scene(task, setup, epochs, milestones, 0.1)


INJECTIONS = (
    Injection("LRD401", moments_zeroed, symptoms.spikes, place=places.first_drop),
    Injection("LRD401", stale_batch_norm, symptoms.spikes, place=places.first_drop),
    Injection("LRD401", momentum_rescaled, symptoms.spikes, place=places.first_drop),
    Injection("LRD401", stale_checkpoint, symptoms.spikes, place=places.first_drop),
)

SAMPLES = sample_pair(
    ("multistep-spike", "multistep-healthy"),
    stale_checkpoint,
    "tensorboard",
    "LRD401",
    'With the first drop, in epoch 12, the "best" checkpoint is reloaded, which was last written '
    "in the second epoch: the loss jumps to four times its value, and at the lower LR it does not "
    "come back.",
    seed=3,
)
