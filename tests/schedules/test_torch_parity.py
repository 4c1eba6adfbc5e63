"""Every closed form against the torch scheduler it models, step by step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from lrdoctor.schedules._build import from_parameters

torch = pytest.importorskip("torch")
sched = torch.optim.lr_scheduler

Maker = Callable[[Any], Any]


def trace(base: float, make: Maker, steps: int) -> np.ndarray:
    """LRs that ``steps`` successive optimizer steps would use."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base, momentum=0.9)
    scheduler = make(optimizer)
    values = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(steps):
            values.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return np.array(values, dtype=float)


def warmed(optimizer: Any, body: Any, start: float, length: int) -> Any:
    ramp = sched.LinearLR(optimizer, start_factor=start, total_iters=length)
    return sched.SequentialLR(optimizer, [ramp, body], milestones=[length])


def chained(optimizer: Any, body: Any, start: float, length: int) -> Any:
    return sched.ChainedScheduler(
        [body, sched.LinearLR(optimizer, start_factor=start, total_iters=length)]
    )


CASES: list[tuple[str, str, Mapping[str, Any], Maker, int]] = [
    (
        "step",
        "step",
        {"lr": 0.1, "step_size": 30, "gamma": 0.1},
        lambda o: sched.StepLR(o, 30),
        120,
    ),
    (
        "multistep",
        "multistep",
        {"lr": 0.1, "milestones": [16, 22], "gamma": 0.3},
        lambda o: sched.MultiStepLR(o, [16, 22], 0.3),
        26,
    ),
    (
        "exponential",
        "exponential",
        {"lr": 0.1, "gamma": 0.95},
        lambda o: sched.ExponentialLR(o, 0.95),
        100,
    ),
    (
        "cosine rebounds after T_max",
        "cosine",
        {"lr": 0.1, "T_max": 100, "eta_min": 1e-5},
        lambda o: sched.CosineAnnealingLR(o, 100, 1e-5),
        250,
    ),
    (
        "restarts of one length",
        "cosine_restarts",
        {"lr": 0.1, "T_0": 10},
        lambda o: sched.CosineAnnealingWarmRestarts(o, 10),
        35,
    ),
    (
        "restarts of growing length",
        "cosine_restarts",
        {"lr": 0.1, "T_0": 10, "T_mult": 2, "eta_min": 1e-4},
        lambda o: sched.CosineAnnealingWarmRestarts(o, 10, 2, 1e-4),
        170,
    ),
    (
        "restarts that triple",
        "cosine_restarts",
        {"lr": 0.1, "T_0": 7, "T_mult": 3},
        lambda o: sched.CosineAnnealingWarmRestarts(o, 7, 3),
        300,
    ),
    (
        "linear decay",
        "linear",
        {"lr": 0.1, "total_steps": 80, "end_lr": 0.001},
        lambda o: sched.LinearLR(o, 1.0, 0.01, 80),
        100,
    ),
    (
        "polynomial",
        "polynomial",
        {"lr": 0.1, "total_steps": 80, "power": 0.9},
        lambda o: sched.PolynomialLR(o, 80, 0.9),
        100,
    ),
    (
        "onecycle with torch's defaults",
        "onecycle",
        {"max_lr": 0.1, "total_steps": 100},
        lambda o: sched.OneCycleLR(o, 0.1, 100),
        100,
    ),
    (
        "onecycle with straight lines",
        "onecycle",
        {
            "max_lr": 0.15,
            "total_steps": 250,
            "pct_start": 0.2,
            "div_factor": 100,
            "final_div_factor": 1000,
            "anneal_strategy": "linear",
        },
        lambda o: sched.OneCycleLR(
            o,
            0.15,
            250,
            pct_start=0.2,
            div_factor=100,
            final_div_factor=1000,
            anneal_strategy="linear",
        ),
        250,
    ),
    (
        "onecycle in three phases",
        "onecycle",
        {"max_lr": 0.1, "total_steps": 100, "pct_start": 0.25, "three_phase": True},
        lambda o: sched.OneCycleLR(o, 0.1, 100, pct_start=0.25, three_phase=True),
        100,
    ),
    (
        "onecycle in three straight phases",
        "onecycle",
        {"max_lr": 0.1, "total_steps": 97, "anneal_strategy": "linear", "three_phase": True},
        lambda o: sched.OneCycleLR(o, 0.1, 97, anneal_strategy="linear", three_phase=True),
        97,
    ),
    (
        "triangular",
        "cyclic",
        {"base_lr": 0.001, "max_lr": 0.1, "step_size_up": 20},
        lambda o: sched.CyclicLR(o, 0.001, 0.1, 20),
        130,
    ),
    (
        "triangular2, uneven",
        "cyclic",
        {
            "base_lr": 0.001,
            "max_lr": 0.1,
            "step_size_up": 20,
            "step_size_down": 30,
            "mode": "triangular2",
        },
        lambda o: sched.CyclicLR(o, 0.001, 0.1, 20, 30, mode="triangular2"),
        200,
    ),
    (
        "exp_range",
        "cyclic",
        {"base_lr": 0.001, "max_lr": 0.1, "step_size_up": 20, "mode": "exp_range", "gamma": 0.99},
        lambda o: sched.CyclicLR(o, 0.001, 0.1, 20, mode="exp_range", gamma=0.99),
        130,
    ),
    (
        "constant after a linear warm-up",
        "constant",
        {"lr": 0.1, "warmup": 8, "warmup_start_lr": 0.01},
        lambda o: sched.LinearLR(o, 0.1, 1.0, 8),
        30,
    ),
    (
        "a constant factor, then the full LR",
        "constant",
        {"lr": 0.1, "warmup": 5, "warmup_start_lr": 0.1 / 3, "warmup_shape": "constant"},
        lambda o: sched.ConstantLR(o),
        12,
    ),
    (
        "cosine after a warm-up",
        "cosine",
        {"lr": 0.1, "T_max": 90, "eta_min": 1e-4, "warmup": 10, "warmup_start_lr": 0.001},
        lambda o: warmed(o, sched.CosineAnnealingLR(o, 90, 1e-4), 0.01, 10),
        100,
    ),
    (
        "a ramp chained with an exponential",
        "exponential",
        {"lr": 0.1, "gamma": 0.95, "warmup": 10, "warmup_start_lr": 0.02, "warmup_overlap": True},
        lambda o: chained(o, sched.ExponentialLR(o, 0.95), 0.2, 10),
        40,
    ),
    (
        "a ramp chained with a cosine",
        "cosine",
        {"lr": 0.1, "T_max": 60, "warmup": 10, "warmup_start_lr": 0.01, "warmup_overlap": True},
        lambda o: chained(o, sched.CosineAnnealingLR(o, 60), 0.1, 10),
        60,
    ),
    (
        "a ramp chained with steps",
        "step",
        {"lr": 0.1, "step_size": 30, "gamma": 0.1, "warmup": 5, "warmup_start_lr": 0.02}
        | {"warmup_overlap": True},
        lambda o: chained(o, sched.StepLR(o, 30), 0.2, 5),
        100,
    ),
    (
        "step after a warm-up",
        "step",
        {"lr": 0.1, "step_size": 30, "gamma": 0.1, "warmup": 5, "warmup_start_lr": 0.02},
        lambda o: warmed(o, sched.StepLR(o, 30), 0.2, 5),
        100,
    ),
]


@pytest.mark.parametrize(
    ("name", "parameters", "make", "steps"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_closed_form_equals_torch(
    name: str, parameters: Mapping[str, Any], make: Maker, steps: int
) -> None:
    base = float(parameters.get("lr", parameters.get("base_lr", parameters.get("max_lr", 0.0))))
    expected = trace(base, make, steps)
    found = from_parameters(name, parameters).lr(np.arange(steps, dtype=float))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14 * base)


def test_polynomial_default_power_is_torch_linear() -> None:
    expected = trace(0.1, lambda o: sched.PolynomialLR(o), 8)
    found = from_parameters("polynomial", {"lr": 0.1, "total_steps": 5}).lr(np.arange(8.0))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_plateau_cuts_where_torch_cut() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = sched.ReduceLROnPlateau(optimizer, factor=0.5, patience=3, min_lr=0.02)
    values = []
    for _ in range(20):
        values.append(optimizer.param_groups[0]["lr"])
        scheduler.step(1.0)
    cuts = [5, 9, 13]  # patience 3: bad evaluations 2..5 make the first cut, used from step 5 on
    named = from_parameters(
        "reduce_on_plateau", {"lr": 0.1, "factor": 0.5, "reductions": cuts, "min_lr": 0.02}
    )
    np.testing.assert_allclose(named.lr(np.arange(20.0)), values, rtol=1e-12)
