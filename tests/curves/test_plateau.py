"""Trends: their coverage, what spikes and correlated noise do to them, and short series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.curves.plateau import fit_trend, student_95
from lrdoctor.curves.smooth import bin_means
from lrdoctor.types import Series
from tests.curves.test_noise import autoregression, white


def series(values: np.ndarray) -> Series:
    return Series("loss", np.arange(len(values)), values)


def test_straight_line_is_found_exactly() -> None:
    trend = fit_trend(series(np.linspace(3.0, 1.0, 101)))
    assert trend is not None
    assert trend.fall == pytest.approx(2.0)
    assert trend.slope == pytest.approx(0.02)
    assert trend.level == pytest.approx(1.0)
    assert trend.falling
    assert trend.points == 101


@pytest.mark.parametrize("rho", [0.0, 0.7])
@pytest.mark.parametrize("n", [20, 400])
def test_flat_noise_is_called_falling_rarely(n: int, rho: float) -> None:
    trends = [fit_trend(series(autoregression(n, rho, seed))) for seed in range(300)]
    share = np.mean([t.falling for t in trends if t is not None])
    # 2.5 % by design; twenty correlated points leave some of it uncorrected.
    assert share <= (0.08 if n == 20 and rho else 0.05)


def test_slow_fall_under_noise_is_found_with_enough_points() -> None:
    fall = np.linspace(1.0, 0.0, 2000)
    trend = fit_trend(series(fall + white(2000)))
    assert trend is not None and trend.falling
    assert trend.fall_low < 1.0 < trend.fall_high


def test_a_tenth_of_spikes_does_not_tilt_the_line() -> None:
    values = 0.01 * white(200)
    values[180:200:2] += 50.0
    trend = fit_trend(series(values))
    assert trend is not None
    assert abs(trend.fall) < 0.05


def test_too_short_or_not_finite() -> None:
    assert fit_trend(series(np.arange(4.0))) is None
    assert fit_trend(series(np.full(100, np.nan))) is None
    mixed = np.linspace(1.0, 0.0, 100)
    mixed[::3] = np.inf
    trend = fit_trend(series(mixed))
    assert trend is not None and trend.falling


@pytest.mark.parametrize(("freedom", "exact"), [(2, 4.303), (5, 2.571), (10, 2.228), (46, 2.013)])
def test_student_quantile(freedom: float, exact: float) -> None:
    assert student_95(freedom) == pytest.approx(exact, rel=0.04)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 60))
def test_bins_cover_every_point_once(values: list[float], bins: int) -> None:
    value = np.array(values)
    at, middle = bin_means(np.arange(len(value)), value, bins)
    assert len(at) == len(middle) == min(bins, len(value))
    assert np.all(np.diff(at) > 0)
    slack = 1e-9 * np.abs(value).max() + np.finfo(float).tiny
    assert value.min() - slack <= middle.min() and middle.max() <= value.max() + slack


def test_means_of_the_middle_half() -> None:
    at, middle = bin_means(np.arange(8), np.array([1.0, 2.0, 4.0, 900.0, 8.0, 5.0, 6.0, 7.0]), 2)
    assert at.tolist() == [1.5, 5.5]
    assert middle.tolist() == [3.0, 6.5]


def test_a_slow_power_law_descends_in_order() -> None:
    """Far from a line and almost free of noise: residuals look like autocorrelated noise."""
    noise = np.random.default_rng(0).normal(0, 1e-4, 4000)
    trend = fit_trend(series(0.65 + 0.2 * np.arange(1, 4001) ** -0.3 + noise))
    assert trend is not None and trend.descends


def test_noise_seldom_descends_in_order() -> None:
    """Kendall's S of eight independent means reaches 20 once in 140 times."""
    trends = [fit_trend(series(white(400, seed))) for seed in range(400)]
    assert sum(t.descends for t in trends if t is not None) <= 10
