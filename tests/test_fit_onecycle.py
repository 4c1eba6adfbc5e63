"""One-cycles come back as they were typed, whatever a step of them takes on the axis of the log."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.fit import fit_schedules
from lrdoctor.fit_cost import cost
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import Schedule, Series


def straight(step: np.ndarray, total: int, share: float, div: float, end: float) -> np.ndarray:
    """torch's linear one-cycle with a largest LR of 0.01, at scheduler steps ``step``."""
    peak, last = share * total - 1, total - 1
    low, final = 0.01 / div, 0.01 / div / end
    return np.interp(step, [0, peak, last], [low, 0.01, final])


def fitted(x: np.ndarray, y: np.ndarray, digits: int = 0) -> Schedule:
    """The one schedule through values kept in float32 or to some digits."""
    kept = [float(f"{v:.{digits - 1}e}") if digits else float(np.float32(v)) for v in y]
    found = fit_schedules(Series("lr", x, kept))
    assert len(found) == 1 and found[0].named is not None
    return found[0]


@pytest.mark.parametrize("div", [25.0, 10.0, 100.0])
@pytest.mark.parametrize("end", [1e4, 1e3, 1e2])
@pytest.mark.parametrize("digits", [0, 5])
def test_a_straight_one_cycle_ends_where_its_length_is_whole(
    div: float, end: float, digits: int
) -> None:
    x = 10 * np.arange(1, 400)
    found = fitted(x, straight(x, 4000, 0.3, div, end), digits)
    got = found.named.parameters()  # type: ignore[union-attr]
    assert got["anneal_strategy"] == "linear" and got["pct_start"] == pytest.approx(0.3)
    assert got["total_steps"] == 4000 and got["div_factor"] == pytest.approx(div)
    if not digits:
        assert got["final_div_factor"] == pytest.approx(end)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("batches", [32, 391])
def test_a_straight_one_cycle_of_batches_on_an_axis_of_epochs(late: bool, batches: int) -> None:
    epochs = np.arange(90)
    step = epochs * batches + (batches - 1 if late else 0)
    found = fitted(epochs, straight(step, 90 * batches, 0.2, 25.0, 1e3))
    got = found.named.parameters()  # type: ignore[union-attr]
    assert found.named.name == "onecycle"  # type: ignore[union-attr]
    assert (got["total_steps"], got["pct_start"], got["div_factor"]) == (90, 0.2, 25.0)
    assert got["interval"] == pytest.approx(1 / batches, rel=0.01)
    assert found.origin == pytest.approx(-1 + 1 / batches if late else 0.0, abs=1e-3)


def test_a_straight_one_cycle_that_advances_once_an_epoch() -> None:
    x = np.arange(0, 60 * 200, 50)
    found = fitted(x, straight(x // 200, 60, 0.5, 10.0, 1e3))
    got = found.named.parameters()  # type: ignore[union-attr]
    assert (got["total_steps"], got["pct_start"], got["interval"]) == (12_000, 0.5, 200)


@pytest.mark.parametrize("digits", [0, 5])
@pytest.mark.parametrize("share", [0.1, 0.001])
def test_a_warm_up_from_a_share_before_a_line_is_no_one_cycle(share: float, digits: int) -> None:
    x = np.arange(0, 16_900, 50)
    y = np.interp(x, [0, 2535, 16_900], [0.025 * share, 0.025, 0.0])
    found = fitted(x, y, digits)
    assert found.named.name == "linear"  # type: ignore[union-attr]
    assert found.named.parameters()["total_steps"] == 16_900 - 2535  # type: ignore[union-attr]


# ---------------------------------------------------------------------------- what it costs


def test_a_warm_up_is_as_long_to_write_as_its_share_of_the_whole() -> None:
    plain = {"lr": 0.1, "total_steps": 14_365.0, "warmup": 2535.0}
    # lr, 16900 in three digits, a warm-up of 0.15 in two
    assert cost(from_parameters("linear", plain)) == 1 + 1.5 + 1.25


def test_a_part_of_a_step_costs_more_than_a_whole_one() -> None:
    whole, part = ({"lr": 0.1, "total_steps": n} for n in (1234567.0, 123456.7))
    assert cost(from_parameters("linear", whole)) < cost(from_parameters("linear", part))


def test_steps_below_one_unit_take_a_word() -> None:
    values = {"max_lr": 0.1, "total_steps": 90.0}
    once = cost(from_parameters("onecycle", values))
    assert cost(from_parameters("onecycle", {**values, "interval": 0.01})) == once + 0.5


@pytest.mark.parametrize("digits", [0, 5])
@pytest.mark.parametrize("batches", [100, 1251])
def test_a_ramp_from_zero_logged_at_the_last_batch_of_each_epoch(batches: int, digits: int) -> None:
    epochs = np.arange(600)
    time = epochs + 1 - 1 / batches
    found = fitted(epochs, np.interp(time, [0, 60, 600], [0.0, 3e-4, 0.0]), digits)
    got = found.named.parameters()  # type: ignore[union-attr]
    assert found.named.name == "linear" and got["warmup_start_lr"] == 0.0  # type: ignore[union-attr]
    assert (got["warmup"], got["total_steps"]) == (60, 540)


def test_a_power_logged_at_the_last_batch_of_each_epoch_takes_whole_epochs() -> None:
    epochs = np.arange(184)
    found = fitted(epochs, 5e-4 * (1 - (epochs + 1 - 1 / 391) / 184) ** 2, 5)
    got = found.named.parameters()  # type: ignore[union-attr]
    assert (got["total_steps"], got["power"]) == (184, pytest.approx(2.0, rel=1e-3))
    assert got["lr"] == pytest.approx(5e-4)
