"""Level shifts: found where they are, not found in noise, drift, wander and staircases."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.curves.changepoint import level_shift, recovery
from tests.curves.test_noise import autoregression, white


def test_a_step_is_measured() -> None:
    values = 1.0 + 0.1 * white(200)
    values[100:] += 1.0
    shift = level_shift(values, 100, before=20, after=10)
    assert shift is not None
    assert shift.index == 100
    assert shift.before == pytest.approx(1.0, abs=0.1)
    assert shift.rise == pytest.approx(1.0, abs=0.15)
    assert shift.sigmas > 8
    assert shift.rank == 1.0


def test_a_step_logged_late_is_found_within_the_lag() -> None:
    values = 0.01 * white(100)
    values[52:] += 1.0
    shift = level_shift(values, 50, before=20, after=3, lag=2)
    assert shift is not None and shift.index == 52


@pytest.mark.parametrize("rho", [0.0, 0.8])
@pytest.mark.parametrize("before", [20, 100])
def test_noise_rarely_looks_like_a_step(rho: float, before: int) -> None:
    shifts = [
        level_shift(autoregression(200, rho, seed), before, before=20, after=10, lag=1)
        for seed in range(300)
    ]
    share = np.mean([s is not None and s.sigmas > 4 and not s.rank < 0.98 for s in shifts])
    assert share <= 0.01


def test_a_loss_that_rises_anyway_does_not_count_as_a_step() -> None:
    shift = level_shift(np.linspace(0, 10, 200) + 0.01 * white(200), 100, before=20, after=10)
    assert shift is not None and shift.rise <= 0


def test_an_epoch_staircase_raises_the_bar() -> None:
    stairs = -0.5 * (np.arange(300) // 20) + 0.5 * ((np.arange(300) % 20) / 20)
    shift = level_shift(stairs + 0.02 * white(300), 110, before=20, after=10)
    assert shift is not None and shift.sigmas < 4


def test_too_few_points() -> None:
    assert level_shift(np.arange(10.0), 2, before=20, after=3) is None
    assert level_shift(np.arange(30.0), 29, before=20, after=3) is None
    assert level_shift(np.empty(0), 0, before=20, after=3) is None


def test_flat_without_noise() -> None:
    flat = np.zeros(60)
    shift = level_shift(flat, 30, before=20, after=3)
    assert shift is not None and shift.sigmas == 0
    flat[30:] = 1
    shift = level_shift(flat, 30, before=20, after=3)
    assert shift is not None and shift.sigmas > 10


def test_recovery() -> None:
    values = np.r_[np.zeros(10), np.ones(5), np.zeros(10)]
    assert recovery(values, 10, 0.5, points=2) == 4
    assert recovery(values, 0, 0.5, points=3) == 0
    assert recovery(values[:15], 10, 0.5, points=3) is None
    assert recovery(values, 24, 0.5, points=3) is None


def test_losses_at_the_edge_of_floats_have_no_step() -> None:
    loss = np.where(np.arange(200) % 2, 1.7e308, -1.7e308)
    with np.errstate(all="ignore"):
        assert level_shift(loss, 100, before=20, after=20) is None
