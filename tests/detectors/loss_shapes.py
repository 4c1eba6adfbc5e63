"""Losses with an event, shared by the tests of the rules on losses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import falling

Shape = Callable[[np.ndarray], np.ndarray]


def eventful(shape: Shape, *, noise: float = 0.02, seed: int = 0, every: int = 1) -> RunBuilder:
    """A falling loss over 1,000 steps times ``shape``, with noise; no LR is logged."""
    return (
        a_run().steps(0, 1000, every).loss(lambda t: falling(t) * shape(t), noise=noise, seed=seed)
    )


def step_at(place: float, ratio: float) -> Shape:
    """1 before, ``ratio`` from ``place`` on."""
    return lambda t: np.where(t >= place, ratio, 1.0)


def spike_at(place: float, ratio: float, lasts: float) -> Shape:
    """Jumps to ``ratio`` at ``place`` and decays back to 1 in about ``lasts`` steps."""
    return lambda t: (
        1 + (ratio - 1) * np.where(t >= place, np.exp(-3 * np.maximum(t - place, 0) / lasts), 0.0)
    )
