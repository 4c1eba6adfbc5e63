"""Key points, with the values that well-known guides get wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrdoctor.errors import ConfigError
from lrdoctor.key_points import (
    key_points,
    length_of,
    lr_at,
    peak_of,
    remarks,
    rows_of,
    sampled,
)
from lrdoctor.schedules._parse import parse_schedule

WARM_COSINE = "cosine(lr=1e-3, T_max=9000, eta_min=1e-6, warmup=1000)"


@pytest.mark.parametrize(
    ("text", "step", "lr"),
    [
        # A cosine of 100 epochs from 0.1 to 1e-5; guides say 0.075 and 0.025.
        ("cosine(lr=0.1, eta_min=1e-5, T_max=100)", 25, 0.08536),
        ("cosine(lr=0.1, eta_min=1e-5, T_max=100)", 50, 0.050005),
        ("cosine(lr=0.1, eta_min=1e-5, T_max=100)", 75, 0.01465),
        # It comes back: 2.46e-3 and 2.06e-2 after 110 and 130 epochs with a floor of 0.
        ("cosine(lr=0.1, T_max=100)", 110, 2.447e-3),
        ("cosine(lr=0.1, T_max=100)", 130, 2.061e-2),
        ("exponential(lr=0.1, gamma=0.95)", 10, 0.05987),
        ("exponential(lr=0.1, gamma=0.95)", 50, 0.007694),
        ("exponential(lr=0.1, gamma=0.95)", 100, 0.0005921),
        # torch divides by div_factor and final_div_factor, so 0.1 ends at 4e-7, not 1e-5.
        ("onecycle(max_lr=0.1, total_steps=1000)", 999, 4e-7),
        ("onecycle(max_lr=0.1, total_steps=1000, final_div_factor=1000)", 999, 4e-6),
        ("onecycle(max_lr=0.1, total_steps=1000, div_factor=100)", 999, 1e-7),
        ("onecycle(max_lr=0.15, total_steps=112590, div_factor=100)", 0, 1.5e-3),
        (WARM_COSINE, 2500, 9.331e-4),
        (WARM_COSINE, 5000, 5.872e-4),
        (WARM_COSINE, 7500, 1.794e-4),
        # Milestone 90 of 90 epochs never acts.
        ("multistep(lr=0.1, milestones=[30, 60, 90])", 89, 1e-3),
        # A warm-up over epochs 0 to 5 is at 80 % in epoch 4.
        ("constant(lr=1e-3, warmup=5, warmup_start_lr=1e-5)", 4, 8.02e-4),
    ],
)
def test_known_values(text: str, step: int, lr: float) -> None:
    assert lr_at(parse_schedule(text), [step])[0] == pytest.approx(lr, rel=5e-4)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("onecycle(max_lr=0.1, total_steps=112590)", 112590),
        (WARM_COSINE, 10000),
        ("linear(lr=1, total_steps=90, warmup=10)", 100),
        ("linear(lr=1, total_steps=100, warmup=10, warmup_overlap=True)", 100),
        ("wsd(lr=1, decay_start=80, decay_steps=20, warmup=10)", 100),
        ("cosine_restarts(lr=1, T_0=10, T_mult=2)", 70),
        ("step(lr=1, step_size=30)", 120),
        ("multistep(lr=1, milestones=[40, 80], warmup=10)", 100),
        ("cyclic(base_lr=0, max_lr=1, step_size_up=20, step_size_down=30)", 100),
        ("constant(lr=1)", 100),
        ("constant(lr=1, warmup=500)", 5000),
        ("inverse_sqrt(lr=1, timescale=40, warmup=40)", 440),
        ("exponential(lr=1, gamma=0.95)", math.ceil(math.log(1e-3) / math.log(0.95))),
        ("linear(lr=1, total_steps=0.5)", 2),
    ],
)
def test_length_shows_the_whole_schedule(text: str, length: int) -> None:
    assert length_of(parse_schedule(text)) == length


def test_absurd_lengths_are_refused() -> None:
    with pytest.raises(ConfigError, match="more than lrdoctor counts"):
        length_of(parse_schedule("cosine(lr=1, T_max=1e40)"))


def test_points_are_named() -> None:
    named = parse_schedule("onecycle(max_lr=0.1, total_steps=112590, pct_start=0.2)")
    points = {p.step: p.what for p in key_points(named, 112590)}
    assert points[0] == "first"
    assert points[22517] == "peak"  # torch: pct_start * total_steps - 1
    assert points[112589] == "last" and points[112590] == "100 %"
    warm = {p.what: p.step for p in key_points(parse_schedule(WARM_COSINE), 10000)}
    assert warm["warm-up ends"] == 1000 and "peak" not in warm
    drops = [p.step for p in key_points(parse_schedule("multistep(lr=1, milestones=[3, 6])"), 9)
             if "drop" in p.what]  # fmt: skip
    assert drops == [3, 6]


@pytest.mark.parametrize("total", [100, 9_999, 1_000_003])
@pytest.mark.parametrize("pct", [0.05, 0.2, 0.3, 0.77])
def test_peak_is_the_largest_of_all_steps(total: int, pct: float) -> None:
    named = parse_schedule(f"onecycle(max_lr=0.1, total_steps={total}, pct_start={pct})")
    every = named.lr(np.arange(total, dtype=float))
    assert every[peak_of(named, total)] == every.max()


def test_rows_say_whose_point_it_is() -> None:
    pair = [parse_schedule(WARM_COSINE), parse_schedule("cosine(lr=1e-3, T_max=10000)")]
    rows = {row.step: row for row in rows_of(pair, 10000)}
    assert rows[0].what == "first" and rows[1000].what == "warm-up ends A"
    assert rows[2500].what == "25 %"
    assert rows[1000].lr == pytest.approx((1e-3, 9.755e-4), rel=1e-3)


def test_sampling_keeps_corners() -> None:
    named = parse_schedule("multistep(lr=1, milestones=[333333, 700001])")
    series = sampled(named, "x", 1_000_000)
    for corner in (333333, 700001):
        assert corner in series.step and corner - 1 in series.step
    assert len(series) < 3000 and series.step[-1] == 999_999


@pytest.mark.parametrize(
    ("text", "steps", "told"),
    [
        ("cosine(lr=1, T_max=100)", 300, "after step 100 the LR rises again, within this run"),
        ("cosine(lr=1, T_max=100)", 50, "the run ends before the schedule"),
        ("onecycle(max_lr=1, total_steps=100)", 100, "raises an error beyond step 100"),
        ("linear(lr=1, total_steps=100)", 200, "the last 100 steps train at the final LR"),
        ("multistep(lr=1, milestones=[30, 60, 90])", 90, "milestone 90 never acts"),
        ("linear(lr=1, total_steps=100, warmup=5)", 105, "the first step trains at LR 0"),
    ],
)
def test_remarks(text: str, steps: int, told: str) -> None:
    assert any(told in remark for remark in remarks(parse_schedule(text), steps))


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("cosine(lr=1, T_max=100, clamp=True)", 300),
        ("constant(lr=1)", 100),
        ("step(lr=1, step_size=30)", 90),
    ],
)
def test_nothing_to_remark(text: str, steps: int) -> None:
    assert list(remarks(parse_schedule(text), steps)) == []
