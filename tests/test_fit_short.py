"""Stretches of a few points, which neither jump nor bend enough to be cut where they end."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.fit import fit_schedules
from lrdoctor.fit_origin import natural_share
from lrdoctor.types import Schedule, Series


def fitted(x: np.ndarray, y: np.ndarray, digits: int = 0) -> Schedule:
    """The one schedule through values kept in float32 or to some digits."""
    kept = [float(f"{v:.{digits - 1}e}") if digits else float(np.float32(v)) for v in y]
    found = fit_schedules(Series("lr", x, kept))
    assert len(found) == 1 and found[0].named is not None, [s.named for s in found]
    return found[0]


def half_wave(start: float, stop: float, share: np.ndarray) -> np.ndarray:
    """The half cosine between two LRs, ``share`` of the way."""
    return stop + (start - stop) * (1 + np.cos(np.pi * share)) / 2


@pytest.mark.parametrize("points", [40, 47, 75])
@pytest.mark.parametrize("share", [0.2, 0.3])
def test_three_phases_of_few_points(points: int, share: float) -> None:
    total = 100 * points
    x = 100 * np.arange(points)
    peak = share * total - 1
    low, high, last = 4e-6, 4e-4, 4e-9
    rise = half_wave(low, high, x / peak)
    back = half_wave(high, low, (x - peak) / peak)
    end = half_wave(low, last, (x - 2 * peak) / (total - 1 - 2 * peak))
    y = np.where(x <= peak, rise, np.where(x <= 2 * peak, back, end))
    got = fitted(x, y).named.parameters()  # type: ignore[union-attr]
    assert got["three_phase"] is True and got["total_steps"] == total
    assert got["pct_start"] == pytest.approx(share)


@pytest.mark.parametrize("hold", [1.3, 3.449, 11.4])
@pytest.mark.parametrize("digits", [0, 5])
def test_a_decay_leaves_its_first_level_between_two_points(hold: float, digits: int) -> None:
    x = np.arange(120)
    y = 5e-4 * np.sqrt(hold / np.maximum(x, hold))
    got = fitted(x, y, digits).named.parameters()  # type: ignore[union-attr]
    assert got["lr"] == pytest.approx(5e-4) and got["warmup_shape"] == "constant"
    assert got["timescale"] == pytest.approx(hold, rel=0.01)
    assert got["warmup"] == pytest.approx(hold, rel=0.01)


def test_a_ramp_of_one_point_before_an_inverse_root() -> None:
    x = np.arange(61)
    time = x + 0.99
    y = 0.15 * np.minimum(time / 1.22, np.sqrt(1.22 / np.maximum(time, 1.22)))
    found = fitted(x, y)
    assert found.named.name == "inverse_sqrt"  # type: ignore[union-attr]


def test_a_ramp_one_step_short_of_its_level() -> None:
    y = np.full(51, 1e-4)
    y[0] = 9.82352940e-05  # 50 of 51 steps up from a tenth
    found = fitted(50 * np.arange(1, 52), y)
    assert found.named.name == "constant"  # type: ignore[union-attr]


@pytest.mark.parametrize("first", [0, 5, 1])
def test_a_ramp_over_an_exponential(first: int) -> None:
    x = np.arange(100) * 5 + first
    time = x - (x[0] == 1)
    factor = np.minimum(0.25 + 0.75 * time / 60, 1.0)
    got = fitted(x, 0.01 * 0.99**time * factor).named.parameters()  # type: ignore[union-attr]
    assert got["warmup_overlap"] is True and got["warmup"] == pytest.approx(60, abs=0.1)
    assert got["lr"] == pytest.approx(0.01) and got["gamma"] == pytest.approx(0.99)
    assert got["warmup_start_lr"] == pytest.approx(0.0025)


@pytest.mark.parametrize("shape", ["log", "cosine"])
@pytest.mark.parametrize("length", [3, 4, 6])
def test_a_bent_warm_up_of_few_points(shape: str, length: int) -> None:
    x = np.arange(120)
    bends = {
        "log": np.log1p(x) / np.log(length),
        "cosine": (1 - np.cos(np.pi * x / length)) / 2,
    }
    down = 2.5e-4 * (1 + np.cos(np.pi * (x - length) / (120 - length)))
    y = np.where(x < length, 5e-4 * np.minimum(bends[shape], 1.0), down)
    got = fitted(x, y).named.parameters()  # type: ignore[union-attr]
    assert (got["warmup_shape"], got["warmup"], got["T_max"]) == (shape, length, 120 - length)


def test_a_long_ramp_over_an_exponential_as_printed() -> None:
    x = 10 * np.arange(1, 3001)
    y = 2.5e-4 * 0.99997**x * np.minimum(0.1 + 0.9 * x / 2272, 1.0)
    got = fitted(x, y, 5).named.parameters()  # type: ignore[union-attr]
    assert got["warmup_overlap"] is True and got["warmup"] == pytest.approx(2272, abs=10)


@pytest.mark.parametrize(("length", "share"), [(9, 0.01), (12, 0.25), (15, 0.1)])
def test_a_ramp_over_an_exponential_from_step_one(length: int, share: float) -> None:
    x = np.arange(1, 92)
    y = 5e-4 * 0.98564971784**x * np.minimum(share + (1 - share) * x / length, 1.0)
    got = fitted(x, y).named.parameters()  # type: ignore[union-attr]
    assert got["lr"] == pytest.approx(5e-4) and got["warmup"] == pytest.approx(length)
    assert got["warmup_start_lr"] == pytest.approx(5e-4 * share, rel=1e-3)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("every", [5, 25])
@pytest.mark.parametrize("epochs", [20, 40])
def test_stairs_of_an_epoch_in_a_coarse_log(first: int, every: int, epochs: int) -> None:
    """Steps counted from 0 or 1; the log sees each edge up to ``every`` steps late."""
    x = np.arange(every, 32 * 64, every)
    y = 1.44e-3 * (1 + np.cos(np.pi * np.minimum((x - first) // 64, epochs) / epochs)) / 2
    schedule = fitted(x, y)
    got = schedule.named.parameters()  # type: ignore[union-attr]
    assert schedule.named.name == "cosine"  # type: ignore[union-attr]
    assert (got["interval"], got["T_max"]) == (64, 64 * epochs)


def test_a_warm_up_of_which_only_its_first_zero_was_logged() -> None:
    x = np.arange(1, 602, 25)
    got = fitted(x, np.where(x < 26, 0.0, 0.04761 * (1 - (x - 26) / 1447))).named
    assert got is not None and got.name == "linear"
    assert got.parameters()["total_steps"] == pytest.approx(1447, abs=1)


@pytest.mark.parametrize(
    ("share", "natural"),
    [(0.0, True), (0.1, True), (1 / 7, True), (0.3217, False), (2.7183, False)],
)
def test_shares_that_somebody_would_start_a_ramp_from(share: float, natural: bool) -> None:
    assert natural_share(share) is natural
