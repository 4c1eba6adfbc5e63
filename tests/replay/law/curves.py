"""LR curves and the losses that a multi-power law gives them."""

from __future__ import annotations

import numpy as np

from lrdoctor.replay.law import LossRun, LrPath

STEPS = 10_000.0
PEAK = 3e-4


def cosine(t: np.ndarray, length: float = STEPS, floor: float = 0.0) -> np.ndarray:
    """Half a cosine from the peak after 2 % of warm-up."""
    warm = 0.02 * length
    share = np.clip((t - warm) / (length - warm), 0, 1)
    decay = floor + (1 - floor) * 0.5 * (1 + np.cos(np.pi * share))
    return PEAK * np.where(t < warm, t / warm, decay)


def cooled(t: np.ndarray, share: float = 0.2) -> np.ndarray:
    """Constant with a linear decay over the last ``share``."""
    warm = np.minimum(t / (0.02 * STEPS), 1.0)
    return PEAK * np.minimum(warm, np.clip((STEPS - t) / (share * STEPS), 0, 1))


def warmed(t: np.ndarray) -> np.ndarray:
    """Constant after the warm-up."""
    return PEAK * np.minimum(t / (0.02 * STEPS), 1.0)


def loss_under(lr, steps: np.ndarray, *, noise: float = 0.0, seed: int = 0) -> np.ndarray:  # type: ignore[no-untyped-def]
    """A multi-power law written out as its paper has it, summed step by step."""
    t = np.arange(0.0, STEPS + 1, 10)
    eta = lr(t)
    spent = np.concatenate([[0.0], np.cumsum((eta[1:] + eta[:-1]) / 2 * 10)])
    total = PEAK * STEPS
    losses = []
    for step in steps:
        k = int(step // 10)
        since = (spent[k] - spent[1 : k + 1]) / total
        fall = (eta[:k] - eta[1 : k + 1]) / PEAK
        rate = 200.0 * np.maximum(eta[1 : k + 1] / PEAK, 1e-6) ** -0.5
        won = np.sum(fall * (1 - (1 + rate * since) ** -0.7))
        losses.append(2.5 + 0.2 * (spent[k] / total) ** -0.5 - 0.15 * won)
    jitter = np.random.default_rng(seed).normal(0, noise, len(steps))
    return np.array(losses) + jitter


def run_of(lr, *, noise: float = 0.0, every: int = 50) -> LossRun:  # type: ignore[no-untyped-def]
    """A log of losses and LRs at every ``every`` steps."""
    t = np.arange(every, STEPS + 1, every)
    return LossRun(t, lr(t), t, loss_under(lr, t, noise=noise))


def path_of(lr) -> LrPath:  # type: ignore[no-untyped-def]
    t = np.arange(50.0, STEPS + 1, 50)
    return LrPath(t, lr(t), 50 * lr(np.array([50.0]))[0] / 2)
