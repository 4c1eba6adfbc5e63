"""Small tasks without downloads; every parameter belongs to the head or to the backbone.

A task makes a module from a seed and a batch from a step and a seed, so that all candidates of one
seed see the same start and the same data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

HEAD, BACKBONE = 0, 1
_BATCH = 32
_DIGITS = 10
_SIDE = 8
_LETTERS = 24
_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Task:
    """``model(seed)`` is a module, ``batch(step, seed)`` a pair of tensors, ``loss(module, batch)``
    a scalar. Parameters whose name begins with "head" are the head's."""

    name: str
    model: Callable[[int], nn.Module]
    batch: Callable[[int, int], tuple[Tensor, Tensor]]
    loss: Callable[[Any, tuple[Tensor, Tensor]], Tensor]

    def group(self, parameter: str) -> int:
        """The param group of a parameter: 0 is the head, 1 the backbone."""
        return HEAD if parameter.startswith("head") else BACKBONE


def _generator(*numbers: int) -> Any:
    import torch

    mixed = 0
    for number in numbers:
        mixed = (mixed * 1_000_003 + number + 1) % (2**63 - 1)
    return torch.Generator().manual_seed(mixed)


def _seeded(seed: int, make: Callable[[], nn.Module]) -> nn.Module:
    """A module whose start depends on the seed alone; the global state stays as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def _sequential(named: Mapping[str, nn.Module]) -> nn.Module:
    from collections import OrderedDict

    from torch import nn

    return nn.Sequential(OrderedDict(named))


def _teacher() -> Task:
    """Regression onto a fixed random network, with label noise."""
    import torch
    from torch import nn

    rng = torch.Generator().manual_seed(7)
    first = torch.randn(16, 32, generator=rng) / 4.0
    second = torch.randn(32, 1, generator=rng) / 5.6

    def model(seed: int) -> nn.Module:
        return _seeded(
            seed,
            lambda: _sequential(
                {
                    "backbone": nn.Sequential(
                        nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU()
                    ),
                    "head": nn.Linear(64, 1),
                }
            ),
        )

    def batch(step: int, seed: int) -> tuple[Tensor, Tensor]:
        rng = _generator(seed, step)
        x = torch.randn(_BATCH, 16, generator=rng)
        noise = torch.randn(_BATCH, 1, generator=rng)
        return x, torch.tanh(2.0 * x @ first) @ second + 0.1 * noise

    def loss(module: Any, data: tuple[Tensor, Tensor]) -> Tensor:
        return nn.functional.mse_loss(module(data[0]), data[1])

    return Task("teacher", model, batch, loss)


def _digits() -> Task:
    """Ten smooth random patterns, shifted and noisy, told apart by a small convolution net."""
    import torch
    from torch import nn

    rng = torch.Generator().manual_seed(11)
    coarse = torch.randn(_DIGITS, 1, 4, 4, generator=rng)
    patterns = nn.functional.interpolate(coarse, size=(_SIDE, _SIDE), mode="bilinear")[:, 0]

    def model(seed: int) -> nn.Module:
        return _seeded(
            seed,
            lambda: _sequential(
                {
                    "backbone": nn.Sequential(
                        nn.Conv2d(1, 12, 3, padding=1),
                        nn.GroupNorm(3, 12),
                        nn.ReLU(),
                        nn.Conv2d(12, 16, 3, stride=2, padding=1),
                        nn.GroupNorm(4, 16),
                        nn.ReLU(),
                        nn.Flatten(),
                    ),
                    "head": nn.Linear(256, _DIGITS),
                }
            ),
        )

    def batch(step: int, seed: int) -> tuple[Tensor, Tensor]:
        rng = _generator(seed, step)
        label = torch.randint(_DIGITS, (_BATCH,), generator=rng)
        shift = int(torch.randint(-1, 2, (1,), generator=rng))
        image = torch.roll(patterns[label], shift, dims=2)
        noise = torch.randn(_BATCH, _SIDE, _SIDE, generator=rng)
        return (image + 0.8 * noise)[:, None], label

    def loss(module: Any, data: tuple[Tensor, Tensor]) -> Tensor:
        return nn.functional.cross_entropy(module(data[0]), data[1])

    return Task("digits", model, batch, loss)


def _letters() -> Task:
    """The next letter of a random Markov text of order two, by one block of attention."""
    import torch
    from torch import nn

    rng = torch.Generator().manual_seed(13)
    chances = torch.softmax(2.0 * torch.randn(_LETTERS, _LETTERS, _LETTERS, generator=rng), -1)

    class Block(nn.Module):  # type: ignore[misc]  # torch is not followed by the type checker
        def __init__(self) -> None:
            super().__init__()
            self.letters, self.places = nn.Embedding(_LETTERS, 32), nn.Embedding(_LENGTH, 32)
            self.norms = nn.ModuleList([nn.LayerNorm(32), nn.LayerNorm(32)])
            self.query, self.out = nn.Linear(32, 96), nn.Linear(32, 32)
            self.wide = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))

        def forward(self, text: Tensor) -> Tensor:
            x = self.letters(text) + self.places.weight[: text.shape[-1]]
            query, key, value = self.query(self.norms[0](x)).chunk(3, dim=-1)
            score = query @ key.transpose(-1, -2) / 32**0.5
            size = text.shape[-1]
            later = torch.ones(size, size, dtype=torch.bool, device=text.device).triu(1)
            x = x + self.out(torch.softmax(score.masked_fill(later, -torch.inf), -1) @ value)
            return x + self.wide(self.norms[1](x))

    def model(seed: int) -> nn.Module:
        return _seeded(seed, lambda: _sequential({"backbone": Block(), "head": nn.Linear(32, 24)}))

    def batch(step: int, seed: int) -> tuple[Tensor, Tensor]:
        rng = _generator(seed, step)
        text = torch.randint(_LETTERS, (16, _LENGTH + 1), generator=rng)
        for at in range(2, _LENGTH + 1):
            following = chances[text[:, at - 2], text[:, at - 1]]
            text[:, at] = torch.multinomial(following, 1, generator=rng)[:, 0]
        return text[:, :-1], text[:, 1:]

    def loss(module: Any, data: tuple[Tensor, Tensor]) -> Tensor:
        return nn.functional.cross_entropy(module(data[0]).flatten(0, -2), data[1].flatten())

    return Task("letters", model, batch, loss)


TASKS: Mapping[str, Callable[[], Task]] = {
    "teacher": _teacher,
    "digits": _digits,
    "letters": _letters,
}
