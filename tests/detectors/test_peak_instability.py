"""A loss that turns up at the peak LR: harmful, usual, or with another cause."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, falling, mild, one_cycle, silent

NAME = "peak_instability"


def run(top: float, end: float = 0.0, pct: float = 0.4) -> RunBuilder:
    """OneCycle over 1,000 steps; the loss bulges by ``top`` between steps 250 and 750."""

    def loss(t: np.ndarray) -> np.ndarray:
        bulge = np.clip((t - 250) / 100, 0, 1) * np.clip((750 - t) / 150, 0, 1)
        return falling(t, 60.0) + top * bulge + end * (t > 600)

    return a_run().lr(lambda t: one_cycle(t, 1000, pct)).loss(loss, noise=0.02)


def test_everything_is_lost_at_the_peak() -> None:
    found = evidence(NAME, run(3.0).case())
    assert found.severity is None
    assert 250 <= found.start <= 300
    assert found.measured["given_back"].value > 100
    assert found.measured["lr_at_rise"].value < found.measured["peak"].value


def test_some_rise_is_the_price_of_the_cycle() -> None:
    assert mild(evidence(NAME, run(0.4).case()))


def test_a_run_without_the_rise() -> None:
    assert silent(NAME, run(0.0).case())


def test_a_rise_at_a_constant_lr_or_none() -> None:
    assert silent(NAME, run(3.0).lr(0.1).case())
    assert silent(NAME, a_run().loss().case())


def test_a_rise_that_recovers_while_the_lr_still_rises() -> None:
    assert silent(NAME, run(3.0, pct=0.9).case())


def test_the_share_is_the_edge() -> None:
    case = run(1.0).case()
    share = evidence(NAME, case).measured["given_back"].value / 100
    assert evidence(NAME, case, given_back=share - 0.02).severity is None
    assert mild(evidence(NAME, case, given_back=share + 0.02))


@pytest.mark.parametrize("stop", [300, 450])
def test_a_run_in_progress(stop: int) -> None:
    made = a_run().steps(0, stop).lr(lambda t: one_cycle(t, 1000, 0.4))
    assert silent(NAME, made.loss(lambda t: falling(t) + (t > 260)).case())
