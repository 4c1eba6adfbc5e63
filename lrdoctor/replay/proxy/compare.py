"""Paired statistics over seeds: what a candidate gains on the proxy, or that nothing shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.types import Array, _Value

_RESAMPLES = 4000
_LAST = 0.05
_LEVEL = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Comparison(_Value):
    """Final losses over ``seeds`` pairs: means, the gain (baseline less candidate) with its 95 %
    bootstrap interval, that of the candidate's loss (``spread``), and ``verdict``: "better",
    "worse" or "no effect"."""

    baseline: float
    candidate: float
    gain: float
    interval: tuple[float, float]
    spread: tuple[float, float]
    seeds: int
    verdict: str


def final_losses(loss: Array) -> Array:
    """Mean loss of the last 5 % of the steps: float64[..., steps] -> float64[...]."""
    tail = max(int(loss.shape[-1] * _LAST), 1)
    return np.asarray(loss[..., -tail:].mean(axis=-1))


def compare(baseline: Array, candidate: Array, seed: int = 0, least: float = 0.0) -> Comparison:
    """``baseline``, ``candidate``: float64[seeds, steps], paired by seed; NaN pairs are left out.

    A mean gain of ``least`` or less is no effect, however sure its sign. Raises ``ValueError``
    without a pair.
    """
    before, after = final_losses(baseline), final_losses(candidate)
    keep = np.isfinite(before) & np.isfinite(after)
    if not keep.any():
        raise ValueError("no pair of trainings was completed")
    before, after = before[keep], after[keep]
    gains = before - after
    gain, interval = float(gains.mean()), _interval(gains, seed)
    # One pair has no spread, and so no interval that could leave out 0.
    shows = len(gains) > 1 and abs(gain) > least and not interval[0] <= 0 <= interval[1]
    return Comparison(
        float(before.mean()),
        float(after.mean()),
        gain,
        interval,
        _interval(after, seed),
        len(gains),
        ("better" if gain > 0 else "worse") if shows else "no effect",
    )


def _interval(values: Array, seed: int) -> tuple[float, float]:
    """Bootstrap interval of the mean."""
    count, mean = len(values), values.mean()
    drawn = np.random.default_rng(seed).choice(values, size=(_RESAMPLES, count)).mean(axis=1)
    # Means of resamples spread too little by sqrt((n - 1) / n), which few seeds would show.
    drawn = mean + (drawn - mean) * np.sqrt(count / max(count - 1, 1))
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)
