"""Training scripts as users write them: an optimizer, real torch schedulers, hooks.

Each function returns a ``Setup``. Keyword arguments switch one line between the right way and a
mistake people really make, so that a fault and its control differ by that line alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
)

from benchmarks.accuracy.lab import Setup, Training

MakeScheduler = Callable[[Optimizer, Training], LRScheduler]


def sgd(t: Training, lr: float) -> Optimizer:
    """SGD with momentum and a little weight decay over the whole network."""
    return SGD(t.net.parameters(), lr=lr, momentum=0.9, weight_decay=1e-4)


def adamw(t: Training, lr: float) -> Optimizer:
    """AdamW over the whole network."""
    return AdamW(t.net.parameters(), lr=lr)


def scheduled(
    lr: float,
    make: MakeScheduler,
    *,
    per: str = "epoch",
    optimizer: Callable[[Training, float], Optimizer] = sgd,
) -> Setup:
    """One scheduler, stepped ``per`` epoch, optimizer step or batch."""

    def setup(t: Training) -> None:
        t.optimizer = optimizer(t, lr)
        scheduler = make(t.optimizer, t)
        hooks = {"epoch": t.each_epoch, "step": t.each_step, "batch": t.each_batch}
        hooks[per].append(scheduler.step)

    return setup


def onecycle(
    max_lr: float,
    pct_start: float,
    *,
    total: Callable[[Training], int] = lambda t: t.total_steps,
    per: str = "step",
) -> Setup:
    """OneCycleLR; the step past its end is skipped, as scripts do that met its ``ValueError``."""

    def setup(t: Training) -> None:
        t.optimizer = sgd(t, max_lr)
        scheduler = OneCycleLR(
            t.optimizer, max_lr, total_steps=total(t), pct_start=pct_start, cycle_momentum=False
        )

        def advance() -> None:
            if scheduler.last_epoch < scheduler.total_steps - 1:
                scheduler.step()

        {"epoch": t.each_epoch, "step": t.each_step, "batch": t.each_batch}[per].append(advance)

    return setup


def plateau(
    lr: float,
    *,
    monitor: Callable[[Training], float] = lambda t: t.val_loss,
    optimizer: Callable[[Training, float], Optimizer] = sgd,
    stepped: bool = True,
    **settings: object,
) -> Setup:
    """ReduceLROnPlateau fed with ``monitor`` after each epoch."""

    def setup(t: Training) -> None:
        t.optimizer = optimizer(t, lr)
        scheduler = ReduceLROnPlateau(t.optimizer, **settings)  # type: ignore[arg-type]
        if stepped:
            t.each_epoch.append(lambda: scheduler.step(monitor(t)))

    return setup


def running_mean_loss(t: Training) -> float:
    """Mean loss since the start of the training: a meter that nobody resets keeps falling."""
    return sum(t.losses) / len(t.losses)


# ------------------------------------------------------------------------------- unfreezing


def unfreezing(
    head_lr: float,
    epoch: int,
    *,
    ratio: float = 0.1,
    first_phase: MakeScheduler | None = None,
    from_current: bool = False,
    same_optimizer: bool = False,
    group_from_start: bool = False,
) -> Setup:
    """A head is trained alone, then the backbone joins at ``head_lr * ratio``.

    ``first_phase`` makes the scheduler of the head's phase (default: one cosine over the whole
    training). At the unfreeze, optimizer and cosine are rebuilt for the epochs that are left; the
    mistake is to take the LR of that moment (``from_current``), or to rebuild only the scheduler
    on an optimizer that has come to 0 (``same_optimizer`` with ``from_current``).
    """

    def setup(t: Training) -> None:
        head, backbone = list(t.net.head.parameters()), list(t.net.backbone.parameters())
        _freeze(t, True)
        groups = [{"params": head, "lr": head_lr}]
        if group_from_start:
            groups.append({"params": backbone, "lr": 0.0})
        t.optimizer = AdamW(groups)
        current = [(first_phase or _whole_cosine)(t.optimizer, t)]
        t.each_step.append(lambda: current[0].step())

        def unfreeze() -> None:
            _freeze(t, False)
            lr = t.optimizer.param_groups[0]["lr"] if from_current else head_lr
            if same_optimizer:
                _join(t.optimizer, lr, backbone, ratio)
            else:
                t.optimizer = AdamW(
                    [{"params": head, "lr": lr}, {"params": backbone, "lr": lr * ratio}]
                )
            left = t.total_steps - t.step
            current[0] = CosineAnnealingLR(t.optimizer, T_max=left)

        t.at_epoch(epoch, unfreeze)

    return setup


def joining(head_lr: float, epoch: int, *, ratio: float) -> Setup:
    """The head follows one cosine throughout; the backbone joins at ``ratio`` of its LR."""

    def setup(t: Training) -> None:
        head, backbone = list(t.net.head.parameters()), list(t.net.backbone.parameters())
        _freeze(t, True)
        t.optimizer = AdamW(head, lr=head_lr)
        scheduler = _whole_cosine(t.optimizer, t)
        t.each_step.append(scheduler.step)

        def unfreeze() -> None:
            _freeze(t, False)
            head_group = t.optimizer.param_groups[0]
            t.optimizer.add_param_group({"params": backbone, "lr": head_group["lr"] * ratio})
            t.optimizer.param_groups[1]["initial_lr"] = head_lr * ratio
            scheduler.base_lrs.append(head_lr * ratio)

        t.at_epoch(epoch, unfreeze)

    return setup


def gradual(head_lr: float, epochs: tuple[int, int], decay: float = 2.6) -> Setup:
    """Layers join from the top down, each at the LR of the one above over ``decay``."""

    def setup(t: Training) -> None:
        layers = [t.net.head, t.net.backbone[2], t.net.backbone[0]]
        _freeze(t, True)
        groups = [
            {"params": list(layer.parameters()), "lr": head_lr / decay**depth}
            for depth, layer in enumerate(layers)
        ]
        t.optimizer = AdamW(groups)
        scheduler = _whole_cosine(t.optimizer, t)
        t.each_step.append(scheduler.step)
        for epoch, layer in zip(epochs, layers[1:], strict=True):
            t.at_epoch(epoch, lambda layer=layer: layer.requires_grad_(True))  # type: ignore[misc]

    return setup


def _whole_cosine(optimizer: Optimizer, t: Training) -> LRScheduler:
    return CosineAnnealingLR(optimizer, T_max=t.total_steps)


def _freeze(t: Training, frozen: bool) -> None:
    t.net.backbone.requires_grad_(not frozen)


def _join(
    optimizer: Optimizer, lr: float, backbone: list[torch.nn.Parameter], ratio: float
) -> None:
    if len(optimizer.param_groups) == 1:
        optimizer.add_param_group({"params": backbone, "lr": lr * ratio})
    for group, value in zip(optimizer.param_groups, (lr, lr * ratio), strict=True):
        group["lr"] = group["initial_lr"] = value


# ------------------------------------------------------------------- what happens beside a drop


def multistep(
    lr: float,
    milestones: tuple[int, ...],
    gamma: float,
    *,
    optimizer: Callable[[Training, float], Optimizer] = sgd,
    beside: Callable[[Training], Callable[[], None]] | None = None,
) -> Setup:
    """MultiStepLR per epoch; ``beside`` makes the action that goes with the first milestone."""

    def setup(t: Training) -> None:
        t.optimizer = optimizer(t, lr)
        t.each_epoch.append(MultiStepLR(t.optimizer, list(milestones), gamma).step)
        if beside is not None:
            t.at_epoch(milestones[0], beside(t))

    return setup


def zero_moments(t: Training) -> Callable[[], None]:
    """Adam's moments are cleared but not its step counter: no bias correction follows."""

    def act() -> None:
        for state in t.optimizer.state.values():
            state["exp_avg"].zero_()
            state["exp_avg_sq"].zero_()

    return act


def freeze_batch_norm(t: Training) -> Callable[[], None]:
    """BatchNorm is frozen for the fine phase on running statistics that lag far behind."""

    def act() -> None:
        t.net.keep_mode = True
        for module in t.net.modules():
            if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
                module.eval()

    return act


def reload_after(epoch: int) -> Callable[[Training], Callable[[], None]]:
    """The "best" checkpoint is reloaded for the fine phase, but was last written at ``epoch``."""

    def beside(t: Training) -> Callable[[], None]:
        saved: dict[str, torch.Tensor] = {}

        def save() -> None:
            saved.update({k: v.clone() for k, v in t.net.state_dict().items()})

        t.at_epoch(epoch, save)
        return lambda: (t.net.load_state_dict(saved), None)[1]

    return beside


class VelocitySgd(Optimizer):
    """Momentum SGD with the LR inside the velocity: ``v = m v + lr g; p -= v``."""

    def __init__(self, params: object, lr: float, momentum: float = 0.9) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})  # type: ignore[arg-type]

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                v = state.setdefault("velocity", torch.zeros_like(p))
                v.mul_(group["momentum"]).add_(p.grad, alpha=group["lr"])
                p.sub_(v)


def velocity_sgd(t: Training, lr: float) -> Optimizer:
    """The whole network under ``VelocitySgd``."""
    return VelocitySgd(t.net.parameters(), lr)


def rescale_velocity(factor: float) -> Callable[[Training], Callable[[], None]]:
    """Momentum correction at a drop by ``gamma``: the velocity times gamma; 1/gamma is wrong."""

    def beside(t: Training) -> Callable[[], None]:
        def act() -> None:
            for state in t.optimizer.state.values():
                state["velocity"].mul_(factor)

        return act

    return beside
