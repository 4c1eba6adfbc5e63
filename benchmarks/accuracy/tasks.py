"""Generated learning tasks, small enough for thousands of steps a second, with real noise.

Each is a frozen dataclass whose fields set size and noise; the seed draws data and weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Data:
    """Training and validation tensors; the first dimension counts samples."""

    x: Tensor
    y: Tensor
    x_val: Tensor
    y_val: Tensor


class Task(Protocol):
    """Data, a fresh network, and the loss as named parts that add up."""

    def data(self, seed: int) -> Data: ...

    def net(self, seed: int) -> nn.Module: ...

    def losses(self, net: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]: ...

    def accuracy(self, net: nn.Module, data: Data) -> float: ...


def _split(x: Tensor, y: Tensor, train: int) -> Data:
    return Data(x[:train], y[:train], x[train:], y[train:])


def _generator(seed: int, salt: int) -> torch.Generator:
    return torch.Generator().manual_seed(1_000_003 * salt + seed)


@dataclass(frozen=True)
class Teacher:
    """Regression of a random two-layer tanh network, with label noise of known variance."""

    samples: int = 1024
    width: int = 48
    noise: float = 0.1
    outputs: int = 2

    def data(self, seed: int) -> Data:
        """16 Gaussian inputs per sample; a quarter more samples for validation."""
        g = _generator(seed, 1)
        x = torch.randn(self.samples * 5 // 4, 16, generator=g)
        first = torch.randn(16, 24, generator=g) / 2.5
        second = torch.randn(24, self.outputs, generator=g) / 3
        y = torch.tanh(x @ first) @ second
        return _split(x, y + self.noise * torch.randn(y.shape, generator=g), self.samples)

    def net(self, seed: int) -> nn.Module:
        """A ReLU network with two hidden layers."""
        torch.manual_seed(seed)
        layers = [nn.Linear(16, self.width), nn.ReLU(), nn.Linear(self.width, self.width)]
        return nn.Sequential(*layers, nn.ReLU(), nn.Linear(self.width, self.outputs))

    def losses(self, net: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Mean squared error."""
        return {"loss": F.mse_loss(net(x), y)}

    def accuracy(self, net: nn.Module, data: Data) -> float:
        """Share of the variance explained on the validation set."""
        rest = F.mse_loss(net(data.x_val), data.y_val) / data.y_val.var()
        return 1.0 - float(rest)


@dataclass(frozen=True)
class Transfer(Teacher):
    """A teacher met with a backbone that was trained on another one: head new, features old."""

    noise: float = 0.05

    def net(self, seed: int) -> nn.Module:
        """A pretrained ``backbone`` and a fresh ``head``."""
        net = nn.Sequential()
        backbone = nn.Sequential(
            nn.Linear(16, self.width), nn.ReLU(), nn.Linear(self.width, self.width), nn.ReLU()
        )
        backbone.load_state_dict(_pretrained(self.width, seed))
        torch.manual_seed(seed)
        net.add_module("backbone", backbone)
        net.add_module("head", nn.Linear(self.width, self.outputs))
        return net


@lru_cache(maxsize=8)
def _pretrained(width: int, seed: int) -> dict[str, Tensor]:
    """Backbone weights after 300 steps on a teacher of another seed."""
    source = Teacher(samples=512, width=width)
    data, net = source.data(seed + 50_000), source.net(seed)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    order = _generator(seed, 2)
    for _ in range(300):
        batch = torch.randint(len(data.x), (32,), generator=order)
        optimizer.zero_grad()
        F.mse_loss(net(data.x[batch]), data.y[batch]).backward()
        optimizer.step()
    keys = ("0.weight", "0.bias", "2.weight", "2.bias")
    return {key: net.state_dict()[key].clone() for key in keys}


@dataclass(frozen=True)
class Digits:
    """Ten drawn glyphs on a 12 x 12 canvas: which one it is, and (``boxes``) where it lies.

    Training adds fresh pixel noise to every batch, so that nothing can be learned by heart.
    ``scale`` multiplies the pixels, as data do that nobody normalised.
    """

    samples: int = 1024
    noise: float = 1.0
    scale: float = 1.0
    boxes: bool = False
    convolution: bool = False
    batch_norm: bool = False
    bn_momentum: float = 0.1

    def data(self, seed: int) -> Data:
        """Glyphs of 7 x 7 smoothed noise; ``y`` is class, row and column in [0, 1]."""
        g = _generator(seed, 3)
        n = self.samples * 5 // 4
        glyphs = F.avg_pool2d(torch.randn(10, 1, 9, 9, generator=g), 3, 1)[:, 0] * 3
        label = torch.randint(10, (n,), generator=g)
        corner = torch.randint(0, 6 if self.boxes else 2, (n, 2), generator=g)
        x = self.noise * torch.randn(n, 12, 12, generator=g)
        for i in range(n):
            r, c = corner[i]
            x[i, r : r + 7, c : c + 7] += glyphs[label[i]]
        y = torch.cat([label[:, None].float(), corner.float() / 5], dim=1)
        return _split(self.scale * x[:, None], y, self.samples)

    def net(self, seed: int) -> nn.Module:
        """A small CNN or an MLP; the last layer gives ten logits and two coordinates."""
        torch.manual_seed(seed)
        norm = self.batch_norm
        if self.convolution:
            return nn.Sequential(
                _PixelNoise(self.noise * self.scale),
                nn.Conv2d(1, 8, 3, stride=2, padding=1),
                nn.BatchNorm2d(8, momentum=self.bn_momentum) if norm else nn.Identity(),
                nn.ReLU(),
                nn.Conv2d(8, 16, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(144, 12),
            )
        return nn.Sequential(
            _PixelNoise(self.noise * self.scale),
            nn.Flatten(),
            nn.Linear(144, 48),
            nn.BatchNorm1d(48, momentum=self.bn_momentum) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Linear(48, 12),
        )

    def losses(self, net: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Cross entropy, and the squared error of the position where it is asked for."""
        out = net(x)
        classes = F.cross_entropy(out[:, :10], y[:, 0].long())
        if not self.boxes:
            return {"loss": classes}
        return {"box_loss": 5 * F.mse_loss(out[:, 10:], y[:, 1:]), "cls_loss": classes}

    def accuracy(self, net: nn.Module, data: Data) -> float:
        """Share of the validation set classified rightly."""
        return float((net(data.x_val)[:, :10].argmax(1) == data.y_val[:, 0]).float().mean())


class _PixelNoise(nn.Module):
    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, x: Tensor) -> Tensor:
        return x + self.sigma * torch.randn_like(x) if self.training else x


@dataclass(frozen=True)
class Sequences:
    """Next-token prediction on a random second-order Markov chain over 12 tokens."""

    samples: int = 512
    length: int = 20
    width: int = 32

    def data(self, seed: int) -> Data:
        """Token sequences; ``y`` is the input shifted by one."""
        g = _generator(seed, 4)
        table = torch.softmax(2 * torch.randn(12, 12, 12, generator=g), dim=-1)
        n = self.samples * 5 // 4
        tokens = torch.randint(12, (n, 2), generator=g)
        for _ in range(self.length - 1):
            chances = table[tokens[:, -2], tokens[:, -1]]
            tokens = torch.cat([tokens, torch.multinomial(chances, 1, generator=g)], dim=1)
        return _split(tokens[:, :-1], tokens[:, 1:], self.samples)

    def net(self, seed: int) -> nn.Module:
        """Two pre-norm attention blocks."""
        torch.manual_seed(seed)
        return _Transformer(self.width, self.length)

    def losses(self, net: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Cross entropy per token."""
        return {"loss": F.cross_entropy(net(x).flatten(0, 1), y.flatten())}

    def accuracy(self, net: nn.Module, data: Data) -> float:
        """Share of the validation tokens predicted rightly."""
        return float((net(data.x_val).argmax(-1) == data.y_val).float().mean())


class _Transformer(nn.Module):
    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, width)
        self.place = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.Sequential(_Block(width), _Block(width))
        self.out = nn.Linear(width, 12)

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.out(self.blocks(self.embed(tokens) + self.place[: tokens.shape[1]]))
        return out


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norms[0](x)).unflatten(-1, (3, 4, -1)).unbind(2)
        heads = (part.transpose(1, 2) for part in (q, k, v))
        mixed = F.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.mix(mixed.transpose(1, 2).flatten(2))
        out: Tensor = x + self.down(F.gelu(self.up(self.norms[1](x))))
        return out
