"""Scripts with param groups: a pretrained backbone and a new head at LRs of their own."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from benchmarks.accuracy.lab import Setup, Training

MakeScheduler = Callable[[Optimizer, Training], LRScheduler]


def cosine(o: Optimizer, t: Training) -> LRScheduler:
    """One cosine over the whole training, per step."""
    return CosineAnnealingLR(o, T_max=t.total_steps)


def grouped(
    lrs: tuple[float, ...],
    make: MakeScheduler | None = cosine,
    *,
    per: str = "step",
    momentum: bool = False,
    unfreeze: int | None = None,
) -> Setup:
    """Head and backbone (or head and two blocks) in one optimizer under one scheduler.

    ``momentum`` takes SGD instead of AdamW. Until the epoch ``unfreeze`` the backbone keeps its
    weights (``requires_grad`` is off) whatever LR it shows.
    """

    def setup(t: Training) -> None:
        t.optimizer = grouped_optimizer(t, lrs, momentum)
        if unfreeze is not None:
            t.net.backbone.requires_grad_(False)
            t.at_epoch(unfreeze, lambda: t.net.backbone.requires_grad_(True))
        if make is None:
            return
        scheduler = make(t.optimizer, t)
        {"step": t.each_step, "epoch": t.each_epoch}[per].append(lambda: advance(scheduler))

    return setup


def grouped_optimizer(t: Training, lrs: tuple[float, ...], momentum: bool = False) -> Optimizer:
    """One param group per LR: the head first, then the backbone, whole or from the top down."""
    backbone = [t.net.backbone] if len(lrs) == 2 else [t.net.backbone[2], t.net.backbone[0]]
    groups = [
        {"params": list(part.parameters()), "lr": lr}
        for part, lr in zip((t.net.head, *backbone), lrs, strict=True)
    ]
    return SGD(groups, lr=lrs[0], momentum=0.9) if momentum else AdamW(groups)


def advance(scheduler: LRScheduler) -> None:
    """One step; a OneCycle's past its end is skipped, as scripts do that met its ``ValueError``."""
    total = getattr(scheduler, "total_steps", None)
    if total is None or scheduler.last_epoch < total - 1:
        scheduler.step()


Control = Callable[[Training], Callable[[], None]]


def own_cosine(t: Training) -> Callable[[], None]:
    """A cosine over the training by hand; base LRs as the optimizer has them when it is built."""
    base_lrs = [group["lr"] for group in t.optimizer.param_groups]
    t.base_lrs = base_lrs  # type: ignore[attr-defined]

    def advance_all() -> None:
        share = (1 + math.cos(math.pi * t.step / t.total_steps)) / 2
        for group, base in zip(t.optimizer.param_groups, base_lrs, strict=False):
            group["lr"] = base * share

    return advance_all


def own_drops(milestones: tuple[int, ...], every_group: bool) -> Control:
    """Drops by ten as a training loop writes them, on the first group or on every one."""

    def control(t: Training) -> Callable[[], None]:
        def drop() -> None:
            at = [m * t.steps_per_epoch for m in milestones]
            if t.step in at:
                groups = t.optimizer.param_groups
                for group in groups if every_group else groups[:1]:
                    group["lr"] *= 0.1

        return drop

    return control


def joining(
    head_lr: float, epoch: int, ratio: float, control: Control, *, told: bool = False
) -> Setup:
    """The backbone joins by ``add_param_group`` at ``ratio`` of the head's LR of that moment.

    ``control`` sets the LRs after each step; ``told`` adds the newcomer to the base LRs it keeps.
    """

    def setup(t: Training) -> None:
        t.net.backbone.requires_grad_(False)
        t.optimizer = AdamW(t.net.head.parameters(), lr=head_lr)
        t.each_step.append(control(t))

        def unfreeze() -> None:
            t.net.backbone.requires_grad_(True)
            lr = t.optimizer.param_groups[0]["lr"] * ratio
            t.optimizer.add_param_group({"params": list(t.net.backbone.parameters()), "lr": lr})
            if told:
                t.base_lrs.append(head_lr * ratio)  # type: ignore[attr-defined]

        t.at_epoch(epoch, unfreeze)

    return setup
