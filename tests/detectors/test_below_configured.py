"""LR far below the configured one: warm-ups, tails, factors and other settings pass."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, silent

NAME = "below_configured"


def made(curve: object, /, first: int = 0, **settings: object):  # type: ignore[no-untyped-def]
    """A run of 1,000 steps whose LR is ``curve``."""
    run = a_run().steps(first, first + 1000).lr(curve)  # type: ignore[arg-type]
    return run.hparams(**settings).case()  # type: ignore[arg-type]


def tiny(t: np.ndarray) -> np.ndarray:
    return np.minimum(t / 50, 1) * cosine(t, 1000, 1e-6)


def test_far_below() -> None:
    found = evidence(NAME, made(tiny, learning_rate=5e-4))
    assert found.measured["ratio"].value == pytest.approx(500, rel=0.02)
    assert (found.start, found.stop) == (0, 1000)


def test_the_square_of_the_lr() -> None:
    assert "square" in evidence(NAME, made(9e-6, lr=3e-3)).detail
    assert "square" not in evidence(NAME, made(5e-6, lr=3e-3)).detail


def test_a_plateau_scheduler_that_was_quick() -> None:
    case = made(1e-6, lr=3e-3, scheduler="ReduceLROnPlateau")
    assert "may have cut it before the log begins" in evidence(NAME, case).detail


def test_least_ratio_is_the_edge() -> None:
    case = made(1e-6, lr=2e-4)
    assert evidence(NAME, case, least_ratio=199)
    assert silent(NAME, case, least_ratio=201)


@pytest.mark.parametrize(
    "case",
    [
        made(tiny),
        made(tiny, lr=1e-6),
        made(tiny, lr=1.0),
        made(lambda t: 1e-6 * t / 1000, lr=5e-4),
        made(tiny, first=5000, lr=5e-4),
        made(lambda t: 1e-6 / np.sqrt(np.maximum(t, 50)), lr=2.0, lr_scheduler="noam"),
        made(1e-6, lr=5e-4, finetune_lr=1e-6),
        made(1e-6, lr=5e-4, lr_mult=0.002),
        made(1e-4 / 128, lr=1e-4, batch_size=2),
        made(0.0, lr=5e-4),
        made(np.full(1000, np.nan), lr=5e-4),
    ],
    ids=["no intent", "as configured", "a factor", "in warm-up", "a tail", "noam", "another LR",
         "a multiplier", "scaled by batch size", "zero", "nan"],
)  # fmt: skip
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)
