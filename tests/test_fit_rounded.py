"""Logs of few digits: stairs whose steps rounding hides, tops that it flattens, lines it shifts."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.fit import fit_schedules
from lrdoctor.fit_resolution import resolution
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import Schedule, Series


def fitted(x: np.ndarray, y: np.ndarray, digits: int = 5) -> Schedule:
    """The one schedule through values printed with some digits."""
    found = fit_schedules(Series("lr", x, [float(f"{v:.{digits - 1}e}") for v in y]))
    assert len(found) == 1 and found[0].named is not None, [s.named for s in found]
    return found[0]


@pytest.mark.parametrize("inside", [4, 8, 20])
def test_an_epoch_cosine_whose_steps_do_not_show_at_its_top(inside: int) -> None:
    x = np.arange(150 * inside)
    y = 0.005 * (1 + np.cos(np.pi * (x // inside) / 150))
    found = fitted(x, y)
    got = found.named.parameters()  # type: ignore[union-attr]
    assert found.named.name == "cosine"  # type: ignore[union-attr]
    assert got["T_max"] == 150 * inside and got["interval"] == inside


def test_a_decay_of_few_steps_after_a_long_level() -> None:
    x = np.arange(480)
    gone = np.clip((x // 8 - 54) / 6, 0, 1)
    found = fitted(x, 2.4e-3 * (1 - np.sqrt(gone)))
    got = found.named.parameters()  # type: ignore[union-attr]
    assert (got["decay_start"], got["decay_steps"], got["decay_shape"]) == (432, 48, "1-sqrt")


def test_few_values_may_be_cut_to_digits_or_to_places() -> None:
    values = np.array([2.4e-3, 1.4202e-3, 1.0144e-3, 7.0294e-4, 4.4041e-4, 2.0911e-4])
    fine = resolution(values)
    assert np.all(fine >= 0.5e-8) and fine[1] >= 0.5e-7


@pytest.mark.parametrize("epochs", [245, 600])
@pytest.mark.parametrize("cycles", [2, 3])
@pytest.mark.parametrize("batches", [391, 1251])
def test_warm_restarts_between_two_epochs(epochs: int, cycles: int, batches: int) -> None:
    first = epochs // cycles * batches
    step = np.arange(epochs) * batches + batches - 1
    found = fitted(np.arange(epochs), 5e-4 * (1 + np.cos(np.pi * (step % first) / first)))
    got = found.named.parameters()  # type: ignore[union-attr]
    assert found.named.name == "cosine_restarts"  # type: ignore[union-attr]
    assert got["T_0"] == pytest.approx(epochs // cycles, abs=0.01)


@pytest.mark.parametrize("points", [500, 2000])
def test_three_phases_whose_top_is_flat_as_printed(points: int) -> None:
    x = np.arange(points)
    named = {"max_lr": 3e-3, "total_steps": points, "pct_start": 0.4, "three_phase": True}
    y = from_parameters("onecycle", named).lr(x.astype(float))
    got = fitted(x, y).named.parameters()  # type: ignore[union-attr]
    assert got["three_phase"] is True and got["total_steps"] == points


def test_lines_that_rounding_shifts_one_way() -> None:
    # Every LR above 0.01 loses 0.4 of its last digit, those below nothing.
    x = 391 * np.arange(1, 161)
    y = 0.008 + 0.072 * (1 - np.abs(x % 31_280 / 15_640 - 1))
    found = fitted(x, y)
    got = found.named.parameters()  # type: ignore[union-attr]
    assert found.named.name == "cyclic"  # type: ignore[union-attr]
    assert (got["mode"], got["step_size_up"]) == ("triangular", 15_640)


@pytest.mark.parametrize("total", [512, 700])
def test_the_middle_of_a_cosine_may_as_well_be_a_line(total: int) -> None:
    # 60 of so many points around the middle, in two digits; far below half of the LR it began with.
    x = np.arange(total // 2 - 30, total // 2 + 30)
    found = fitted(x, 0.005 * (1 + np.cos(np.pi * x / total)), digits=2)
    names = {found.named.name, *(a.name for a in found.alternatives)}  # type: ignore[union-attr]
    assert {"cosine", "linear"} <= names


def test_six_neighbours_in_the_last_of_two_places_are_rounded() -> None:
    assert np.all(resolution(np.array([0.0049, 0.005, 0.0051, 0.0052, 0.0053, 0.0054])) > 0.4e-4)
    assert np.all(resolution(np.array([0.0049, 0.005, 0.0052, 0.0053, 0.0055, 0.01])) < 0.4e-4)
