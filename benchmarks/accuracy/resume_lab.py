"""Trainings in two processes: one writes checkpoints and dies, one goes on from the last of them.

Both build their optimizer and scheduler from the same script; state goes through real
``state_dict``s. What the second process restores is the ``load`` of a ``Job``, the line in which a
fault and its control differ.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch.optim.lr_scheduler import LRScheduler

from benchmarks.accuracy import lab
from benchmarks.accuracy.lab import History, Recipe, Setup, Training
from benchmarks.accuracy.scene import Scene
from benchmarks.accuracy.tasks import Task

Checkpoint = dict[str, Any]
Build = Callable[[Training], LRScheduler]
Load = Callable[[Training, LRScheduler, Checkpoint], LRScheduler]
WRITERS = ("tensorboard", "tensorboard_purged", "lightning_csv", "json_lines", "epoch_csv")
# Seconds between the death of the first process and the first step of the second.
_QUEUE = 3600.0


@dataclass(frozen=True)
class Job:
    """A script and its two launches. ``build`` makes ``t.optimizer`` and returns the scheduler,
    which is stepped ``per`` step or epoch. The first process writes its last checkpoint after
    ``saved`` epochs and dies after ``crashed``; ``first_epochs`` is its plan where that was another
    one. ``load`` restores the checkpoint and returns the scheduler in use from there on."""

    build: Build
    load: Load
    saved: int
    crashed: int
    per: str = "step"
    first_epochs: int | None = None

    def scene(self, task: Task, recipe: Recipe, writers: tuple[str, ...] = WRITERS) -> Scene:
        """The scene of this job; ``recipe`` is that of the second launch, its setup is ignored."""
        return Scene(task, recipe, writers, trainer=self.train)

    def train(self, task: Task, recipe: Recipe, seed: int) -> History:
        """Both processes, as the one history of what counts in the end."""
        kept: Checkpoint = {}
        planned = self.first_epochs or recipe.epochs
        launch = replace(recipe, epochs=planned, setup=self._first(kept), stop_after=self.crashed)
        first = lab.train(task, launch, seed)
        second = lab.train(task, replace(recipe, setup=self._second(kept)), seed)
        return _joined(first, second, self.saved)

    def _first(self, kept: Checkpoint) -> Setup:
        def setup(t: Training) -> None:
            scheduler = self.build(t)
            self._stepped(t, lambda: scheduler)

            def save() -> None:
                if t.epoch + 1 == self.saved:
                    parts = {"model": t.net, "optimizer": t.optimizer, "scheduler": scheduler}
                    kept.update({k: copy.deepcopy(v.state_dict()) for k, v in parts.items()})
                    kept["step"] = t.step

            t.each_epoch.append(save)

        return setup

    def _second(self, kept: Checkpoint) -> Setup:
        def setup(t: Training) -> None:
            scheduler = self.build(t)
            t.first_epoch, t.step = self.saved, kept["step"]
            used = self.load(t, scheduler, copy.deepcopy(kept))
            self._stepped(t, lambda: used)

        return setup

    def _stepped(self, t: Training, scheduler: Callable[[], LRScheduler]) -> None:
        hooks = {"epoch": t.each_epoch, "step": t.each_step}
        hooks[self.per].append(lambda: scheduler().step())


def everything(t: Training, scheduler: LRScheduler, kept: Checkpoint) -> LRScheduler:
    """What a script should restore."""
    t.net.load_state_dict(kept["model"])
    t.optimizer.load_state_dict(kept["optimizer"])
    scheduler.load_state_dict(kept["scheduler"])
    return scheduler


def _joined(first: History, second: History, saved: int) -> History:
    steps = saved * first.steps_per_epoch

    def join(a: np.ndarray, b: np.ndarray, at: int) -> np.ndarray:
        return np.concatenate([a[:at], b])

    def columns(a: Any, b: Any, at: int) -> dict[str, np.ndarray]:
        return {name: join(a[name], b[name], at) for name in a}

    whole = steps + len(second.loss)
    return replace(
        second,
        loss=join(first.loss, second.loss, steps),
        grad_norm=join(first.grad_norm, second.grad_norm, steps),
        lr=columns(first.lr, second.lr, steps),
        train_parts=columns(first.train_parts, second.train_parts, saved),
        val_parts=columns(first.val_parts, second.val_parts, saved),
        accuracy=join(first.accuracy, second.accuracy, saved),
        before=replace(first, whole=whole),
        first_epoch=saved,
        late=len(first.loss) - steps + _QUEUE,
    )
