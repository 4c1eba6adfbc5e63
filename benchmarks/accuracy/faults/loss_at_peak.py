"""LRD202: a peak LR at which the loss rises, and comes back only when the LR falls."""

from __future__ import annotations

import math

import numpy as np
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import History, Recipe, Training
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.symptoms import final_loss
from benchmarks.accuracy.tasks import Digits


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


INJECTIONS = (
    Injection("LRD202", onecycle_lr_too_high, unstable_at_peak),
    Injection("LRD202", warmup_lr_too_high, unstable_at_peak),
)
SAMPLES = sample_pair(
    ("onecycle-lr-too-high", "onecycle-lr-fitting"),
    onecycle_lr_too_high,
    "trainer_state",
    "LRD202",
    "`max_lr` is several times too high: on the way to the peak everything learned is lost again.",
)
