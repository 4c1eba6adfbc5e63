"""Look-alikes: healthy trainings that share a trait with a fault. None deserves a warning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    PolynomialLR,
    SequentialLR,
)

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import Recipe, Training
from benchmarks.accuracy.scene import Draw, Sample, Scene, nearby
from benchmarks.accuracy.tasks import Digits, Sequences, Task, Teacher, Transfer


def _task(draw: Draw) -> Task:
    return Digits() if draw.integers(2) else Teacher()


def _recipe(
    setup: scripts.Setup, epochs: int, lr: float, scheduler: str, **config: object
) -> Recipe:
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": scheduler}
    return Recipe(setup, epochs, intent={**intent, **config})  # type: ignore[dict-item]


def onecycle(draw: Draw) -> Scene:
    """OneCycleLR over the whole run, peak where it was asked for."""
    epochs, lr, pct = int(draw.integers(15, 28)), 0.05, float(draw.choice([0.1, 0.2, 0.3, 0.45]))
    k = int(draw.choice([1, 2, 4]))
    recipe = _recipe(scripts.onecycle(lr, pct), epochs, lr, "OneCycleLR", max_lr=lr, pct_start=pct)
    intent = {**recipe.intent, "accumulate_grad_batches": k}
    return Scene(_task(draw), replace(recipe, accumulation=k, intent=intent))


def warmup_cosine(draw: Draw) -> Scene:
    """Linear warm-up and cosine decay per step on a small transformer."""
    epochs, lr = int(draw.integers(12, 18)), nearby(draw, 2e-3)
    setup = scripts.scheduled(lr, _warmup_cosine(0.1), per="step", optimizer=scripts.adamw)
    intent = {"learning_rate": lr, "warmup_ratio": 0.1, "lr_scheduler_type": "cosine"}
    recipe = Recipe(setup, epochs, batch_size=16, intent=intent, optimizer="AdamW")
    return Scene(Sequences(samples=384), recipe, ("trainer_state",))


def _warmup_cosine(share: float) -> scripts.MakeScheduler:
    def make(o: Optimizer, t: Training) -> LRScheduler:
        warmup = max(1, int(share * t.total_steps))

        def factor(step: int) -> float:
            if step < warmup:
                return step / warmup
            done = (step - warmup) / max(1, t.total_steps - warmup)
            return 0.5 * (1 + float(np.cos(np.pi * min(1.0, done))))

        return LambdaLR(o, factor)

    return make


def linear_decay(draw: Draw) -> Scene:
    """A fine-tuning's linear decay to 0 after a short warm-up."""
    epochs, lr = int(draw.integers(6, 12)), 2e-3
    setup = scripts.scheduled(
        lr,
        lambda o, t: LambdaLR(
            o, lambda s: min(1.0, (s + 1) / 10) * max(0.0, 1 - s / t.total_steps)
        ),
        per="step",
        optimizer=scripts.adamw,
    )
    intent = {"learning_rate": lr, "warmup_steps": 10, "lr_scheduler_type": "linear"}
    recipe = Recipe(setup, epochs, batch_size=16, intent=intent, optimizer="AdamW")
    return Scene(Sequences(samples=384), recipe, ("trainer_state",))


def multistep(draw: Draw) -> Scene:
    """Two drops by ten, each with the usual sharp fall of the loss."""
    epochs = int(draw.integers(24, 36))
    milestones = (epochs // 2, epochs * 3 // 4)
    lr = nearby(draw, 0.03)
    setup = scripts.multistep(lr, milestones, 0.1)
    text = ",".join(map(str, milestones))
    return Scene(_task(draw), _recipe(setup, epochs, lr, "MultiStepLR", milestones=text, gamma=0.1))


def sgdr(draw: Draw) -> Scene:
    """Cosine with warm restarts; the loss rises at each restart and falls below."""
    lr, t_mult = nearby(draw, 0.03), int(draw.choice([1, 2]))
    t_0 = 4 if t_mult == 2 else 7
    epochs = 28
    setup = scripts.scheduled(
        lr,
        lambda o, t: CosineAnnealingWarmRestarts(o, t_0 * t.steps_per_epoch, t_mult),
        per="step",
    )
    config = {"T_0": t_0, "T_mult": t_mult}
    return Scene(_task(draw), _recipe(setup, epochs, lr, "CosineAnnealingWarmRestarts", **config))


def wsd(draw: Draw) -> Scene:
    """Warm-up, a long stable phase, a linear decay in the last fifth."""
    epochs, lr = int(draw.integers(18, 28)), nearby(draw, 2e-3)

    def make(o: Optimizer, t: Training) -> LRScheduler:
        total = t.total_steps
        warmup, decay = max(1, total // 20), total // 5

        def factor(s: int) -> float:
            return min((s + 1) / warmup, 1.0, max(0.0, (total - s) / decay))

        return LambdaLR(o, factor)

    setup = scripts.scheduled(lr, make, per="step", optimizer=scripts.adamw)
    return Scene(_task(draw), _recipe(setup, epochs, lr, "wsd", optimizer="AdamW"))


def gradual_unfreezing(draw: Draw) -> Scene:
    """Layers join top down at LRs a factor 2.6 apart under one cosine."""
    epochs, lr = int(draw.integers(24, 32)), nearby(draw, 2e-3)
    stages = (epochs // 5, 2 * epochs // 5)
    recipe = Recipe(
        scripts.gradual(lr, stages),
        epochs,
        intent={"optimizer": "AdamW", "lr": lr, "unfreeze_epoch": stages[0]},
        groups=("head", "block2", "block1"),
        optimizer="AdamW",
    )
    return Scene(Transfer(), recipe)


def unfreezing(draw: Draw) -> Scene:
    """The backbone joins at a tenth of the head's LR and both go on by one cosine."""
    epochs, lr = int(draw.integers(24, 32)), nearby(draw, 2e-3)
    at = int(epochs * draw.uniform(0.2, 0.35))
    recipe = Recipe(
        scripts.joining(lr, at, ratio=float(draw.choice([0.05, 0.1, 0.3, 1.0]))),
        epochs,
        intent={"optimizer": "AdamW", "lr": lr, "unfreeze_epoch": at},
        groups=("head", "backbone"),
        optimizer="AdamW",
    )
    return Scene(Transfer(), recipe)


def noisy(draw: Draw) -> Scene:
    """Batches of four: the loss jumps about its falling trend."""
    epochs, lr = int(draw.integers(8, 12)), nearby(draw, 0.006)
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    recipe = replace(_recipe(setup, epochs, lr, "CosineAnnealingLR"), batch_size=4)
    return Scene(_task(draw), recipe)


def in_progress(draw: Draw) -> Scene:
    """A sound warm-up and cosine of which only a part has been trained so far."""
    scene = warmup_cosine(draw)
    epochs = 30
    done = int(epochs * draw.uniform(0.12, 0.5))
    return replace(scene, recipe=replace(scene.recipe, epochs=epochs, stop_after=done))


def onecycle_in_progress(draw: Draw) -> Scene:
    """A sound OneCycle that has not come to its peak yet, or just has."""
    scene = onecycle(draw)
    done = max(4, int(scene.recipe.epochs * draw.uniform(0.2, 0.6)))
    return replace(scene, recipe=replace(scene.recipe, stop_after=done))


def early_stopped(draw: Draw) -> Scene:
    """A small training set is overfitted under cosine; early stopping ends the run."""
    epochs, lr = 60, nearby(draw, 0.02)
    setup = scripts.scheduled(lr, lambda o, t: CosineAnnealingLR(o, epochs))
    recipe = _recipe(setup, epochs, lr, "CosineAnnealingLR", early_stopping_patience=8)
    return Scene(Teacher(samples=384, noise=0.3), replace(recipe, patience=8))


def short_constant(draw: Draw) -> Scene:
    """A fine-tuning of five epochs at one LR."""
    lr = nearby(draw, 1e-3)

    def setup(t: Training) -> None:
        t.optimizer = scripts.adamw(t, lr)

    recipe = Recipe(
        setup,
        5,
        batch_size=8,
        intent={"optimizer": "AdamW", "lr": lr, "max_epochs": 5},
        optimizer="AdamW",
    )
    return Scene(Transfer(), recipe)


def plateau_reduced(draw: Draw) -> Scene:
    """ReduceLROnPlateau that cuts where the validation loss stands still."""
    epochs, lr = int(draw.integers(40, 60)), nearby(draw, 0.03, 0.8, 1.2)
    patience = int(draw.integers(4, 8))
    config = {"patience": patience, "factor": float(draw.choice([0.1, 0.3, 0.5]))}
    setup = scripts.plateau(lr, min_lr=1e-3 * lr, **config)
    return Scene(
        Teacher(noise=0.5, width=8), _recipe(setup, epochs, lr, "ReduceLROnPlateau", **config)
    )


def still_improving(draw: Draw) -> Scene:
    """One small LR, a loss that goes on falling all run long."""
    epochs, lr = int(draw.integers(25, 40)), nearby(draw, 0.003)
    setup = scripts.scheduled(lr, lambda o, t: ConstantLR(o, 1.0))
    return Scene(
        Digits() if draw.integers(2) else Teacher(noise=0.02),
        _recipe(setup, epochs, lr, "constant"),
    )


def noise_limited(draw: Draw) -> Scene:
    """A short run at one small LR, soon on the floor that the label noise sets."""
    epochs, lr = int(draw.integers(12, 20)), nearby(draw, 0.004)
    setup = scripts.scheduled(lr, lambda o, t: ConstantLR(o, 1.0))
    return Scene(Teacher(noise=0.8, width=8), _recipe(setup, epochs, lr, "constant"))


def exponential(draw: Draw) -> Scene:
    """A gentle exponential per epoch down to some percent."""
    epochs, lr = int(draw.integers(25, 40)), nearby(draw, 0.03)
    gamma = round(float(draw.uniform(0.02, 0.1)) ** (1 / epochs), 3)
    setup = scripts.scheduled(lr, lambda o, t: ExponentialLR(o, gamma))
    return Scene(_task(draw), _recipe(setup, epochs, lr, "ExponentialLR", gamma=gamma))


def polynomial(draw: Draw) -> Scene:
    """Polynomial decay of power 0.9 over the whole run, as segmentation nets use it."""
    epochs, lr = int(draw.integers(20, 30)), nearby(draw, 0.03)
    setup = scripts.scheduled(
        lr, lambda o, t: PolynomialLR(o, t.total_steps, power=0.9), per="step"
    )
    return Scene(_task(draw), _recipe(setup, epochs, lr, "PolynomialLR", power=0.9))


def inverse_sqrt(draw: Draw) -> Scene:
    """Warm-up and inverse square root."""
    epochs, lr = int(draw.integers(14, 20)), nearby(draw, 3e-3)
    warmup = int(draw.integers(30, 60))
    setup = scripts.scheduled(
        lr,
        lambda o, t: LambdaLR(o, lambda s: min((s + 1) / warmup, (warmup / (s + 1)) ** 0.5)),
        per="step",
        optimizer=scripts.adamw,
    )
    intent = {"learning_rate": lr, "warmup_steps": warmup}
    return Scene(
        _task(draw),
        Recipe(setup, epochs, intent={**intent, "max_epochs": epochs}, optimizer="AdamW"),
    )


def warmup_multistep(draw: Draw) -> Scene:
    """LinearLR warm-up joined to drops, the detection recipe."""
    epochs, lr = int(draw.integers(20, 28)), nearby(draw, 0.03)
    milestones = [epochs * 2 // 3, epochs * 9 // 10]

    def make(o: Optimizer, t: Training) -> LRScheduler:
        n = t.steps_per_epoch
        warm = LinearLR(o, 0.01, total_iters=n)
        drops = LambdaLR(o, lambda s: 0.1 ** sum(s + n >= m * n for m in milestones))
        return SequentialLR(o, [warm, drops], milestones=[n])

    setup = scripts.scheduled(lr, make, per="step")
    config = {"milestones": ",".join(map(str, milestones)), "gamma": 0.1, "warmup_epochs": 1}
    return Scene(_task(draw), _recipe(setup, epochs, lr, "MultiStepLR", **config))


def yolo(draw: Draw) -> Scene:
    """Three groups with linear decay; the bias group falls from 0.1 while the others warm up."""
    epochs, lr = int(draw.integers(24, 36)), nearby(draw, 0.01)
    lrf, warmup = 0.01, 3

    def setup(t: Training) -> None:
        weights = [p for p in t.net.parameters() if p.ndim > 1]
        biases = [p for p in t.net.parameters() if p.ndim == 1]
        t.optimizer = SGD(
            [{"params": weights}, {"params": biases[:1]}, {"params": biases[1:]}],
            lr=lr,
            momentum=0.9,
            nesterov=True,
        )

        def advance() -> None:
            ramp = warmup * t.steps_per_epoch
            target = lr * (1 - t.step / t.total_steps * (1 - lrf))
            share = min(1.0, t.step / ramp)
            for index, group in enumerate(t.optimizer.param_groups):
                start = 0.1 if index == 2 else 0.0
                group["lr"] = start + (target - start) * share

        t.each_step.append(advance)

    intent = {"lr0": lr, "lrf": lrf, "warmup_epochs": warmup, "warmup_bias_lr": 0.1}
    recipe = Recipe(setup, epochs, intent=intent, groups=("pg0", "pg1", "pg2"))
    return Scene(Digits(boxes=True, convolution=True), recipe, ("ultralytics_csv",))


LOOKALIKES: tuple[Callable[[Draw], Scene], ...] = (
    onecycle,
    warmup_cosine,
    linear_decay,
    multistep,
    sgdr,
    wsd,
    gradual_unfreezing,
    unfreezing,
    noisy,
    in_progress,
    onecycle_in_progress,
    early_stopped,
    short_constant,
    plateau_reduced,
    still_improving,
    noise_limited,
    exponential,
    polynomial,
    inverse_sqrt,
    warmup_multistep,
    yolo,
)

SAMPLES = (
    Sample("warmup-cosine", warmup_cosine, "trainer_state", shows="LR near 0 at both ends"),
    Sample(
        "in-progress",
        in_progress,
        "trainer_state",
        seed=2,
        shows="12 of 30 epochs: the decay has hardly begun",
    ),
    Sample("sgdr", sgdr, "tensorboard", shows="the LR jumps up three times, the loss with it"),
    Sample("wsd", wsd, "json_lines", shows="constant for three quarters, then down to 0"),
    Sample(
        "gradual-unfreezing",
        gradual_unfreezing,
        "tensorboard",
        shows="layers join one after the other at lower LRs",
    ),
    Sample("noisy-healthy", noisy, "lightning_csv", shows="batches of four: the loss jumps about"),
    Sample(
        "yolo-healthy",
        yolo,
        "ultralytics_csv",
        shows="the bias group's LR falls from 0.1 in the warm-up while the others rise; no total "
        "loss is logged",
    ),
    Sample(
        "early-stopped",
        early_stopped,
        "json_lines",
        shows="overfitting ends the run at a quarter of its plan, LR still high",
    ),
    Sample(
        "short-constant",
        short_constant,
        "lightning_csv",
        shows="one LR for a fine-tuning of five epochs",
    ),
    Sample(
        "still-improving",
        still_improving,
        "tensorboard",
        shows="one LR throughout, and a loss that goes on falling",
    ),
    Sample(
        "noise-limited",
        noise_limited,
        "json_lines",
        shows="a short run at one LR, its loss on the floor of the label noise",
    ),
)
