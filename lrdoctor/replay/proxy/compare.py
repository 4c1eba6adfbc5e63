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
    bootstrap interval, and ``verdict``: "better", "worse" or "no effect"."""

    baseline: float
    candidate: float
    gain: float
    interval: tuple[float, float]
    seeds: int
    verdict: str


def final_losses(loss: Array) -> Array:
    """Mean loss of the last 5 % of the steps: float64[..., steps] -> float64[...]."""
    tail = max(int(loss.shape[-1] * _LAST), 1)
    return np.asarray(loss[..., -tail:].mean(axis=-1))


def compare(baseline: Array, candidate: Array, seed: int = 0) -> Comparison:
    """``baseline``, ``candidate``: float64[seeds, steps], paired by seed; NaN pairs are left out.

    A training that diverged counts with the loss it had reached. Raises ``ValueError`` without a
    pair.
    """
    before, after = final_losses(baseline), final_losses(candidate)
    keep = np.isfinite(before) & np.isfinite(after)
    if not keep.any():
        raise ValueError("no pair of trainings was completed")
    gains = (before - after)[keep]
    rng = np.random.default_rng(seed)
    drawn = rng.choice(gains, size=(_RESAMPLES, len(gains))).mean(axis=1)
    # Means of resamples spread too little by sqrt((n - 1) / n), which few seeds would show.
    drawn = gains.mean() + (drawn - gains.mean()) * np.sqrt(len(gains) / max(len(gains) - 1, 1))
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    # One pair has no spread, and so no interval that could leave out 0.
    verdict = "no effect" if low <= 0 <= high or len(gains) < 2 else "better"
    verdict = "worse" if verdict == "better" and high < 0 else verdict
    return Comparison(
        float(before[keep].mean()),
        float(after[keep].mean()),
        float(gains.mean()),
        (float(low), float(high)),
        len(gains),
        verdict,
    )
