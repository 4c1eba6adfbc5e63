"""Curves as words: short, with every extreme of a stretch, whatever the values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.fleet.sparks import DIGITS, levels
from lrdoctor.types import Series


def word(values: list[float], stretches: int = 32) -> str:
    return levels(Series("lr", np.arange(len(values)), np.array(values)), stretches)


def test_falling_by_equal_factors_is_a_line() -> None:
    places = [DIGITS.index(c) for c in word([10.0**-k for k in np.linspace(0, 3, 8)], 8)]
    assert places == [35, 30, 25, 20, 15, 10, 5, 0]


def test_single_spike_in_a_stretch_is_kept() -> None:
    values = [0.1] * 1000
    values[500] = 1.0
    assert word(values).count("z") == 1


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [-1.0], [float("nan")], [float("inf")]])
def test_nothing_to_draw(values: list[float]) -> None:
    assert word(values) == ""


def test_constant_is_level_and_gaps_are_marked() -> None:
    assert set(word([0.1] * 50)) == {DIGITS[round(35 * 0.5)]}
    assert word([1.0, float("nan"), 0.1, 0.01], 4) == "z-i0"


def test_depth_is_limited() -> None:
    assert word([1.0, 1e-20, 1e-4, 0.0], 4) == "z000"


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=80))
def test_any_values_make_a_short_word(values: list[float]) -> None:
    made = word(values)
    assert len(made) <= 32 and set(made) <= set(DIGITS) | {"-"}


def test_steps_far_apart_hold_the_value_between() -> None:
    series = Series("lr", np.array([0, 1, 1000]), np.array([1.0, 1.0, 0.1]))
    assert levels(series, 3) == "zz0"
