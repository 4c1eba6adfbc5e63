"""Trains candidates x seeds at once: one vectorised program per step, LR as a tensor."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lrdoctor.replay.proxy.tasks import Task
from lrdoctor.types import Array, _Value

if TYPE_CHECKING:
    from torch import Tensor

OPTIMIZERS = ("sgd", "adam", "adamw")
_BETAS = (0.9, 0.999)
_TINY = 1e-8


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train. ``device`` is cpu, cuda or auto; ``budget`` seconds (None: no limit); ``chunk``
    trainings at a time (None: all, halved while memory does not suffice)."""

    optimizer: str = "adamw"
    seeds: int = 8
    device: str = "auto"
    budget: float | None = None
    chunk: int | None = None
    weight_decay: float = 0.01
    momentum: float = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Trained(_Value):
    """``loss``: float64[candidates, seeds, steps], NaN where the budget or a stop cut it off."""

    loss: Array
    device: str
    seconds: float
    complete: bool


def train(
    task: Task,
    lr: Array,
    settings: Settings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trained:
    """Trains ``task`` under every LR curve: ``lr``: float64[candidates, steps, groups].

    Seeds differ in start and data, candidates of a seed in the LR alone. Ctrl-C and a spent budget
    keep the chunks that are done. ``progress`` gets (steps done, steps in all).
    """
    import torch

    begin = time.perf_counter()
    device = _device(settings.device)
    candidates, steps, _ = lr.shape
    pairs = [(c, s) for s in range(settings.seeds) for c in range(candidates)]
    losses = np.full((candidates, settings.seeds, steps), np.nan)
    size, at, complete = settings.chunk or len(pairs), 0, True
    while at < len(pairs):
        chunk = pairs[at : at + size]
        until = None if settings.budget is None else begin + settings.budget

        def told(step: int, done: int = at, width: int = len(chunk)) -> None:
            progress(done * steps + step * width, len(pairs) * steps)

        try:
            values = _train_chunk(task, lr, chunk, settings, device, until, told)
        except torch.cuda.OutOfMemoryError:
            if size == 1:
                raise
            size = max(size // 2, 1)
            torch.cuda.empty_cache()
            continue
        except KeyboardInterrupt:
            complete = False
            break
        for (c, s), row in zip(chunk, values, strict=True):
            losses[c, s] = row
        if np.isnan(values[:, -1]).any() and until is not None and time.perf_counter() > until:
            complete = False
            break
        at += size
    return Trained(losses, str(device), time.perf_counter() - begin, complete)


def _device(wanted: str) -> Any:
    import torch

    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def _train_chunk(
    task: Task,
    lr: Array,
    chunk: list[tuple[int, int]],
    settings: Settings,
    device: Any,
    until: float | None,
    told: Callable[[int], None],
) -> Array:
    """The losses of some (candidate, seed) pairs: float64[n, steps]."""
    import torch
    from torch.func import functional_call, grad_and_value, stack_module_state, vmap

    models = [task.model(seed).to(device) for _, seed in chunk]
    params, buffers = stack_module_state(models)
    params = {name: value.detach() for name, value in params.items()}
    shell = models[0]

    def loss_of(weights: Any, extra: Any, x: Tensor, y: Tensor) -> Tensor:
        return task.loss(lambda data: functional_call(shell, (weights, extra), (data,)), (x, y))

    step_of = vmap(grad_and_value(loss_of), randomness="different")
    rates = torch.as_tensor(lr[[c for c, _ in chunk]], dtype=torch.float32, device=device)
    seeds = sorted({s for _, s in chunk})
    places = torch.tensor([seeds.index(s) for _, s in chunk], device=device)
    update = _Update(settings, {n: task.group(n) for n in params}, params)
    losses = torch.full((len(chunk), lr.shape[1]), float("nan"), device=device)
    for step in range(lr.shape[1]):
        batches = [task.batch(step, seed) for seed in seeds]
        x, y = (torch.stack(parts).to(device)[places] for parts in zip(*batches, strict=True))
        grads, loss = step_of(params, buffers, x, y)
        losses[:, step] = loss.detach()
        params = update(params, grads, rates[:, step])
        told(step + 1)
        if until is not None and time.perf_counter() > until:
            break
    return np.asarray(losses.double().cpu().numpy())


class _Update:
    """One optimizer step for all trainings; its state has the trainings as first dimension."""

    def __init__(
        self, settings: Settings, groups: Mapping[str, int], params: Mapping[str, Tensor]
    ) -> None:
        import torch

        self.settings, self.groups, self.count = settings, groups, 0
        self.first = {name: torch.zeros_like(p) for name, p in params.items()}
        self.second = (
            {}
            if settings.optimizer == "sgd"
            else {name: torch.zeros_like(p) for name, p in params.items()}
        )

    def __call__(
        self, params: Mapping[str, Tensor], grads: Mapping[str, Tensor], lr: Tensor
    ) -> dict[str, Tensor]:
        self.count += 1
        return {name: self._one(name, p, grads[name], lr) for name, p in params.items()}

    def _one(self, name: str, p: Tensor, grad: Tensor, lr: Tensor) -> Tensor:
        s = self.settings
        group = min(self.groups[name], lr.shape[1] - 1)
        rate = lr[:, group].reshape(-1, *[1] * (p.ndim - 1))
        if s.optimizer == "sgd":
            self.first[name] = s.momentum * self.first[name] + grad + s.weight_decay * p
            return p - rate * self.first[name]
        if s.optimizer == "adam":
            grad = grad + s.weight_decay * p
        one, two = _BETAS
        self.first[name] = one * self.first[name] + (1 - one) * grad
        self.second[name] = two * self.second[name] + (1 - two) * grad * grad
        mean = self.first[name] / (1 - one**self.count)
        size = (self.second[name] / (1 - two**self.count)).sqrt() + _TINY
        decayed = p * (1 - rate * s.weight_decay) if s.optimizer == "adamw" else p
        return decayed - rate * mean / size
