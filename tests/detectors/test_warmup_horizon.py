"""T_max that counts the warm-up, T_max that does not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, silent

NAME = "warmup_horizon"


def warmed(t: np.ndarray, t_max: float, warmup: float = 60) -> np.ndarray:
    """SequentialLR of a ramp and a cosine."""
    return np.where(t < warmup, 0.1 * (t + 1) / (warmup + 1), cosine(t - warmup, t_max))


def test_the_last_lr_is_told() -> None:
    found = evidence(NAME, a_run().lr(lambda t: warmed(t, 1000)).hparams(max_steps=1000).case())
    # A warm-up of 6 % leaves (1 - cos(0.06 pi)) / 2 of the peak.
    assert found.measured["lr_share"].value == pytest.approx(0.885, abs=0.01)
    assert found.measured["warmup"].value == pytest.approx(60, abs=1)


def test_a_linear_decay_loses_as_much_as_its_warm_up() -> None:
    run = a_run().lr(lambda t: np.where(t < 100, t / 1e3, 0.1 * (1 - (t - 100) / 1000)))
    found = evidence(NAME, run.hparams(max_steps=1000).case())
    assert found.measured["lr_share"].value == pytest.approx(10, abs=0.2)


def test_the_right_length_and_others_are_quiet() -> None:
    for t_max in (940, 800, 1300):
        run = a_run().lr(lambda t, n=t_max: warmed(t, n)).hparams(max_steps=1000)
        assert silent(NAME, run.case())


def test_without_a_plan_or_a_warm_up_it_is_quiet() -> None:
    assert silent(NAME, a_run().lr(lambda t: warmed(t, 1000)).case())
    assert silent(NAME, a_run().lr(lambda t: cosine(t, 1000)).hparams(max_steps=1000).case())


def test_a_short_warm_up_is_not_missed() -> None:
    run = a_run().lr(lambda t: warmed(t, 1000, warmup=8)).hparams(max_steps=1000)
    assert silent(NAME, run.case())
    assert not silent(NAME, run.case(), least_warmup=0.005, tolerance=0.5)
