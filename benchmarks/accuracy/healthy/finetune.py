"""Fine-tunings that rise, stand still or overfit without an LR at fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch.optim.lr_scheduler import CosineAnnealingLR

from benchmarks.accuracy import scripts
from benchmarks.accuracy.faults.finetune import warmup_linear
from benchmarks.accuracy.lab import Recipe, Training
from benchmarks.accuracy.scene import Draw, Sample, Scene, nearby
from benchmarks.accuracy.tasks import Digits, Task, Teacher
from benchmarks.accuracy.tasks_finetune import Adapted

_WRITERS = ("trainer_state", "tensorboard", "json_lines", "lightning_csv")


def _recipe(setup: scripts.Setup, epochs: int, lr: float, batch: int) -> Recipe:
    intent = {"optimizer": "AdamW", "learning_rate": lr, "pretrained": True}
    return Recipe(setup, epochs, batch_size=batch, intent=intent, optimizer="AdamW")


def overfits(draw: Draw) -> Scene:
    """Few noisy samples: from the second evaluation on the validation loss rises, by heart."""
    lr, epochs = nearby(draw, 2e-3), int(draw.integers(15, 25))

    def setup(t: Training) -> None:
        t.optimizer = scripts.adamw(t, lr)

    task = Adapted(Teacher(samples=256, noise=0.5), 0.1)
    return Scene(task, _recipe(setup, epochs, lr, 16), _WRITERS)


def brisk(draw: Draw) -> Scene:
    """An LR at the upper end: a bump in the warm-up, gone when the LR comes down."""
    lr, epochs = nearby(draw, 2e-3, 0.7, 1.5), int(draw.integers(8, 14))
    setup = scripts.scheduled(
        lr, lambda o, t: warmup_linear(o, t, 0.1 * epochs), per="step", optimizer=scripts.adamw
    )
    task: Task = Teacher() if draw.integers(2) else Digits(samples=768)
    return Scene(Adapted(task, 0.2), _recipe(setup, epochs, lr, 16), _WRITERS)


def nothing_to_learn(draw: Draw) -> Scene:
    """The net was trained to the end on this very data: batches of four scatter, nothing moves."""
    lr, epochs = nearby(draw, 3e-4), int(draw.integers(5, 9))
    setup = scripts.scheduled(
        lr, lambda o, t: CosineAnnealingLR(o, epochs), optimizer=scripts.adamw
    )
    task: Task = Teacher(samples=512, noise=0.4) if draw.integers(2) else Digits(samples=512)
    recipe = replace(_recipe(setup, epochs, lr, 4), baseline=bool(draw.integers(2)))
    return Scene(Adapted(task, 0.0, 3000), recipe, ("tensorboard", "json_lines"))


LOOKALIKES: tuple[Callable[[Draw], Scene], ...] = (overfits, brisk, nothing_to_learn)

SAMPLES = (
    Sample(
        "fine-tuning-overfits",
        overfits,
        "trainer_state",
        shows="the validation loss of a fine-tuning rises while its training loss falls",
    ),
)
