"""Fine-tuning: a whole network that was trained before, met with data that shifted a little."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from benchmarks.accuracy.tasks import Data, Task, Teacher, Transfer


@dataclass(frozen=True)
class Adapted:
    """``base`` with the inputs moved by ``shift`` of their spread, for a net trained without it.

    Tokens (whole numbers) are moved by renaming: a share ``shift`` of them trade places. With
    ``shift`` 0 nothing is left to learn but what ``steps`` of training left over.
    """

    base: Task
    shift: float = 0.3
    steps: int = 800

    def data(self, seed: int) -> Data:
        """The shifted samples of the base task."""
        d = self.base.data(seed)
        g = torch.Generator().manual_seed(7_000_003 + seed)
        if d.x.dtype == torch.long:
            renamed = _renaming(int(d.x.max()) + 1, self.shift, g)
            return Data(renamed[d.x], renamed[d.y], renamed[d.x_val], renamed[d.y_val])
        moved = self.shift * d.x.std() * torch.randn(d.x.shape[1:], generator=g)
        return Data(d.x + moved, d.y, d.x_val + moved, d.y_val)

    def net(self, seed: int) -> nn.Module:
        """The base task's network after its own training."""
        net = self.base.net(seed)
        net.load_state_dict(_trained(self.base, self.steps, seed))
        return net

    def losses(self, net: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Those of the base task."""
        return self.base.losses(net, x, y)

    def accuracy(self, net: nn.Module, data: Data) -> float:
        """That of the base task."""
        return self.base.accuracy(net, data)


@dataclass(frozen=True)
class Reused(Transfer):
    """A new head on a backbone that fits the task: few samples, many before of the same kind."""

    samples: int = 128
    noise: float = 0.3
    before: int = 2048

    def data(self, seed: int) -> Data:
        """The first samples of many; the validation set is that of all."""
        d = self._all().data(seed)
        return Data(d.x[: self.samples], d.y[: self.samples], d.x_val, d.y_val)

    def net(self, seed: int) -> nn.Module:
        """The backbone of a net trained on all of them, and a fresh ``head``."""
        net = super().net(seed)
        trained = _trained(self._all(), 1000, seed)
        keys = ("0.weight", "0.bias", "2.weight", "2.bias")
        net.backbone.load_state_dict({key: trained[key] for key in keys})
        return net

    def _all(self) -> Teacher:
        return Teacher(self.before, self.width, self.noise, self.outputs)


def _renaming(tokens: int, share: float, g: torch.Generator) -> Tensor:
    names = torch.arange(tokens)
    chosen = torch.randperm(tokens, generator=g)[: round(share * tokens)]
    names[chosen] = chosen.roll(1)
    return names


@lru_cache(maxsize=16)
def _trained(base: Task, steps: int, seed: int) -> dict[str, Tensor]:
    """Weights after ``steps`` batches of Adam with a linear decay."""
    data, net = base.data(seed), base.net(seed)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, steps)
    order = torch.Generator().manual_seed(9_000_011 + seed)
    for _ in range(steps):
        batch = torch.randint(len(data.x), (32,), generator=order)
        optimizer.zero_grad()
        torch.stack(list(base.losses(net, data.x[batch], data.y[batch]).values())).sum().backward()
        optimizer.step()
        scheduler.step()
    return {key: value.clone() for key, value in net.state_dict().items()}
