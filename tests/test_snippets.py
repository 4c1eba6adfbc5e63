"""Rendered code, run with torch, gives the LR of the closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lrdoctor.schedules._build import from_parameters
from lrdoctor.snippets import code_for
from lrdoctor.types import ClockUnit

WARM = {"warmup": 10, "warmup_start_lr": 0.01}
CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("constant", {"lr": 0.1}),
    ("constant", {"lr": 0.1, **WARM}),
    ("step", {"lr": 0.1, "step_size": 30, "gamma": 0.1}),
    ("multistep", {"lr": 0.1, "milestones": [30, 60], "gamma": 0.1, **WARM}),
    ("exponential", {"lr": 0.1, "gamma": 0.95}),
    ("exponential", {"lr": 0.1, "gamma": 0.9, "min_lr": 1e-3}),
    ("cosine", {"lr": 0.1, "T_max": 60, "eta_min": 1e-4, **WARM}),
    ("cosine", {"lr": 0.1, "T_max": 50, "eta_min": 1e-4, "clamp": True}),
    ("cosine", {"lr": 0.1, "T_max": 90, "eta_min": 0.0, "interval": 10}),
    ("cosine_restarts", {"lr": 0.1, "T_0": 20, "T_mult": 2, "eta_min": 1e-4}),
    ("linear", {"lr": 0.1, "total_steps": 80, "end_lr": 1e-3}),
    ("polynomial", {"lr": 0.1, "total_steps": 80, "power": 0.9}),
    ("polynomial", {"lr": 0.1, "total_steps": 80, "power": 0.9, "end_lr": 1e-3}),
    ("onecycle", {"max_lr": 0.1, "total_steps": 100, "pct_start": 0.2}),
    ("onecycle", {"max_lr": 0.1, "total_steps": 100, "three_phase": True}),
    ("inverse_sqrt", {"lr": 0.1, "timescale": 30, **WARM}),
    ("wsd", {"lr": 0.1, "decay_start": 70, "decay_steps": 30, **WARM}),
    ("wsd", {"lr": 0.1, "decay_start": 70, "decay_steps": 30, "decay_shape": "1-sqrt"}),
    ("wsd", {"lr": 0.1, "decay_start": 60, "decay_steps": 40, "decay_shape": "cosine"}),
    ("cosine", {"lr": 0.1, "T_max": 60, **WARM, "warmup_shape": "cosine"}),
    ("linear", {"lr": 0.1, "total_steps": 60, **WARM, "warmup_shape": "log"}),
    ("step", {"lr": 0.1, "step_size": 30, **WARM, "warmup_shape": "exponential"}),
    ("constant", {"lr": 0.1, **WARM, "warmup_shape": "constant"}),
    ("cyclic", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 20}),
)


@pytest.mark.parametrize(
    ("name", "parameters"), CASES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_code_gives_the_schedule(name: str, parameters: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    named = from_parameters(name, parameters)
    code = code_for([("all", named)])["torch"]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scope: dict[str, Any] = {"optimizer": optimizer}
    exec(code.split("\n...\n")[0], scope)
    every, got = int(parameters.get("interval", 1)), []
    for step in range(100):
        got.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (step + 1) % every == 0 and step < 99:
            scope["scheduler"].step()
    np.testing.assert_allclose(got, named.lr(np.arange(100.0)), rtol=1e-9, atol=1e-12)


def test_plateau_code_is_python() -> None:
    named = from_parameters("reduce_on_plateau", {"lr": 0.1, "factor": 0.1, "reductions": [30]})
    compile(code_for([("all", named)])["torch"], "snippet", "exec")


def test_groups_that_differ_by_a_factor_share_a_section() -> None:
    head = from_parameters("cosine", {"lr": 0.1, "T_max": 90})
    backbone = from_parameters("cosine", {"lr": 0.01, "T_max": 90})
    code = code_for([("head", head), ("backbone", backbone)])["torch"]
    assert code.count("CosineAnnealingLR(") == 1
    assert "# head: lr=0.1" in code and "# backbone: lr=0.01" in code


@pytest.mark.parametrize("floor", [1e-3, 1e-4])
def test_groups_share_a_section_with_one_floor_and_with_floors_in_proportion(floor: float) -> None:
    torch = pytest.importorskip("torch")
    levels = ((0.1, 1e-3), (0.01, floor))
    groups = [from_parameters("cosine", {"lr": a, "T_max": 90, "eta_min": b}) for a, b in levels]
    code = code_for([("head", groups[0]), ("backbone", groups[1])])["torch"]
    assert code.count("scheduler =") == 1
    optimizer = torch.optim.SGD(
        [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr, _ in levels]
    )
    scope: dict[str, Any] = {"optimizer": optimizer}
    exec(code.split("\n...\n")[0], scope)
    for step in range(90):
        got = [group["lr"] for group in optimizer.param_groups]
        expected = [float(g.lr(np.array([float(step)]))[0]) for g in groups]
        np.testing.assert_allclose(got, expected, rtol=1e-6)
        optimizer.step()
        scope["scheduler"].step()


def test_groups_with_floors_of_neither_kind_have_sections_of_their_own() -> None:
    groups = [
        (n, from_parameters("cosine", {"lr": lr, "T_max": 90, "eta_min": floor}))
        for n, lr, floor in (("head", 0.1, 1e-3), ("backbone", 0.01, 2e-3))
    ]
    assert code_for(groups)["torch"].count("scheduler =") == 2


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("onecycle", {"max_lr": 0.1, "total_steps": 99.5}),
        ("multistep", {"lr": 0.1, "milestones": [30.5]}),
        ("cosine", {"lr": 0.1, "T_max": 60, "warmup": 9.5}),
    ],
)
def test_no_code_for_lengths_that_torch_counts_in_whole_steps(
    name: str, parameters: dict[str, Any]
) -> None:
    assert code_for([("all", from_parameters(name, parameters))]) == {}


@pytest.mark.parametrize("lr", [0.0, 1e-310, 1e300])
def test_no_code_for_an_lr_of_which_nothing_can_be_a_factor(lr: float) -> None:
    for name in ("linear", "polynomial"):
        named = from_parameters(name, {"lr": lr, "total_steps": 90, "end_lr": 1e-5, **WARM})
        assert code_for([("all", named)]) == {}


def test_onecycle_keeps_the_levels_of_groups() -> None:
    groups = [
        (n, from_parameters("onecycle", {"max_lr": lr, "total_steps": 100}))
        for n, lr in (("head", 0.1), ("backbone", 0.01))
    ]
    assert "max_lr=[0.1, 0.01]" in code_for(groups)["torch"]


def test_a_name_cannot_leave_its_comment() -> None:
    named = from_parameters("constant", {"lr": 0.1})
    code = code_for([("x\nimport os", named)])["torch"]
    assert "\nimport os" not in code


def test_says_when_to_step() -> None:
    named = from_parameters("cosine", {"lr": 0.1, "T_max": 90})
    assert "after each epoch" in code_for([("all", named)], ClockUnit.EPOCH)["torch"]
