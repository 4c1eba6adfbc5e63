"""Noise estimates against known noise, and on anything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.curves.noise import autocorrelation_time, lag_one, point_sigma, robust_sigma


def white(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 1.0, n)


def autoregression(n: int, rho: float, seed: int = 0) -> np.ndarray:
    shocks, out = white(n, seed), np.zeros(n)
    for i in range(1, n):
        out[i] = rho * out[i - 1] + shocks[i]
    return out


def test_robust_sigma_ignores_a_tenth_of_outliers() -> None:
    values = white(2000)
    values[::10] = 1e6
    assert robust_sigma(values) == pytest.approx(1.0, rel=0.2)


def test_robust_sigma_of_mostly_equal_values_is_their_standard_deviation() -> None:
    assert robust_sigma(np.array([0.0, 0.0, 0.0, 4.0])) == pytest.approx(np.sqrt(3.0))
    assert robust_sigma(np.zeros(5)) == 0.0
    assert np.isnan(robust_sigma(np.empty(0)))


def test_point_sigma_sees_through_a_trend() -> None:
    trend = 50.0 / np.sqrt(1 + np.arange(2000) / 100)
    assert point_sigma(trend + 0.1 * white(2000)) == pytest.approx(0.1, rel=0.1)
    assert np.isnan(point_sigma(np.array([1.0, 2.0])))


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_autocorrelation_time_of_an_autoregression(rho: float) -> None:
    measured = autocorrelation_time(autoregression(5000, rho))
    assert measured == pytest.approx((1 + rho) / (1 - rho), rel=0.15)


def test_alternating_noise_counts_as_white() -> None:
    assert autocorrelation_time(np.array([1.0, -1.0] * 20)) == 1.0


@given(st.lists(st.floats(-1e9, 1e9), max_size=50))
def test_lag_one_stays_in_its_range(values: list[float]) -> None:
    assert 0.0 <= lag_one(np.array(values)) <= 0.95
