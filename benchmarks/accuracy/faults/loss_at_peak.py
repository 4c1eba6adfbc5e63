"""LRD202 and LRD408: an LR at which the loss rises, or swings to the end."""

from __future__ import annotations

import math

import numpy as np
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LambdaLR, OneCycleLR

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import History, Recipe, Training
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.symptoms import final_loss
from benchmarks.accuracy.tasks import Digits, Teacher


def onecycle_lr_too_high(draw: Draw, faulty: bool) -> Scene:
    """OneCycleLR with a max_lr several times the one that a range test would give."""
    task, epochs = Digits(), int(draw.integers(20, 30))
    lr, pct, times = nearby(draw, 4e-3), float(draw.choice([0.3, 0.4])), draw.choice([8.0, 12.0])
    top = float(f"{lr * (times if faulty else 1):.2g}")
    intent = {
        "optimizer": "AdamW",
        "scheduler": "OneCycleLR",
        "max_lr": top,
        "pct_start": pct,
        "max_epochs": epochs,
    }
    setup = scripts.scheduled(
        top,
        lambda o, t: OneCycleLR(
            o, top, total_steps=t.total_steps + 1, pct_start=pct, cycle_momentum=False
        ),
        per="step",
        optimizer=scripts.adamw,
    )
    return Scene(task, Recipe(setup, epochs, intent=intent, optimizer="AdamW"))


def warmup_lr_too_high(draw: Draw, faulty: bool) -> Scene:
    """Linear warm-up to an LR several times too high, then a cosine to 0."""
    task, epochs = Digits(), int(draw.integers(20, 30))
    lr, share, times = nearby(draw, 4e-3), float(draw.choice([0.2, 0.3])), draw.choice([8.0, 12.0])
    top = float(f"{lr * (times if faulty else 1):.2g}")

    def make(o: scripts.Optimizer, t: Training) -> scripts.LRScheduler:
        ramp = max(1, int(share * t.total_steps))

        def factor(s: int) -> float:
            done = max(0.0, (s - ramp) / max(1, t.total_steps - ramp))
            return min((s + 1) / ramp, 0.5 * (1 + math.cos(math.pi * min(1.0, done))))

        return LambdaLR(o, factor)

    intent = {"optimizer": "AdamW", "lr": top, "max_epochs": epochs, "warmup_ratio": share}
    setup = scripts.scheduled(top, make, per="step", optimizer=scripts.adamw)
    return Scene(task, Recipe(setup, epochs, intent=intent, optimizer="AdamW"))


def unstable_at_peak(faulty: History, control: History) -> bool:
    """The loss gives back half of what it had won on the way up, recovers, and ends worse by a
    fifth than without."""
    if not np.isfinite(faulty.loss).all():
        return False
    lost, recovered = _turn(faulty)
    return lost > 0.5 and recovered and final_loss(faulty) > 1.2 * final_loss(control)


def _turn(history: History) -> tuple[float, bool]:
    """Share of the progress on the way up that is lost at the peak; whether it is won again."""
    smooth = np.convolve(history.loss, np.ones(12) / 12, mode="valid")
    first, top = float(np.mean(history.loss[:5])), int(np.argmax(history.lr["all"]))
    low = int(np.argmin(smooth[: max(2, top)]))
    highest, before = float(smooth[low:].max()), float(smooth[low])
    recovered = final_loss(history) < (before + highest) / 2
    return (highest - before) / max(first - before, 1e-9), recovered


# ------------------------------------------------------------------------------ LRD408, swings

# Logs without an LR: where it is logged and stands still, the rule on plateaus names the cause.
_EPOCHS = ("keras_csv",)


def constant_too_high(draw: Draw, faulty: bool) -> Scene:
    """One LR several times too high for the whole run; BatchNorm keeps the network alive."""
    epochs, lr = int(draw.integers(36, 50)), nearby(draw, 0.02)
    times = float(draw.choice([15.0, 25.0]))
    value = float(f"{lr * (times if faulty else 1):.2g}")
    setup = scripts.scheduled(value, lambda o, t: ConstantLR(o, 1.0))
    intent = {"optimizer": "SGD", "lr": value, "max_epochs": epochs}
    return Scene(Digits(batch_norm=True), Recipe(setup, epochs, intent=intent), _EPOCHS)


def no_decay(draw: Draw, faulty: bool) -> Scene:
    """A high Adam LR that is never lowered; the control decays it by a cosine."""
    epochs, lr = int(draw.integers(36, 50)), nearby(draw, 0.08)
    setup = scripts.scheduled(
        lr,
        lambda o, t: ConstantLR(o, 1.0) if faulty else CosineAnnealingLR(o, epochs),
        optimizer=scripts.adamw,
    )
    intent = {"optimizer": "AdamW", "lr": lr, "max_epochs": epochs}
    recipe = Recipe(setup, epochs, intent=intent, optimizer="AdamW")
    return Scene(Teacher(noise=0.05), recipe, _EPOCHS)


def swings_in_validation(faulty: History, control: History) -> bool:
    """The validation loss of the last half swings twice as far as the control's, by a tenth of
    itself at least, and ends a tenth worse."""
    swing = [_swing(h.val_loss[len(h.val_loss) // 2 :]) for h in (faulty, control)]
    worse = float(np.mean(faulty.val_loss[-8:])) > 1.1 * float(np.mean(control.val_loss[-8:]))
    return swing[0] > max(0.1, 2 * swing[1]) and worse


def _swing(loss: np.ndarray) -> float:
    return float(np.std(np.diff(np.log(loss))) / np.sqrt(2))


INJECTIONS = (
    Injection("LRD202", onecycle_lr_too_high, unstable_at_peak),
    Injection("LRD202", warmup_lr_too_high, unstable_at_peak),
    Injection("LRD408", constant_too_high, swings_in_validation, also=("LRD402",)),
    Injection("LRD408", no_decay, swings_in_validation, also=("LRD402",)),
)
SAMPLES = (
    *sample_pair(
        ("onecycle-lr-too-high", "onecycle-lr-fitting"),
        onecycle_lr_too_high,
        "trainer_state",
        "LRD202",
        "`max_lr` is ten times too high: on the way to the peak everything learned is lost again.",
    ),
    *sample_pair(
        ("swings-at-high-lr", "calm-at-low-lr"),
        constant_too_high,
        "keras_csv",
        "LRD408",
        "One LR, far too high, to the end: the validation loss swings. No LR is logged.",
        seed=3,
    ),
)
