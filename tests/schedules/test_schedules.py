"""Schedules against their formulas written out, their canonical parameters and their limits."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from lrdoctor.errors import ConfigError
from lrdoctor.plugins import discover
from lrdoctor.schedules._build import from_parameters

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "constant": {"lr": 0.1},
    "step": {"lr": 0.1, "step_size": 30, "gamma": 0.1},
    "multistep": {"lr": 0.1, "milestones": (30.0, 60.0), "gamma": 0.1},
    "exponential": {"lr": 0.1, "gamma": 0.95},
    "cosine": {"lr": 0.1, "T_max": 100, "eta_min": 1e-5},
    "cosine_restarts": {"lr": 0.1, "T_0": 10, "T_mult": 2, "eta_min": 0.0},
    "linear": {"lr": 0.1, "total_steps": 100, "end_lr": 0.0},
    "polynomial": {"lr": 0.1, "total_steps": 100, "power": 0.9, "end_lr": 0.0},
    "onecycle": {
        "max_lr": 0.1,
        "total_steps": 100,
        "pct_start": 0.3,
        "div_factor": 25.0,
        "final_div_factor": 1e4,
        "anneal_strategy": "cos",
    },
    "cyclic": {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 20, "mode": "triangular"},
    "inverse_sqrt": {"lr": 0.1, "timescale": 10},
    "wsd": {
        "lr": 0.1,
        "decay_start": 80,
        "decay_steps": 20,
        "decay_shape": "linear",
        "end_lr": 0.0,
    },
    "reduce_on_plateau": {"lr": 0.1, "factor": 0.1, "reductions": (17.0, 41.0), "min_lr": 0.0},
}


def lr_of(name: str, **parameters: Any) -> Callable[[float], float]:
    """The LR at one time of a schedule built from canonical parameters."""
    named = from_parameters(name, parameters)
    return lambda t: float(named.lr(np.array([float(t)]))[0])


def test_the_examples_name_every_family() -> None:
    assert set(EXAMPLES) == set(discover("schedules"))


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_parameters_come_back_as_given(name: str) -> None:
    assert dict(from_parameters(name, EXAMPLES[name]).parameters()) == EXAMPLES[name]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_parameters_come_back_with_a_warm_up(name: str) -> None:
    ramp = {"warmup": 5, "warmup_start_lr": 0.001, "warmup_shape": "cosine"}
    given = {**EXAMPLES[name], **ramp}
    named = from_parameters(name, given)
    assert dict(named.parameters()) == given
    assert float(named.lr(np.zeros(1))[0]) == pytest.approx(0.001)
    assert pickle.loads(pickle.dumps(named)) == named


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_time_before_the_start_holds_the_first_value(name: str) -> None:
    named = from_parameters(name, EXAMPLES[name])
    before, first = named.lr(np.array([-7.0, 0.0]))
    assert before == first


def test_transformers_cosine_with_warmup() -> None:
    lr = lr_of("cosine", lr=5e-4, T_max=4500, warmup=500)
    for step in (0, 250, 500, 1250, 2500, 4999):
        if step < 500:
            expected = 5e-4 * step / 500
        else:
            expected = 5e-4 * 0.5 * (1 + math.cos(math.pi * (step - 500) / 4500))
        assert lr(step) == pytest.approx(expected, rel=1e-12)


def test_transformers_linear_stays_at_zero() -> None:
    lr = lr_of("linear", lr=5e-5, total_steps=900, warmup=100)
    assert lr(550) == pytest.approx(5e-5 * (1000 - 550) / 900, rel=1e-12)
    assert lr(1000) == lr(2000) == 0.0


def test_transformers_inverse_sqrt() -> None:
    lr = lr_of("inverse_sqrt", lr=1e-3, timescale=200, warmup=200)
    for step in (200, 400, 1000):
        assert lr(step) == pytest.approx(1e-3 / math.sqrt(step / 200), rel=1e-12)


def test_timm_cosine_stays_at_its_floor() -> None:
    lr = lr_of("cosine", lr=0.1, T_max=100, eta_min=1e-3, clamp=True)
    assert lr(100) == lr(180) == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("shape", "halfway"), [("linear", 0.5), ("cosine", 0.5), ("1-sqrt", 1 - math.sqrt(0.5))]
)
def test_wsd_decay_shapes(shape: str, halfway: float) -> None:
    lr = lr_of("wsd", lr=1.0, decay_start=80, decay_steps=20, decay_shape=shape, warmup=10)
    assert lr(5) == pytest.approx(0.5)
    assert lr(79) == 1.0
    assert lr(90) == pytest.approx(halfway)
    assert lr(100) == lr(150) == pytest.approx(0.0, abs=1e-15)


def test_wsd_exponential_decay() -> None:
    parameters = {"decay_start": 80, "decay_steps": 20, "end_lr": 0.01}
    assert lr_of("wsd", lr=1.0, decay_shape="exponential", **parameters)(90) == pytest.approx(0.1)


def test_ultralytics_warm_up_multiplies_a_decay_that_has_begun() -> None:
    ramp = {"warmup": 4, "warmup_start_lr": 0.002, "warmup_overlap": True}
    named = from_parameters("linear", {"lr": 0.01, "total_steps": 100, "end_lr": 1e-4, **ramp})
    body = 0.01 + (1e-4 - 0.01) * 0.02
    assert named.lr(np.array([2.0]))[0] == pytest.approx(body * (0.2 + 0.8 * 0.5))
    assert named.parameters()["warmup_overlap"] is True


def test_ultralytics_biases_fall_towards_the_lr_of_the_epoch() -> None:
    # The trainer's interpolation over 3 epochs of 200 batches, logged after the last batch of each;
    # the epoch in which it ends is set once more by the scheduler.
    batches, epochs, low = 200, 100, 0.01
    lr_of_epoch = [0.01 * (max(1 - e / epochs, 0) * (1 - low) + low) for e in range(epochs)]
    done = [min(((e + 1) * batches - 1) / (3 * batches), 1) for e in range(epochs)]
    expected = [
        np.interp(d, [0, 1], [0.1, lr_of_epoch[e if e <= 3 else e - 1]]) for e, d in enumerate(done)
    ]
    ramp = {"warmup": 3, "warmup_start_lr": 0.1, "warmup_overlap": True, "warmup_echo": True}
    named = from_parameters("linear", {"lr": 0.01, "total_steps": 100, "end_lr": 1e-4, **ramp})
    at = np.arange(epochs) + 1 - 1 / batches
    np.testing.assert_allclose(named.lr(at), expected, rtol=1e-12)


def test_deepspeed_warm_up_rises_with_the_logarithm() -> None:
    parameters = {"lr": 1e-3, "warmup": 500, "warmup_start_lr": 1e-5, "warmup_shape": "log"}
    steps = np.arange(800)
    share = np.where(steps < 500, np.log(steps + 1) / np.log(500), 1.0)
    expected = 1e-5 + (1e-3 - 1e-5) * share
    found = from_parameters("constant", parameters).lr(steps.astype(float))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_noam_and_t5_are_inverse_square_roots() -> None:
    steps = np.arange(1, 4000)
    noam = 512**-0.5 * np.minimum(steps**-0.5, steps * 400**-1.5)
    named = from_parameters("inverse_sqrt", {"lr": noam.max(), "timescale": 400, "warmup": 400})
    np.testing.assert_allclose(named.lr(steps.astype(float)), noam, rtol=1e-12)
    t5 = 1 / np.sqrt(np.maximum(steps, 1000))
    hold = {"warmup": 1000, "warmup_shape": "constant", "warmup_start_lr": 1000**-0.5}
    named = from_parameters("inverse_sqrt", {"lr": 1000**-0.5, "timescale": 1000, **hold})
    np.testing.assert_allclose(named.lr(steps.astype(float)), t5, rtol=1e-12)


def test_epoch_schedule_on_a_step_axis_holds_within_the_epoch() -> None:
    lr = lr_of("cosine", lr=0.1, T_max=3900, interval=390)
    assert lr(389) == 0.1
    assert lr(390) == lr(779) == pytest.approx(0.05 * (1 + math.cos(math.pi / 10)))


def test_one_cycle_peaks_one_step_before_its_share() -> None:
    named = from_parameters("onecycle", {"max_lr": 0.15, "total_steps": 112_590, "pct_start": 0.2})
    assert int(np.argmax(named.lr(np.arange(112_590.0)))) == 22_517


def test_one_cycle_ends_at_max_over_both_factors() -> None:
    lr = lr_of("onecycle", max_lr=0.1, total_steps=100)
    assert lr(99) == pytest.approx(4e-7) and lr(500) == pytest.approx(4e-7)


def test_cosine_of_the_scheduling_guide() -> None:
    lr = lr_of("cosine", lr=0.1, T_max=100, eta_min=1e-5)
    assert lr(25) == pytest.approx(0.08536, abs=1e-5)
    assert lr(75) == pytest.approx(0.01465, abs=1e-5)


def test_exponential_of_the_scheduling_guide() -> None:
    assert lr_of("exponential", lr=0.1, gamma=0.95)(100) == pytest.approx(0.000592, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("cosin", {}, "unknown schedule 'cosin'; valid: constant, cosine"),
        ("cosine", {"lr": 0.1, "tmax": 3}, "no parameter 'tmax'; valid: lr, T_max"),
        ("cosine", {"lr": 0.1}, "cosine needs T_max"),
        ("cosine", {"lr": 0.1, "T_max": 0}, "T_max must be positive, got 0.0"),
        ("cosine", {"lr": "fast", "T_max": 3}, "lr must be a number, got 'fast'"),
        ("onecycle", {"max_lr": 1, "total_steps": 9, "pct_start": 3}, "pct_start must lie"),
        ("onecycle", {"max_lr": 1, "total_steps": 9, "anneal_strategy": "x"}, "one of cos, linear"),
        ("multistep", {"lr": 0.1, "milestones": [5, 3]}, "milestones must ascend"),
        ("constant", {"lr": 0.1, "warmup": -1}, "warmup must be positive"),
        ("constant", {"lr": 0.1, "warmup": 3, "warmup_shape": "odd"}, "warmup_shape must be"),
        ("constant", {"lr": math.nan}, "lr must be finite"),
    ],
)
def test_wrong_parameters_say_what_is_valid(
    name: str, parameters: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message.split("; valid")[0]) as error:
        from_parameters(name, parameters)
    assert message in str(error.value)
