"""Shapes recover themselves from their own points, whole, cut off, in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.plugins import discover

SHAPES = discover("shapes")
T = np.linspace(0.0, 1000.0, 120).round()
LEVEL = st.floats(1e-6, 1.0)


def close(shape: str, points: np.ndarray, tolerance: float = 1e-6) -> Any:
    """The guessed shape, which must pass through ``points`` to ``tolerance`` of the largest."""
    found = SHAPES[shape].guess(T, points)
    assert found is not None
    np.testing.assert_allclose(found.lr(T), points, atol=tolerance * np.abs(points).max())
    return found


def float32(values: np.ndarray) -> np.ndarray:
    """Values as a TensorBoard scalar keeps them."""
    return values.astype(np.float32).astype(np.float64)


def test_every_shape_states_its_parameters() -> None:
    values = {
        "constant": (0.1,),
        "linear": (0.1, -1e-4),
        "exponential": (0.1, 0.99),
        "cosine": (0.1, 1e-5, 100.0, 3.0),
        "polynomial": (0.1, 0.0, 100.0, 0.9),
        "inverse_sqrt": (0.1, 50.0),
        "logarithmic": (0.0, 0.1, 1.0),
    }
    assert set(values) == set(SHAPES)
    for name, arguments in values.items():
        shape = SHAPES[name](*arguments)
        assert tuple(shape.parameters().values()) == arguments


@given(LEVEL)
def test_constant(level: float) -> None:
    assert close("constant", np.full_like(T, level)).value == level


@given(LEVEL, st.floats(-0.9, 5.0))
def test_linear(start: float, growth: float) -> None:
    found = close("linear", start * (1 + growth * T / 1000), 1e-9)
    assert found.slope == pytest.approx(start * growth / 1000, rel=1e-6, abs=1e-15)


@given(LEVEL, st.floats(-8.0, 3.0))
def test_exponential(start: float, rate: float) -> None:
    found = close("exponential", start * np.exp(rate * T / 1000))
    assert found.gamma == pytest.approx(np.exp(rate / 1000), rel=1e-7)


@given(LEVEL, st.floats(10.0, 1e5))
def test_inverse_sqrt(start: float, timescale: float) -> None:
    found = close("inverse_sqrt", start * np.sqrt(timescale / (timescale + T)))
    assert found.timescale == pytest.approx(timescale, rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 1.0), LEVEL, st.floats(1.0, 500.0))
def test_logarithmic_rise(share: float, rise: float, timescale: float) -> None:
    found = close("logarithmic", float32(rise * (share + np.log1p(T / timescale))))
    assert found.timescale == pytest.approx(timescale, rel=0.01)


@settings(max_examples=40, deadline=None)
@given(LEVEL, st.floats(0.0, 0.5), st.floats(0.3, 1.0), st.floats(0.0, 0.3))
def test_part_of_a_falling_cosine(top: float, low: float, share: float, late: float) -> None:
    half = 1000.0 / share
    angle = np.pi * (T / half + late * (1 - share))
    points = top * (low + (1 - low) * (1 + np.cos(angle)) / 2)
    found = close("cosine", float32(points), 1e-6)
    assert found.t_max == pytest.approx(half, rel=0.01)


def test_rising_half_wave_has_its_peak_at_the_end() -> None:
    points = 0.004 + 0.096 * (1 - np.cos(np.pi * T / 1000)) / 2
    found = close("cosine", points)
    assert found.peak_at == pytest.approx(1000, rel=1e-6)
    assert found.eta_min == pytest.approx(0.004, rel=1e-6)


@settings(max_examples=40, deadline=None)
# A share of 1 - 1e-16 is a root that rounding has moved past the last point: nobody logs it.
@given(LEVEL, st.sampled_from([0.5, 0.9, 2.0, 3.0]), st.floats(0.5, 0.9999) | st.just(1.0))
def test_part_of_a_polynomial(top: float, power: float, share: float) -> None:
    found = close("polynomial", float32(top * (1 - share * T / 1000) ** power))
    assert found.power == pytest.approx(power, rel=0.02)
    assert found.t_max == pytest.approx(1000 / share, rel=0.02)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_no_points_no_shape(name: str) -> None:
    assert SHAPES[name].guess(np.empty(0), np.empty(0)) is None


@pytest.mark.parametrize("name", ["exponential", "inverse_sqrt"])
def test_zero_has_no_logarithm(name: str) -> None:
    assert SHAPES[name].guess(T, np.linspace(1.0, 0.0, len(T))) is None


def test_a_rise_is_no_polynomial_decay() -> None:
    assert SHAPES["polynomial"].guess(T, 1.0 + T) is None
