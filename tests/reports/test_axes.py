from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrdoctor.reports._axes import (
    Axis,
    epoch_ticks,
    round_values,
    step_axis,
    tick_text,
    value_axis,
)

positive = st.floats(1e-12, 1e6)


@given(st.lists(positive, min_size=1))
def test_log_axis_places_values_in_order_and_never_outside(values: list[float]) -> None:
    axis = value_axis(np.array(values), log=True)
    assert axis is not None
    at = axis.place(np.sort(values))
    assert np.all(np.diff(at) >= 0)
    assert np.all((at >= 0) & (at <= 1))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_linear_axis_shows_all_ordinary_values(values: list[float]) -> None:
    axis = value_axis(np.array(values), log=False)
    assert axis is not None
    assert axis.low < axis.high


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1),
    st.booleans(),
    st.sampled_from([0.0, 0.05]),
)
@example([5e-324, 1e-323], False, 0.05)
@example([1.7e308, -1.7e308], False, 0.05)
@example([1.7e308, 5e-324], True, 0.05)
@example([1e16, 1e16 + 2], False, 0.0)
def test_any_values_have_an_axis_with_ticks(values: list[float], log: bool, margin: float) -> None:
    axis = value_axis(np.array(values), log, margin)
    assert axis is not None
    places = [*axis.place(values), *(tick.at for tick in axis.ticks(5))]
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64))
@example(2**63 - 1, 0)
@example(2**53, 1)
def test_any_steps_have_an_axis_with_ticks(first: int, length: int) -> None:
    axis = step_axis(float(first), float(first + length))
    assert axis.low < axis.high
    assert all(0 <= place <= 1 for place in axis.place([first, first + length]))
    assert 1 <= len(axis.ticks(5)) <= 12
    assert len(epoch_ticks(axis.low, axis.high, 100.0, 5)) <= 12


def test_equal_factors_are_equally_far_on_a_log_axis() -> None:
    axis = Axis(1e-4, 1.0, log=True)
    np.testing.assert_allclose(axis.place([1e-4, 1e-3, 1e-2, 1e-1, 1.0]), [0, 0.25, 0.5, 0.75, 1])


def test_rounding_residue_does_not_flatten_the_rest() -> None:
    cosine = 0.05 * (1 + np.cos(np.linspace(0, np.pi, 1000)))
    cosine[-1] = 1e-19
    axis = value_axis(cosine, log=True)
    assert axis is not None
    assert 1e-9 < axis.low < 1e-5


def test_one_huge_loss_does_not_flatten_the_rest() -> None:
    loss = np.linspace(2, 1, 1000)
    loss[-1] = 1e30
    axis = value_axis(loss, log=True)
    assert axis is not None
    assert axis.high < 1e3


def test_zero_lr_is_drawn_at_the_edge() -> None:
    axis = value_axis(np.array([0.0, 0.1, 1.0]), log=True)
    assert axis is not None
    assert axis.log
    assert axis.place(0.0) == 0.0


@pytest.mark.parametrize("values", [[], [np.nan, np.inf]])
def test_no_finite_value_no_axis(values: list[float]) -> None:
    assert value_axis(np.array(values), log=True) is None


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (9e-9, 2, ["1e-6", "1e-3", "1"]),
        (9e-5, 1.1e-2, ["1e-4", "1e-3", "0.01"]),
        (0.4, 6, ["0.5", "1", "2", "5"]),
        (1.0, 1.8, ["1", "1.2", "1.4", "1.6", "1.8"]),
    ],
)
def test_log_ticks_are_round(low: float, high: float, labels: list[str]) -> None:
    assert [t.label for t in Axis(low, high, log=True).ticks(4)] == labels


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 8))
def test_round_values_are_inside_and_not_too_many(low: float, width: float, count: int) -> None:
    high = low + width
    if high - low < 1e-9 * abs(low):
        return
    values = round_values(low, high, count)
    assert len(values) <= count + 1
    assert all(low - 1e-6 * width <= v <= high + 1e-6 * width for v in values)


def test_epoch_ticks_lie_at_their_steps() -> None:
    ticks = epoch_ticks(0, 9000, 100, 5)
    assert [t.label for t in ticks] == ["0", "20", "40", "60", "80"]
    np.testing.assert_allclose([t.at for t in ticks], [0, 2 / 9, 4 / 9, 6 / 9, 8 / 9])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (3e-4, "3e-4"),
        (0.02, "0.02"),
        (150, "150"),
        (2000, "2,000"),
        (20_000, "20k"),
        (1_500_000, "1.5M"),
        (1e15, "1e15"),
        (-5e-7, "-5e-7"),
    ],
)
def test_tick_labels_are_short(value: float, text: str) -> None:
    assert tick_text(value) == text
