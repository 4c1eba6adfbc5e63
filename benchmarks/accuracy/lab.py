"""A laboratory of small real trainings: torch on one CPU thread, seconds each, the same per seed.

A recipe attaches an optimizer, schedulers and hooks to a ``Training`` the way a user's script
would; ``train`` runs it and returns the ``History`` that the writers turn into logs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.accuracy.tasks import Data, Task

Setup = Callable[["Training"], None]
Intent = Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class Recipe:
    """One training script. ``stop_after`` is the epoch at which the user (or a queue) ended it.

    ``intent`` is what the script's configuration says, under the names of PyTorch and Lightning;
    a fault never shows in it. ``groups`` names the param groups in the optimizer's order.
    ``baseline`` evaluates the net once before the first step, as fine-tuning scripts do.
    """

    setup: Setup
    epochs: int
    batch_size: int = 32
    accumulation: int = 1
    intent: Intent = field(default_factory=dict)
    groups: tuple[str, ...] = ("all",)
    optimizer: str = "SGD"
    stop_after: int | None = None
    patience: int | None = None
    baseline: bool = False


@dataclass
class Training:
    """What a running script holds. Hooks run in the order they were added.

    A script that resumes sets ``first_epoch`` and ``step`` to where its checkpoint left off.
    """

    net: nn.Module
    recipe: Recipe
    batches_per_epoch: int
    optimizer: torch.optim.Optimizer = field(init=False)
    first_epoch: int = 0
    epoch: int = 0
    step: int = 0
    train_loss: float = math.nan
    val_loss: float = math.nan
    val_accuracy: float = math.nan
    losses: list[float] = field(default_factory=list)
    each_batch: list[Callable[[], None]] = field(default_factory=list)
    each_step: list[Callable[[], None]] = field(default_factory=list)
    each_epoch: list[Callable[[], None]] = field(default_factory=list)
    epoch_start: list[Callable[[], None]] = field(default_factory=list)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one epoch; the last, incomplete accumulation counts."""
        return math.ceil(self.batches_per_epoch / self.recipe.accumulation)

    @property
    def total_steps(self) -> int:
        """Optimizer steps in the planned training."""
        return self.steps_per_epoch * self.recipe.epochs

    def at_epoch(self, epoch: int, action: Callable[[], None]) -> None:
        """Runs ``action`` once, before the first batch of ``epoch``."""
        self.epoch_start.append(lambda: action() if self.epoch == epoch else None)


@dataclass(frozen=True)
class History:
    """What a training did. Per optimizer step: ``loss``, ``lr`` by group (NaN before a group
    exists), ``grad_norm``. Per epoch: mean training parts, validation parts and accuracy.

    A resumed training is one history of all that counts in the end. ``before`` is its first
    process with what was trained again later, ``first_epoch`` where the log of the second process
    begins, ``late`` by how many seconds its clock is behind one that never stopped. ``whole`` is
    the length in steps of the training whose first process this is.

    ``untrained``: validation loss and accuracy before the first step, where they were taken.
    """

    recipe: Recipe
    steps_per_epoch: int
    loss: np.ndarray
    grad_norm: np.ndarray
    lr: Mapping[str, np.ndarray]
    train_parts: Mapping[str, np.ndarray]
    val_parts: Mapping[str, np.ndarray]
    accuracy: np.ndarray
    before: History | None = None
    first_epoch: int = 0
    late: float = 0.0
    whole: int = 0
    untrained: tuple[float, float] | None = None

    @property
    def epochs(self) -> int:
        """Epochs that were completed."""
        return len(self.accuracy)

    @property
    def train_loss(self) -> np.ndarray:
        """Mean training loss of each epoch."""
        return np.sum(list(self.train_parts.values()), axis=0)

    @property
    def val_loss(self) -> np.ndarray:
        """Validation loss after each epoch."""
        return np.sum(list(self.val_parts.values()), axis=0)

    def peak_lr(self) -> float:
        """The largest LR of any group."""
        return max(float(np.nanmax(lr)) for lr in self.lr.values())


def train(task: Task, recipe: Recipe, seed: int) -> History:
    """Trains ``task`` by ``recipe``; data, start and order of samples follow ``seed``."""
    torch.manual_seed(seed)
    data, net = task.data(seed), task.net(seed)
    order = torch.Generator().manual_seed(seed + 1)
    training = Training(net, recipe, math.ceil(len(data.x) / recipe.batch_size))
    recipe.setup(training)
    rows, epochs = _Rows(recipe.groups), []
    best, waited = math.inf, 0
    untrained = _untrained(training, task, data) if recipe.baseline else None
    to_run = range(training.first_epoch, recipe.epochs)
    for training.epoch in to_run:
        for action in training.epoch_start:
            action()
        parts = _one_epoch(training, task, data, order, rows)
        epochs.append((parts, *_validate(training, task, data)))
        for action in training.each_epoch:
            action()
        best, waited = (training.val_loss, 0) if training.val_loss < best else (best, waited + 1)
        if training.epoch + 1 == recipe.stop_after or waited == recipe.patience:
            break
    return replace(_history(training, rows, epochs), untrained=untrained)


def _untrained(t: Training, task: Task, data: Data) -> tuple[float, float]:
    parts, accuracy = _validate(t, task, data)
    return sum(parts.values()), accuracy


class _Rows:
    def __init__(self, groups: tuple[str, ...]) -> None:
        self.loss: list[float] = []
        self.grad_norm: list[float] = []
        self.lr: dict[str, list[float]] = {name: [] for name in groups}

    def add(self, loss: float, grad_norm: float, optimizer: torch.optim.Optimizer) -> None:
        self.loss.append(loss)
        self.grad_norm.append(grad_norm)
        groups = optimizer.param_groups
        for index, column in enumerate(self.lr.values()):
            column.append(float(groups[index]["lr"]) if index < len(groups) else math.nan)


def _one_epoch(
    t: Training, task: Task, data: Data, order: torch.Generator, rows: _Rows
) -> dict[str, float]:
    """One pass over the data; the mean of each loss part."""
    if not getattr(t.net, "keep_mode", False):
        t.net.train()
    batches = torch.randperm(len(data.x), generator=order).split(t.recipe.batch_size)
    sums: dict[str, float] = {}
    gathered: list[float] = []
    for index, batch in enumerate(batches):
        parts = task.losses(t.net, data.x[batch], data.y[batch])
        loss: Tensor = torch.stack(list(parts.values())).sum()
        (loss / t.recipe.accumulation).backward()
        gathered.append(float(loss.detach()))
        for name, part in parts.items():
            sums[name] = sums.get(name, 0.0) + float(part.detach())
        if len(gathered) == t.recipe.accumulation or index == len(batches) - 1:
            _step(t, gathered, rows)
            gathered = []
        for action in t.each_batch:
            action()
    t.train_loss = sum(sums.values()) / len(batches)
    return {name: value / len(batches) for name, value in sums.items()}


def _step(t: Training, gathered: list[float], rows: _Rows) -> None:
    grads = [p.grad for p in t.net.parameters() if p.grad is not None]
    norm = float(torch.stack([g.norm() for g in grads]).norm())
    rows.add(sum(gathered) / len(gathered), norm, t.optimizer)
    t.losses.append(rows.loss[-1])
    t.optimizer.step()
    t.optimizer.zero_grad()
    t.step += 1
    for action in t.each_step:
        action()


@torch.no_grad()
def _validate(t: Training, task: Task, data: Data) -> tuple[dict[str, float], float]:
    mode = [m.training for m in t.net.modules()]
    t.net.eval()
    parts = {k: float(v) for k, v in task.losses(t.net, data.x_val, data.y_val).items()}
    t.val_accuracy = task.accuracy(t.net, data)
    for module, training in zip(t.net.modules(), mode, strict=True):
        module.training = training
    t.val_loss = sum(parts.values())
    return parts, t.val_accuracy


def _history(
    t: Training, rows: _Rows, epochs: list[tuple[dict[str, float], dict[str, float], float]]
) -> History:
    def columns(index: int) -> dict[str, np.ndarray]:
        return {k: np.array([row[index][k] for row in epochs]) for k in epochs[0][0]}

    return History(
        recipe=t.recipe,
        steps_per_epoch=t.steps_per_epoch,
        loss=np.array(rows.loss),
        grad_norm=np.array(rows.grad_norm),
        lr={name: np.array(column) for name, column in rows.lr.items()},
        train_parts=columns(0),
        val_parts=columns(1),
        accuracy=np.array([row[2] for row in epochs]),
    )
