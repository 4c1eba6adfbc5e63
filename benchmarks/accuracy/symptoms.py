"""Whether an injected fault really did what it does: measured on the run against its control."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.accuracy.lab import History

Symptom = Callable[[History, History], bool]


def final_loss(history: History) -> float:
    """Mean training loss over the last tenth of the optimizer steps."""
    return float(np.mean(history.loss[-max(1, len(history.loss) // 10) :]))


def ends_worse(by: float) -> Symptom:
    """The final training loss is worse than the control's by the fraction ``by``."""
    return lambda faulty, control: final_loss(faulty) > (1 + by) * final_loss(control)


def peak_moved(faulty: History, control: History) -> bool:
    """The largest LR lies elsewhere by 5 % of the run, or stays under half the control's."""
    lr, reference = faulty.lr["all"], control.lr["all"]
    shift = abs(int(np.argmax(lr)) - int(np.argmax(reference))) / len(lr)
    return shift >= 0.05 or lr.max() < 0.5 * reference.max()


def swings(faulty: History, control: History) -> bool:
    """The LR falls under 1 % of its peak and comes back above half of it."""
    lr = faulty.lr["all"] / faulty.lr["all"].max()
    low = np.flatnonzero(lr < 0.01)
    return len(low) > 0 and bool(np.any(lr[low[0] :] > 0.5))


def spikes(faulty: History, control: History) -> bool:
    """After the first drop the loss rises by 20 % and 5 sigma, where the control's does not."""
    ratio, z = jump(faulty)
    calm, _ = jump(control)
    return ratio > 1.2 and z > 5 and calm < 1.1


def jump(history: History) -> tuple[float, float]:
    """Mean loss of the half epoch after the first LR drop over the epoch before it, and how many
    standard errors that is."""
    lr = history.lr["all"]
    at = int(np.flatnonzero(np.diff(lr) < -0.1 * lr[:-1])[0]) + 1
    before = history.loss[at - history.steps_per_epoch : at]
    after = history.loss[at : at + history.steps_per_epoch // 2]
    error = np.std(before) * np.sqrt(1 / len(before) + 1 / len(after))
    ratio = float(np.mean(after) / np.mean(before))
    return ratio, float((np.mean(after) - np.mean(before)) / error)


def stays_flat(faulty: History, control: History) -> bool:
    """The LR never moves, the last quarter is no better than the third by more than 5 %, and the
    control ends 10 % better."""
    lr, loss = faulty.lr["all"], faulty.loss
    quarter = len(loss) // 4
    third, last = np.mean(loss[2 * quarter : 3 * quarter]), np.mean(loss[3 * quarter :])
    unmoved = float(np.ptp(lr)) < 1e-9 * float(lr.max())
    return unmoved and -0.05 < last / third - 1 < 0.15 and ends_worse(0.1)(faulty, control)
