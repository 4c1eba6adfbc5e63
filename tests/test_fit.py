"""The fit: random schedules come back, whole and cut off, and odd data never breaks it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lrdoctor.fit import fit_schedules
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import Schedule, Series

LEVELS = {"lr", "max_lr", "base_lr"}
TOP = st.sampled_from([0.1, 0.05, 1e-2, 3e-3, 5e-4, 2e-5])
EVERY = st.sampled_from([1, 5, 50, 391])
LENGTH = st.integers(60, 1500)
quick = settings(max_examples=20, deadline=None)


def series(values: Any, *, first: int = 0, every: int = 1) -> Series:
    """A series of float32 values, logged at every ``every``-th step from ``first`` on."""
    y = np.asarray(values, dtype=np.float32).astype(float)
    return Series("lr", first + every * np.arange(len(y)), y)


def log(name: str, parameters: Mapping[str, Any], points: int, every: int = 1) -> Series:
    """What a log of a schedule's first ``points`` logged values holds."""
    named = from_parameters(name, parameters)
    return series(named.lr(np.arange(points) * float(every)), every=every)


def only(lr: Series, **options: Any) -> Schedule:
    """The one schedule of a series."""
    schedules = fit_schedules(lr, **options)
    assert len(schedules) == 1, [s.named for s in schedules]
    return schedules[0]


def recovers(name: str, parameters: Mapping[str, Any], points: int, every: int = 1) -> Schedule:
    """The schedule fitted to a log of ``parameters``: same name, values within 1 %, positions
    within one logging interval."""
    found = only(log(name, parameters, points, every))
    assert found.named is not None and found.named.name == name, found.named
    top = max(float(v) for k, v in parameters.items() if k in LEVELS)
    got = found.named.parameters()
    for key, value in from_parameters(name, parameters).parameters().items():
        if isinstance(value, str):
            assert got[key] == value
        else:
            slack = every if np.max(value) > 1.5 else 1e-5 * top
            np.testing.assert_allclose(got[key], value, rtol=0.01, atol=slack, err_msg=key)
    return found


# ---------------------------------------------------------------------------- whole schedules


@quick
@given(TOP, LENGTH, EVERY, st.sampled_from([0.0, 0.05, 0.1]), st.sampled_from([0.0, 0.01]))
def test_cosine(top: float, points: int, every: int, share: float, low: float) -> None:
    warmup = max(3, int(points * share)) * every if share else 0
    total = points * every - warmup
    recovers(
        "cosine", {"lr": top, "T_max": total, "eta_min": low * top, "warmup": warmup}, points, every
    )


@quick
@given(TOP, LENGTH, EVERY, st.sampled_from([0.0, 0.06]))
def test_linear(top: float, points: int, every: int, share: float) -> None:
    warmup = max(3, int(points * share)) * every if share else 0
    recovers(
        "linear",
        {"lr": top, "total_steps": points * every - warmup, "warmup": warmup},
        points,
        every,
    )


@quick
@given(
    TOP, LENGTH, EVERY, st.sampled_from([0.2, 0.25, 0.3, 0.5]), st.sampled_from([10.0, 25.0, 100.0])
)
def test_onecycle(top: float, points: int, every: int, pct: float, div: float) -> None:
    parameters = {"max_lr": top, "total_steps": points * every, "pct_start": pct, "div_factor": div}
    found = recovers("onecycle", parameters, points, every)
    assert found.residual < 1e-6


@quick
@given(TOP, LENGTH, st.sampled_from([1, 5, 50]), st.integers(3, 6), st.sampled_from([0.1, 0.5]))
def test_step(top: float, points: int, every: int, parts: int, gamma: float) -> None:
    size = points * every // parts
    recovers("step", {"lr": top, "step_size": size, "gamma": gamma}, points, every)


@quick
@given(TOP, LENGTH, st.sampled_from([1, 5]), st.sampled_from([(0.3, 0.6, 0.8), (0.5, 0.75)]))
def test_multistep(top: float, points: int, every: int, shares: tuple[float, ...]) -> None:
    total = 200 * (points // 20) * every
    marks = [round(share * total) for share in shares]
    recovers("multistep", {"lr": top, "milestones": marks}, total // every, every)


@quick
@given(TOP, LENGTH, EVERY, st.floats(0.7, 7.0))
def test_exponential(top: float, points: int, every: int, decades: float) -> None:
    gamma = math.exp(-decades / (points * every))
    recovers("exponential", {"lr": top, "gamma": gamma}, points, every)


@quick
@given(TOP, LENGTH, EVERY, st.sampled_from([0.5, 0.9, 2.0]))
def test_polynomial(top: float, points: int, every: int, power: float) -> None:
    recovers(
        "polynomial", {"lr": top, "total_steps": points * every, "power": power}, points, every
    )


@quick
@given(TOP, LENGTH, st.sampled_from([1, 5]), st.integers(3, 6))
def test_warm_restarts(top: float, points: int, every: int, cycles: int) -> None:
    recovers("cosine_restarts", {"lr": top, "T_0": points * every // cycles}, points, every)


@quick
@given(TOP, st.integers(100, 1500), EVERY, st.sampled_from(["linear", "cosine", "1-sqrt"]))
def test_wsd(top: float, points: int, every: int, shape: str) -> None:
    steps = points * every // 5
    parameters = {"decay_start": points * every - steps, "decay_steps": steps, "decay_shape": shape}
    recovers("wsd", {"lr": top, "warmup": 5 * every, **parameters}, points, every)


@quick
@given(TOP, st.integers(100, 1500), EVERY)
def test_inverse_sqrt(top: float, points: int, every: int) -> None:
    length = points * every // 10
    recovers("inverse_sqrt", {"lr": top, "timescale": length, "warmup": length}, points, every)


@quick
@given(TOP, st.integers(100, 1500), st.sampled_from(["triangular", "triangular2"]))
def test_cyclic(top: float, points: int, mode: str) -> None:
    parameters = {"base_lr": top / 10, "max_lr": top, "step_size_up": points // 7, "mode": mode}
    recovers("cyclic", parameters, points)


def test_plateau_cuts_are_irregular() -> None:
    cuts = [117, 288, 403, 611]
    found = recovers("reduce_on_plateau", {"lr": 0.1, "factor": 0.5, "reductions": cuts}, 700)
    assert [a.name for a in found.alternatives] == ["multistep"]


# ---------------------------------------------------------------------------- parts of schedules


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("warmup", [0, 500])
def test_a_run_that_stopped_inside_a_cosine(share: float, warmup: int) -> None:
    recovers("cosine", {"lr": 1e-3, "T_max": 10_000, "warmup": warmup}, int(200 * share), 50)


def test_a_run_that_stopped_inside_a_one_cycle() -> None:
    recovers("onecycle", {"max_lr": 0.1, "total_steps": 10_000, "pct_start": 0.3}, 120, 50)


def test_a_log_that_begins_inside_a_cosine() -> None:
    full = log("cosine", {"lr": 0.1, "T_max": 100, "eta_min": 1e-4}, 100)
    found = only(full.between(30, 100))
    assert found.named is not None
    assert found.named.parameters()["T_max"] == pytest.approx(100, abs=0.5)
    assert found.origin == pytest.approx(0, abs=0.1)
    np.testing.assert_allclose(found.lr(full.step), full.value, rtol=1e-4)


def test_cosine_seen_past_its_end_rebounds() -> None:
    recovers("cosine", {"lr": 0.1, "T_max": 100, "eta_min": 1e-3}, 260)


def test_cosine_that_stays_at_its_floor_is_clamped() -> None:
    found = recovers("cosine", {"lr": 0.1, "T_max": 100, "eta_min": 1e-3, "clamp": True}, 200)
    assert found.named is not None and found.named.parameters()["clamp"] is True


def test_only_a_rise_has_no_name_but_candidates() -> None:
    found = only(series(1e-4 * np.arange(1, 50) / 500))
    assert found.named is None
    assert {"cosine", "linear", "onecycle"} <= {a.name for a in found.alternatives}
    assert [s.shape.name for s in found.segments] == ["linear"]


def test_a_per_epoch_cosine_may_hide_per_batch_stepping() -> None:
    # T_max 100 stepped at each of 390 batches, logged once per epoch.
    lr = from_parameters("cosine", {"lr": 0.1, "T_max": 100}).lr(390.0 * np.arange(10))
    found = only(series(lr))
    assert found.named is not None and found.named.parameters()["T_max"] == pytest.approx(10)
    assert any(a.name == "cosine" and "once per batch" in a.reason for a in found.alternatives)


def test_epoch_schedule_logged_at_every_step_is_one_schedule() -> None:
    found = only(log("cosine", {"lr": 0.1, "T_max": 3900, "interval": 130}, 3900))
    assert found.named is not None and found.named.name == "cosine"
    parameters = found.named.parameters()
    assert parameters["T_max"] == pytest.approx(3900) and parameters["interval"] == 130
    assert found.residual < 1e-6


def test_one_based_epochs_begin_at_one() -> None:
    lr = from_parameters("cosine", {"lr": 0.1, "T_max": 50}).lr(np.arange(50.0))
    found = only(series(lr, first=1))
    assert found.origin == 1 and found.logged == "used"


def test_value_logged_after_the_scheduler_step_is_the_next_one() -> None:
    lr = from_parameters("cosine", {"lr": 0.1, "T_max": 500}).lr(np.arange(1.0, 500.0))
    assert only(series(lr)).logged == "next"


def test_line_logged_after_the_scheduler_step_starts_where_its_lr_is_round() -> None:
    lr = from_parameters("linear", {"lr": 5e-5, "total_steps": 1500}).lr(np.arange(1.0, 1001.0))
    found = only(series(lr, first=1))
    assert found.origin == 0 and found.named is not None
    assert found.named.parameters() == {"lr": 5e-5, "total_steps": 1500, "end_lr": 0.0}


@pytest.mark.parametrize("low", [0.01, 0.1])
def test_line_to_a_share_of_its_lr_ends_at_a_whole_step(low: float) -> None:
    recovers("linear", {"lr": 0.01, "total_steps": 100, "end_lr": 0.01 * low}, 80)


def test_ultralytics_log_with_its_doubled_value() -> None:
    epochs, warmup, batches, low = 100, 3, 200, 0.01
    body = [max(1 - e / epochs, 0) * (1 - low) + low for e in range(epochs)]
    ramp = [b * ((e + 1) * batches - 1) / (warmup * batches) for e, b in enumerate(body[:warmup])]
    lr = 0.01 * np.array([*ramp, body[3], *body[3 : epochs - 1]])
    found = only(Series("lr", np.arange(1, epochs + 1), [float(f"{v:.5g}") for v in lr]))
    assert found.named is not None and found.named.name == "linear"
    assert found.named.parameters()["total_steps"] == pytest.approx(100, rel=0.03)
    assert found.residual < 0.01


# ---------------------------------------------------------------------------- several schedules


def test_rebuilt_after_unfreezing() -> None:
    first = from_parameters("cosine", {"lr": 1e-3, "T_max": 300}).lr(np.arange(100.0))
    second = from_parameters("cosine", {"lr": 1e-4, "T_max": 200}).lr(np.arange(200.0))
    found = fit_schedules(series([*first, *second]), boundaries=[100])
    assert [(s.start, s.stop) for s in found] == [(0, 100), (100, 300)]
    assert [s.named.name for s in found if s.named] == ["cosine", "cosine"]
    assert found[1].origin == pytest.approx(100, abs=0.1)
    assert found[1].named.parameters()["lr"] == pytest.approx(1e-4)  # type: ignore[union-attr]


def test_restored_scheduler_goes_on_as_one_schedule() -> None:
    lr = log("cosine", {"lr": 0.1, "T_max": 1000, "warmup": 50}, 1000)
    assert len(fit_schedules(lr, boundaries=[400])) == 1


def test_warm_up_again_is_a_second_schedule() -> None:
    one = from_parameters("cosine", {"lr": 0.1, "T_max": 900, "warmup": 100}).lr(np.arange(500.0))
    found = fit_schedules(series([*one, *one]), boundaries=[500])
    assert len(found) == 2 and found[1].start == 500


def test_sgdr_is_one_schedule_but_a_restart_of_the_run_is_not() -> None:
    one = from_parameters("cosine", {"lr": 0.1, "T_max": 300}).lr(np.arange(300.0))
    assert only(series([*one, *one, *one])).named.name == "cosine_restarts"  # type: ignore[union-attr]
    assert len(fit_schedules(series([*one, *one]), boundaries=[300])) == 2


# ---------------------------------------------------------------------------- odd data


def test_nothing_to_fit() -> None:
    assert fit_schedules(series([])) == ()
    assert fit_schedules(series([np.nan, np.inf])) == ()


@pytest.mark.parametrize("level", [0.1, 0.0, -1e-3, 1e-30])
@pytest.mark.parametrize("points", [1, 2, 3, 500])
def test_one_level(level: float, points: int) -> None:
    found = only(series([level] * points))
    assert found.named is not None and found.named.name == "constant"
    assert found.named.parameters()["lr"] == pytest.approx(level, rel=1e-6)
    assert (found.start, found.stop) == (0, points)


def test_gaps_in_the_values_are_skipped() -> None:
    lr = log("cosine", {"lr": 0.1, "T_max": 200}, 200)
    value = lr.value.copy()
    value[[3, 50, 51, 120]] = [np.nan, np.inf, -np.inf, np.nan]
    found = only(Series("lr", lr.step, value))
    assert found.named is not None and found.named.parameters()["T_max"] == pytest.approx(200)


def test_irregular_sampling() -> None:
    x = np.unique(np.random.default_rng(0).integers(0, 10_000, 300))
    lr = from_parameters("onecycle", {"max_lr": 0.1, "total_steps": 10_000}).lr(x.astype(float))
    found = only(Series("lr", x, lr.astype(np.float32)))
    assert found.named is not None and found.named.name == "onecycle"
    assert found.named.parameters()["total_steps"] == pytest.approx(10_000, rel=1e-3)


@pytest.mark.parametrize("places", [5, 6, 7])
def test_stairs_of_a_rounded_text_log_are_not_steps(places: int) -> None:
    lr = from_parameters("cosine", {"lr": 1e-3, "T_max": 1000, "warmup": 100}).lr(np.arange(1100.0))
    rounded = [float(f"{v:.{places}f}") for v in lr]
    found = only(Series("lr", np.arange(1100), rounded))
    assert found.named is not None and found.named.name == "cosine", found.named
    assert found.named.parameters()["T_max"] == pytest.approx(1000, rel=0.02)


def test_poly_of_nnunet_printed_with_five_places() -> None:
    lr = from_parameters("polynomial", {"lr": 0.01, "total_steps": 1000, "power": 0.9})
    rounded = [round(float(v), 5) for v in lr.lr(np.arange(1000.0))]
    found = only(Series("lr", np.arange(1000), rounded))
    assert found.named is not None and found.named.name == "polynomial"
    assert found.named.parameters()["power"] == pytest.approx(0.9, abs=0.01)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.floats(allow_nan=True, allow_infinity=True, width=32)
        | st.sampled_from([0.0, 0.1, 0.01]),
        max_size=30,
    ),
    st.lists(st.integers(0, 30), max_size=2),
)
@example([0.01, 0.0078125, 0.1], [])
def test_any_values_give_touching_schedules(values: list[float], boundaries: list[int]) -> None:
    found = fit_schedules(series(values), boundaries=boundaries)
    for left, right in pairwise(found):
        assert left.stop == right.start
    for schedule in found:
        assert schedule.start < schedule.stop and schedule.segments
        assert schedule.segments[0].start <= schedule.stop
        assert np.isfinite(schedule.residual)
        assert schedule.lr(np.arange(schedule.start, schedule.stop)).shape == (
            schedule.stop - schedule.start,
        )


def test_a_million_points_keep_their_corner() -> None:
    parameters = {"lr": 0.1, "milestones": [333_333, 900_001]}
    found = only(log("multistep", parameters, 1_000_000))
    assert found.named is not None
    assert found.named.parameters()["milestones"] == (333_333, 900_001)


HUGE = st.sampled_from([0.0, 5e-324, 1e-308, 1.0, 1e200, 1.7e308, -1e200, -1.7e308])


@settings(max_examples=40, deadline=None)
@given(st.lists(HUGE, min_size=1, max_size=40), st.lists(st.floats(-307, 307), max_size=40))
def test_extreme_values_warn_nobody(mixed: list[float], powers: list[float]) -> None:
    for values in (mixed, 10.0 ** np.array(powers), np.sort(10.0 ** np.array(powers))):
        for schedule in fit_schedules(Series("lr", np.arange(len(values)), values)):
            schedule.lr(np.arange(0, 10**9, 10**8))


@pytest.mark.parametrize("odd", [5e-324, 1e-300, 1e300, -1.7e308, np.inf, np.nan])
def test_values_at_the_edge_of_floats_are_survived(odd: float) -> None:
    rates = np.repeat([odd, 0.027, 0.0027, odd, 0.0027], 4)
    schedules = fit_schedules(Series("lr", np.arange(len(rates)), rates))
    assert schedules and all(np.isfinite(s.lr(np.arange(20))).all() for s in schedules)
