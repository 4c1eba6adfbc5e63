"""Look-alikes of losses that diverge, become NaN, step up or spike."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, CosineAnnealingWarmRestarts

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import Recipe, Training
from benchmarks.accuracy.scene import Draw, Scene, nearby
from benchmarks.accuracy.tasks import Digits, Task, Teacher


def _task(draw: Draw) -> Task:
    return Digits() if draw.integers(2) else Teacher()


def _intent(epochs: int, lr: float, scheduler: str) -> dict[str, object]:
    return {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": scheduler}


class SkippingSgd(torch.optim.SGD):
    """SGD under a gradient scaler: a step whose gradients are not finite is skipped."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update, or none."""
        grads = [p.grad for g in self.param_groups for p in g["params"] if p.grad is not None]
        if all(bool(torch.isfinite(g).all()) for g in grads):
            super().step(closure)


def broken_sample(draw: Draw) -> Scene:
    """One sample is infinite: mixed precision skips its batch once an epoch."""
    epochs, lr = int(draw.integers(10, 20)), nearby(draw, 0.03)

    def setup(t: Training) -> None:
        t.optimizer = SkippingSgd(t.net.parameters(), lr=lr, momentum=0.9)
        t.each_epoch.append(CosineAnnealingLR(t.optimizer, epochs).step)
        start = int(draw.integers(1, 4)) * t.steps_per_epoch

        def overflow(net: torch.nn.Module, args: object, out: torch.Tensor) -> torch.Tensor:
            hit = net.training and t.step >= start and (t.step + 7) % t.steps_per_epoch == 0
            return out * torch.inf if hit else out

        t.net.register_forward_hook(overflow)

    intent = _intent(epochs, lr, "CosineAnnealingLR")
    return Scene(Teacher(), Recipe(setup, epochs, intent=intent), ("tensorboard", "json_lines"))


def large_restart(draw: Draw) -> Scene:
    """Warm restarts at an LR at which the loss goes back up most of the way, stopped soon after
    the last restart."""
    epochs, lr = int(draw.choice([15, 22])), nearby(draw, 0.05)

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        restarts = CosineAnnealingWarmRestarts(t.optimizer, 7 * t.steps_per_epoch)
        t.each_step.append(restarts.step)

    intent = {**_intent(epochs, lr, "CosineAnnealingWarmRestarts"), "T_0": 7}
    return Scene(_task(draw), Recipe(setup, epochs, intent=intent))


def tiny_batches(draw: Draw) -> Scene:
    """Batches of two: the noise of the loss is larger than its level and has a heavy tail."""
    epochs, lr = int(draw.integers(5, 9)), nearby(draw, 0.003)
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    recipe = Recipe(setup, epochs, batch_size=2, intent=_intent(epochs, lr, "CosineAnnealingLR"))
    return Scene(_task(draw), recipe)


def growing_noise(draw: Draw) -> Scene:
    """Augmentation that grows a little with every epoch: the loss ends slightly above its best."""
    epochs, lr = int(draw.integers(24, 34)), nearby(draw, 0.02)

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        t.each_epoch.append(CosineAnnealingLR(t.optimizer, epochs).step)

        def stronger() -> None:
            t.net[0].sigma *= 1.008  # type: ignore[index, operator, union-attr]

        t.each_epoch.append(stronger)

    return Scene(Digits(), Recipe(setup, epochs, intent=_intent(epochs, lr, "CosineAnnealingLR")))


def clipped_high_lr(draw: Draw) -> Scene:
    """A high LR under gradient clipping: rough, and falling all the same."""
    epochs, lr = int(draw.integers(18, 28)), nearby(draw, 0.1)

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        t.each_epoch.append(CosineAnnealingLR(t.optimizer, epochs).step)

        def clip(optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
            torch.nn.utils.clip_grad_norm_(t.net.parameters(), 0.2)

        t.optimizer.register_step_pre_hook(clip)

    intent = {**_intent(epochs, lr, "CosineAnnealingLR"), "gradient_clip_val": 0.2}
    return Scene(_task(draw), Recipe(setup, epochs, intent=intent))


def swings_then_settles(draw: Draw) -> Scene:
    """A high LR on which the validation loss swings for half of the run, until the cosine stills
    it."""
    epochs, lr = int(draw.integers(36, 50)), nearby(draw, 0.4)
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    recipe = Recipe(setup, epochs, intent=_intent(epochs, lr, "CosineAnnealingLR"))
    return Scene(Digits(batch_norm=True), recipe)


def accumulated_and_augmented(draw: Draw) -> Scene:
    """Accumulation, and an augmentation that makes the training loss a multiple of the other."""
    epochs, lr, k = int(draw.integers(16, 26)), nearby(draw, 0.04), int(draw.choice([2, 4]))
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    intent = {**_intent(epochs, lr, "CosineAnnealingLR"), "accumulate_grad_batches": k}
    recipe = Recipe(setup, epochs, batch_size=16, accumulation=k, intent=intent)
    return Scene(Digits(noise=float(draw.choice([1.0, 1.3]))), recipe)


def hopeless_noise(draw: Draw) -> Scene:
    """Labels that are nearly all noise: a flat loss, and all there is to learn is learned."""
    epochs, lr = int(draw.integers(22, 32)), nearby(draw, 0.003)
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    recipe = Recipe(setup, epochs, intent=_intent(epochs, lr, "CosineAnnealingLR"))
    return Scene(Teacher(noise=2.0, width=8, samples=2048), recipe)


LOOKALIKES: tuple[Callable[[Draw], Scene], ...] = (
    broken_sample,
    large_restart,
    tiny_batches,
    growing_noise,
    clipped_high_lr,
    swings_then_settles,
    accumulated_and_augmented,
    hopeless_noise,
)
