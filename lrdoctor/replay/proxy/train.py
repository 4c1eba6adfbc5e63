"""Trains candidates x seeds at once: one vectorised program per step, LR as a tensor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lrdoctor.errors import ConfigError, MissingExtraError
from lrdoctor.types import Array, IntArray, _Value

if TYPE_CHECKING:
    from torch import Tensor, nn

OPTIMIZERS = ("sgd", "adam", "adamw")
_BETAS = (0.9, 0.999)
_TINY = 1e-8


class Trainable(Protocol):
    """What can be trained: a built-in task, or a user's own.

    ``model(seed)`` is a module, ``batch(step, seed)`` tensors in any nest of tuples and dicts,
    ``loss(module, batch)`` a scalar, ``group(name)`` the column of the LR that drives a parameter.
    """

    @property
    def model(self) -> Callable[[int], nn.Module]: ...
    @property
    def batch(self) -> Callable[[int, int], Any]: ...
    @property
    def loss(self) -> Callable[[Any, Any], Tensor]: ...
    def group(self, parameter: str) -> int: ...


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


@dataclass(frozen=True, slots=True)
class Setback:
    """Before ``step`` the weights become those before step ``to``; without it the optimizer's
    state is lost."""

    step: int
    to: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Trained(_Value):
    """``loss``: float64[candidates, seeds, steps], NaN from ``done`` on: int64[candidates, seeds],
    the steps trained before the budget or the user (``stopped``) cut the training off."""

    loss: Array
    done: IntArray
    device: str
    seconds: float
    stopped: bool = False

    @property
    def complete(self) -> bool:
        """Whether every training came to its end."""
        return bool((self.done == self.loss.shape[-1]).all())


def train(
    task: Trainable,
    lr: Array,
    settings: Settings,
    progress: Callable[[int, int], None] = lambda done, total: None,
    setbacks: Sequence[Sequence[Setback]] = (),
) -> Trained:
    """Trains ``task`` under every LR curve: ``lr``: float64[candidates, steps, groups].

    A group is frozen where its LR is NaN: neither its weights nor its optimizer state move.
    ``setbacks`` are those of each candidate, or empty.

    Seeds differ in start and data, candidates of a seed in the LR alone. Ctrl-C and a spent budget
    keep the chunks that are done. ``progress`` gets (steps done, steps in all). Raises
    ``MissingExtraError`` without torch, ``ConfigError`` for a device that is not there.
    """
    begin = time.perf_counter()
    device = choose_device(settings.device)
    import torch

    candidates, steps, _ = lr.shape
    pairs = [(c, s) for s in range(settings.seeds) for c in range(candidates)]
    losses = np.full((candidates, settings.seeds, steps), np.nan)
    done = np.zeros((candidates, settings.seeds), dtype=np.int64)
    until = None if settings.budget is None else begin + settings.budget
    size, at, stopped = settings.chunk or len(pairs), 0, False
    while at < len(pairs) and (until is None or at == 0 or time.perf_counter() < until):
        chunk = pairs[at : at + size]

        def told(step: int, before: int = at, width: int = len(chunk)) -> None:
            progress(before * steps + step * width, len(pairs) * steps)

        try:
            # In full precision, as on a CPU: convolutions on a GPU would round to TF32.
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                values = _train_chunk(task, lr, setbacks, chunk, settings, device, until, told)
        except KeyboardInterrupt:
            stopped = True
            break
        except (RuntimeError, MemoryError) as error:
            if size == 1 or not _out_of_memory(error):
                raise
            size = max(min(size, len(chunk)) // 2, 1)
            _release(device)
            continue
        for (c, s), row in zip(chunk, values, strict=True):
            losses[c, s, : len(row)] = row
            done[c, s] = len(row)
        at += size
    return Trained(losses, done, str(device), time.perf_counter() - begin, stopped)


def choose_device(wanted: str) -> Any:
    """The torch device for "cpu", "cuda" or "auto": the GPU where there is one.

    Raises ``MissingExtraError`` without torch, ``ConfigError`` for "cuda" without a GPU.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "replay") from error
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise ConfigError(
            "--device cuda: torch finds no GPU here; --device auto takes the CPU then"
        )
    return torch.device("cuda" if there and wanted != "cpu" else "cpu")


def _out_of_memory(error: Exception) -> bool:
    import torch

    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error)  # what the CPU allocator says


def _release(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()


def _train_chunk(
    task: Trainable,
    lr: Array,
    setbacks: Sequence[Sequence[Setback]],
    chunk: list[tuple[int, int]],
    settings: Settings,
    device: Any,
    until: float | None,
    told: Callable[[int], None],
) -> Array:
    """The losses of some (candidate, seed) pairs: float64[n, steps done]."""
    import torch
    from torch.func import functional_call, grad_and_value, stack_module_state, vmap

    seeds = sorted({s for _, s in chunk})
    places = torch.tensor([seeds.index(s) for _, s in chunk], device=device)
    chosen = [c for c, _ in chunk]
    models = [task.model(seed).to(device) for seed in seeds]
    start, extra = stack_module_state(models)
    params = {name: value.detach()[places] for name, value in start.items()}
    buffers = {name: value[places] for name, value in extra.items()}
    shell = _with_loss(models[0], task.loss)

    def loss_of(weights: Any, more: Any, batch: Any) -> Tensor:
        state = {f"model.{name}": value for name, value in {**weights, **more}.items()}
        return functional_call(shell, state, (batch,))

    step_of = vmap(grad_and_value(loss_of), randomness="different")
    rates = torch.as_tensor(lr[chosen], dtype=torch.float32, device=device)
    update = _Update(settings, {n: task.group(n) for n in params}, params, rates)
    happening = _by_step(setbacks, chosen, device)
    origins = {back.to for events in happening.values() for back, _ in events}
    kept: dict[int, Mapping[str, Tensor]] = {}
    losses = torch.full((len(chunk), lr.shape[1]), float("nan"), device=device)
    for step, batch in _batches(task, seeds, places, lr.shape[1]):
        if step in origins:
            kept[step] = params
        for back, rows in happening.get(step, ()):
            if back.to is None:
                update.forget(rows)
            else:
                params = {n: _replaced(p, kept[back.to][n], rows) for n, p in params.items()}
        grads, loss = step_of(params, buffers, batch)
        losses[:, step] = loss.detach()
        params = update(params, grads, rates[:, step])
        told(step + 1)
        if until is not None and time.perf_counter() > until:
            losses = losses[:, : step + 1]
            break
    return np.asarray(losses.double().cpu().numpy())


def _with_loss(model: nn.Module, loss: Callable[[Any, Any], Tensor]) -> nn.Module:
    """A module that maps a batch to its loss, so that ``loss`` meets a whole module whose state
    can be swapped."""
    from torch import nn

    class WithLoss(nn.Module):  # type: ignore[misc]  # torch is not followed by the type checker
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, batch: Any) -> Tensor:
            return loss(self.model, batch)

    return WithLoss()


def _batches(
    task: Trainable, seeds: list[int], places: Tensor, steps: int
) -> Iterator[tuple[int, Any]]:
    """Each step with its batches, the trainings of one seed sharing theirs."""
    import torch
    from torch.utils._pytree import tree_map

    def stacked(*parts: Tensor) -> Tensor:
        return torch.stack(parts).to(places.device)[places]

    for step in range(steps):
        yield step, tree_map(stacked, *(task.batch(step, seed) for seed in seeds))


def _by_step(
    setbacks: Sequence[Sequence[Setback]], chosen: Sequence[int], device: Any
) -> dict[int, list[tuple[Setback, Tensor]]]:
    """Each step at which something is set back, with the trainings it happens to: bool[n]."""
    import torch

    found: dict[int, list[tuple[Setback, Tensor]]] = {}
    for back in dict.fromkeys(b for each in setbacks for b in each):
        rows = torch.tensor([back in setbacks[c] for c in chosen], device=device)
        found.setdefault(back.step, []).append((back, rows))
    return found


def _replaced(value: Tensor, other: Tensor, rows: Tensor) -> Tensor:
    return other.where(_wide(rows, value), value)


class _Update:
    """One optimizer step for all trainings; its state has the trainings as first dimension."""

    def __init__(
        self,
        settings: Settings,
        groups: Mapping[str, int],
        params: Mapping[str, Tensor],
        rates: Tensor,
    ) -> None:
        import torch

        last = rates.shape[2] - 1
        self.settings = settings
        self.groups = {name: min(group, last) for name, group in groups.items()}
        # Steps each group has taken, for Adam's bias correction: one that joins late begins at 0.
        self.count = torch.zeros_like(rates[:, 0])
        self.freezes = bool(torch.isnan(rates).any())
        self.first = {name: torch.zeros_like(p) for name, p in params.items()}
        self.second = (
            {}
            if settings.optimizer == "sgd"
            else {name: torch.zeros_like(p) for name, p in params.items()}
        )

    def __call__(
        self, params: Mapping[str, Tensor], grads: Mapping[str, Tensor], lr: Tensor
    ) -> dict[str, Tensor]:
        self.count += ~lr.isnan()
        return {name: self._one(name, p, grads[name], lr) for name, p in params.items()}

    def forget(self, lost: Tensor) -> None:
        """Zeroes the state of the trainings in ``lost``: bool[n]."""
        self.count[lost] = 0.0
        for state in (self.first, self.second):
            for value in state.values():
                value[lost] = 0.0

    def _one(self, name: str, p: Tensor, grad: Tensor, lr: Tensor) -> Tensor:
        group = self.groups[name]
        rate, count = _wide(lr[:, group], p), _wide(self.count[:, group], p)
        if not self.freezes:
            return self._stepped(name, p, grad, rate, count)
        there = ~rate.isnan()
        states = [s for s in (self.first, self.second) if s]
        before = [state[name].clone() for state in states]
        after = self._stepped(name, p, grad, rate, count)
        for state, old in zip(states, before, strict=True):
            state[name] = state[name].where(there, old)
        return after.where(there, p)

    def _stepped(self, name: str, p: Tensor, grad: Tensor, rate: Tensor, count: Tensor) -> Tensor:
        """New weights, in torch.optim's order of operations; the state changes in place."""
        s, first = self.settings, self.first[name]
        if s.optimizer != "adamw" and s.weight_decay:
            grad = grad + s.weight_decay * p
        if s.optimizer == "sgd":
            first.mul_(s.momentum).add_(grad)
            return p - rate * first
        one, two = _BETAS
        first.lerp_(grad, 1 - one)
        second = self.second[name].mul_(two).addcmul_(grad, grad, value=1 - two)
        size = second.sqrt().div_((1 - two**count).sqrt()).add_(_TINY)
        moved = (first / size).mul_(rate / (1 - one**count))
        if s.optimizer == "adamw" and s.weight_decay:
            p = p * (1 - rate * s.weight_decay)
        return p - moved


def _wide(value: Tensor, like: Tensor) -> Tensor:
    return value.reshape(-1, *[1] * (like.ndim - 1))
