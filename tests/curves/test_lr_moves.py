"""Drops, floors and swings of LR curves whose formulas are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lrdoctor.curves.lr_moves import find_drops, find_swings, settled_below


def multistep(n: int = 90, gamma: float = 0.1) -> np.ndarray:
    return 0.1 * gamma ** (np.arange(n) // 30)


def cosine(n: int, t_max: float) -> np.ndarray:
    return 0.05 * (1 + np.cos(np.pi * np.arange(n) / t_max))


def test_drops_of_a_step_schedule() -> None:
    assert find_drops(multistep(), 0.5).tolist() == [30, 60]
    assert find_drops(multistep(gamma=0.5), 0.5).tolist() == [30, 60]
    assert find_drops(multistep(gamma=0.7), 0.5).tolist() == []


@pytest.mark.parametrize(
    "lr",
    [
        np.linspace(1.0, 0.0, 50),
        cosine(101, 100),
        0.5 ** np.arange(40),
        np.full(30, 0.1),
        np.linspace(0.0, 1.0, 30),
    ],
    ids=["linear to 0", "cosine", "halved at every point", "constant", "rising"],
)
def test_smooth_decays_have_no_drops(lr: np.ndarray) -> None:
    assert find_drops(lr, 0.5).tolist() == []


def test_a_drop_within_a_cosine() -> None:
    lr = cosine(100, 200)
    lr[50:] *= 0.2
    assert find_drops(lr, 0.5).tolist() == [50]


def test_a_drop_seen_half_way_counts_once() -> None:
    lr = np.r_[np.full(20, 1.0), 0.4, np.full(20, 0.1)]
    assert find_drops(lr, 0.5).tolist() == [21]


def test_settled_below() -> None:
    assert settled_below(multistep(), 0.011) == 30
    assert settled_below(np.array([1.0, 0.1, 1.0, 0.1]), 0.5) == 3
    assert settled_below(np.array([1.0, 1.0]), 0.5) == 2
    assert settled_below(np.array([0.1, np.nan, 0.1]), 0.5) == 2
    assert settled_below(np.empty(0), 0.5) == 0


def test_a_cosine_that_comes_back() -> None:
    swings = find_swings(cosine(1000, 100))
    assert swings is not None
    assert len(swings.rises) == 5
    # From the lowest to the highest tenth takes 1 - 2 arccos(0.8) / pi = 0.59 of T_max.
    assert swings.rise_points == pytest.approx(59, abs=2)
    assert swings.rise_points == pytest.approx(swings.fall_points, abs=2)
    assert swings.low_share == pytest.approx(np.arccos(0.8) / np.pi, abs=0.03)


def test_triangles_spend_a_tenth_below_a_tenth() -> None:
    t = np.arange(1000) / 200
    swings = find_swings(2 * np.abs(t % 1 - 0.5))
    assert swings is not None
    assert swings.low_share == pytest.approx(0.1, abs=0.02)


def test_restarts_rise_at_once() -> None:
    swings = find_swings(np.tile(cosine(100, 100), 4))
    assert swings is not None
    assert swings.rise_points < 25 and swings.fall_points == pytest.approx(59, abs=2)


@pytest.mark.parametrize("lr", [cosine(100, 100), np.linspace(0, 1, 50), np.ones(50), np.ones(2)])
def test_no_swing_where_the_lr_never_comes_back(lr: np.ndarray) -> None:
    assert find_swings(lr) is None


@given(arrays(float, st.integers(0, 60), elements=st.floats(0, 1e3)))
def test_any_curve(lr: np.ndarray) -> None:
    drops = find_drops(lr, 0.5)
    assert np.all(lr[drops] <= 0.5 * lr[drops - 1] * (1 + 1e-6))
    assert 0 <= settled_below(lr, 1.0) <= len(lr)
    find_swings(lr)
