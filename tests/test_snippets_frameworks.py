"""The forms of other frameworks give the recovered LR by the formulas their documentation has."""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lrdoctor.diagnosis import diagnose
from lrdoctor.reports.html import Html
from lrdoctor.rulebook import load_rulebook
from lrdoctor.schedules._build import from_parameters
from lrdoctor.snippets import Source, code_from_log
from lrdoctor.types import ClockUnit, Schedule
from lrdoctor.verdict import Report
from tests.builders import a_run

WARM = {"warmup": 10, "warmup_start_lr": 0.0}
BATCHES = 8
Parameters = dict[str, Any]


def recovered(name: str, parameters: Parameters, stop: int, origin: float = 0.0) -> Schedule:
    return Schedule(0, stop, (), from_parameters(name, parameters), 0.0, origin)


def code_of(schedule: Schedule, source: Source, *others: Schedule) -> dict[str, str]:
    everyone = [(f"pg{i}", s) for i, s in enumerate((schedule, *others))]
    return code_from_log(everyone[:1], everyone, source)


def captured(code: str, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    """The arguments that a snippet gives TrainingArguments or a model's train method."""
    seen: Parameters = {}
    module = types.ModuleType("transformers")
    module.TrainingArguments = seen.update  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", module)
    exec(code, {"model": types.SimpleNamespace(train=seen.update)})
    return seen


# ---------------------------------------------------------------------------- transformers

HF = Source("trainer_state")


def trainer_lr(step: int, a: Parameters) -> float:
    """LR of transformers' Trainer at a step, from its arguments."""
    lr, warm, total = a["learning_rate"], a.get("warmup_steps", 0), a.get("max_steps", math.inf)
    extra, kind = a.get("lr_scheduler_kwargs", {}), a["lr_scheduler_type"]
    if kind == "constant":
        assert not warm
    if step < warm:
        low = extra.get("min_lr_ratio", 0.0)
        return float(lr * (low + (1 - low) * step / warm))
    done = (step - warm) / (total - warm)
    if kind in ("constant", "constant_with_warmup"):
        return float(lr)
    if kind == "linear":
        return float(lr * max(0.0, 1 - done))
    if kind == "polynomial":
        return float(extra["lr_end"] + (lr - extra["lr_end"]) * max(1 - done, 0) ** extra["power"])
    if kind in ("cosine", "cosine_with_min_lr"):
        low = extra.get("min_lr", 0.0)
        return float(low + (lr - low) * (1 + math.cos(math.pi * done)) / 2)
    if kind == "cosine_with_restarts":
        turn = (extra["num_cycles"] * done) % 1.0
        return float(lr * (1 + math.cos(math.pi * turn)) / 2 if done < 1 else 0.0)
    if kind == "inverse_sqrt":
        scale = extra.get("timescale", warm or 10_000)
        return float(lr / math.sqrt((step - warm + scale) / scale))
    assert kind == "warmup_stable_decay"
    share = (step - warm - extra["num_stable_steps"]) / extra["num_decay_steps"]
    if share < 0:
        return float(lr)
    shapes: dict[str, Callable[[float], float]] = {
        "linear": lambda p: 1 - p,
        "cosine": lambda p: (1 + math.cos(math.pi * p)) / 2,
        "1-sqrt": lambda p: 1 - math.sqrt(p),
    }
    low = extra["min_lr_ratio"]
    return float(lr * (low + (1 - low) * shapes[extra["decay_type"]](min(share, 1.0))))


@pytest.mark.parametrize(
    ("name", "parameters", "kind"),
    [
        ("constant", {"lr": 2e-5}, "constant"),
        ("constant", {"lr": 2e-5, **WARM}, "constant_with_warmup"),
        ("linear", {"lr": 2e-5, "total_steps": 99, **WARM}, "linear"),
        ("linear", {"lr": 2e-5, "total_steps": 99, "end_lr": 1e-6}, "polynomial"),
        ("polynomial", {"lr": 2e-5, "total_steps": 99, "power": 2, "end_lr": 1e-7}, "polynomial"),
        ("cosine", {"lr": 2e-5, "T_max": 89, **WARM}, "cosine"),
        ("cosine", {"lr": 2e-5, "T_max": 99, "eta_min": 2e-6, "clamp": True}, "cosine_with_min_lr"),
        ("cosine_restarts", {"lr": 2e-5, "T_0": 30, **WARM}, "cosine_with_restarts"),
        ("inverse_sqrt", {"lr": 2e-5, "timescale": 10, **WARM}, "inverse_sqrt"),
        ("inverse_sqrt", {"lr": 2e-5, "timescale": 25.5, **WARM}, "inverse_sqrt"),
        ("wsd", {"lr": 2e-5, "decay_start": 70, "decay_steps": 20, **WARM}, "warmup_stable_decay"),
        (
            "wsd",
            {"lr": 2e-5, "decay_start": 70, "decay_steps": 29, "decay_shape": "1-sqrt"}
            | {"end_lr": 1e-6, "warmup": 10, "warmup_start_lr": 1e-6},
            "warmup_stable_decay",
        ),
    ],
)
def test_training_arguments(
    name: str, parameters: Parameters, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = recovered(name, parameters, 99)
    code = code_of(schedule, HF)
    assert list(code) == ["transformers", "torch"]
    arguments = captured(code["transformers"], monkeypatch)
    assert arguments["lr_scheduler_type"] == kind
    got = [trainer_lr(step, arguments) for step in range(99)]
    np.testing.assert_allclose(got, schedule.lr(np.arange(99)), rtol=1e-6, atol=1e-18)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("step", {"lr": 0.1, "step_size": 30}),
        ("cosine", {"lr": 0.1, "T_max": 99, "interval": 9}),
        ("cosine", {"lr": 0.1, "T_max": 60}),  # the log sees it rebound, which no Trainer does
        ("cosine", {"lr": 0.1, "T_max": 99.5}),
        ("cosine_restarts", {"lr": 0.1, "T_0": 20, "T_mult": 2}),
        ("linear", {"lr": 0.1, "total_steps": 99, "warmup": 10, "warmup_start_lr": 0.01}),
        ("linear", {"lr": 0.1, "total_steps": 99, "warmup": 9.5}),
        ("linear", {"lr": 0.1, "total_steps": 99, "warmup": 10, "warmup_shape": "cosine"}),
        ("wsd", {"lr": 0.1, "decay_start": 70, "decay_steps": 29, "end_lr": 0.01, **WARM}),
        ("constant", {"lr": 0.0}),
    ],
)
def test_no_training_arguments_where_the_trainer_cannot(name: str, parameters: Parameters) -> None:
    assert "transformers" not in code_of(recovered(name, parameters, 99), HF)


# ---------------------------------------------------------------------------- Lightning


def configured(code: str) -> tuple[Any, Parameters]:
    """Optimizer and scheduler settings that a module with this method gives its trainer."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scope: Parameters = {}
    exec(code, scope)
    module = types.SimpleNamespace(build_optimizer=lambda: optimizer)
    made = scope["configure_optimizers"](module)
    assert made["optimizer"] is optimizer
    return optimizer, made["lr_scheduler"]


@pytest.mark.parametrize(
    ("name", "parameters", "interval"),
    [
        ("cosine", {"lr": 0.1, "T_max": 80, "eta_min": 1e-4, **WARM}, "step"),
        ("cosine", {"lr": 0.1, "T_max": 80, "interval": 8}, "epoch"),
        ("multistep", {"lr": 0.1, "milestones": [30, 60], "gamma": 0.1}, "step"),
        ("onecycle", {"max_lr": 0.1, "total_steps": 99, "pct_start": 0.2}, "step"),
        ("wsd", {"lr": 0.1, "decay_start": 70, "decay_steps": 20, **WARM}, "step"),
    ],
)
def test_configure_optimizers(name: str, parameters: Parameters, interval: str) -> None:
    schedule = recovered(name, parameters, 99)
    code = code_of(schedule, Source("lightning_csv", steps_per_epoch=float(BATCHES)))
    assert list(code) == ["lightning", "torch"]
    optimizer, settings = configured(code["lightning"])
    assert settings["interval"] == interval
    got = []
    for step in range(99):
        got.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < 98 and (interval == "step" or (step + 1) % BATCHES == 0):
            settings["scheduler"].step()
    np.testing.assert_allclose(got, schedule.lr(np.arange(99)), rtol=1e-6, atol=2e-9)


def test_lightning_watches_the_loss_of_a_plateau() -> None:
    schedule = recovered("reduce_on_plateau", {"lr": 0.1, "factor": 0.1, "reductions": [30]}, 99)
    _, settings = configured(code_of(schedule, Source("lightning_csv"))["lightning"])
    assert settings["monitor"] == "val_loss" and settings["interval"] == "epoch"


@pytest.mark.parametrize("per_epoch", [None, 7.0])
def test_no_lightning_where_the_interval_is_no_epoch(per_epoch: float | None) -> None:
    schedule = recovered("cosine", {"lr": 0.1, "T_max": 80, "interval": 8}, 99)
    code = code_of(schedule, Source("lightning_csv", steps_per_epoch=per_epoch))
    assert list(code) == ["torch"]


# ---------------------------------------------------------------------------- ultralytics

YOLO = Source("ultralytics_csv", ClockUnit.EPOCH, 1.0)
RAMP = {"warmup": 3, "warmup_start_lr": 0.0, "warmup_overlap": True}
LAST_BATCH = 1 / BATCHES  # before the end of an epoch, whose LR the log has


def yolo_lr(epoch: int, a: Parameters, *, bias: bool = False, late: bool = False) -> float:
    """LR of the last batch of an epoch in ultralytics' trainer, from its arguments.

    In YOLOv5 and in ultralytics' first versions, ``late``, the scheduler steps at the end of an
    epoch from one epoch before the first, while the warm-up goes by the epoch itself. Its last
    batch, the first of an epoch, leaves its LR for that epoch.
    """
    late = late and epoch > a["warmup_epochs"]
    share = (epoch - late) / a["epochs"]
    left = (1 + math.cos(math.pi * share)) / 2 if a["cos_lr"] else max(1 - share, 0.0)
    target = a["lr0"] * (left * (1 - a["lrf"]) + a["lrf"])
    batch, ramp = (epoch + 1) * BATCHES - 1, round(a["warmup_epochs"] * BATCHES)
    if batch > ramp:
        return float(target)
    return float(np.interp(batch, [0, ramp], [a["warmup_bias_lr"] if bias else 0.0, target]))


def yolo_schedule(name: str, parameters: Parameters, epochs: int = 100) -> Schedule:
    return recovered(name, parameters, epochs, LAST_BATCH - 1 if "warmup" in parameters else 0.0)


@pytest.mark.parametrize("source", [YOLO, Source("yolov5_csv", ClockUnit.EPOCH, 1.0)])
@pytest.mark.parametrize(
    ("name", "parameters", "cosine"),
    [
        ("linear", {"lr": 0.01, "total_steps": 100, "end_lr": 1e-4, **RAMP}, False),
        ("linear", {"lr": 0.01, "total_steps": 100, "end_lr": 1e-4}, False),
        ("cosine", {"lr": 0.01, "T_max": 100, "eta_min": 1e-3, **RAMP}, True),
        ("cosine", {"lr": 0.01, "T_max": 100, "warmup_echo": True, **RAMP}, True),
    ],
)
def test_ultralytics_arguments(
    name: str, parameters: Parameters, cosine: bool, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = yolo_schedule(name, parameters)
    code = code_of(weights, source)
    assert next(iter(code)) == "ultralytics"
    arguments = captured(code["ultralytics"], monkeypatch)
    assert arguments["cos_lr"] is cosine
    late = "warmup_echo" in parameters
    got = [yolo_lr(epoch, arguments, late=late) for epoch in range(100)]
    np.testing.assert_allclose(got, weights.lr(np.arange(100)), rtol=1e-6)


def test_one_call_sets_weights_and_biases(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"lr": 0.01, "total_steps": 100, "end_lr": 1e-4, **RAMP}
    weights = yolo_schedule("linear", plain)
    biases = yolo_schedule("linear", plain | {"warmup_start_lr": 0.1})
    code = code_of(weights, YOLO, biases)["ultralytics"]
    assert code == code_of(biases, YOLO, weights)["ultralytics"]
    arguments = captured(code, monkeypatch)
    for schedule, bias in ((weights, False), (biases, True)):
        got = [yolo_lr(epoch, arguments, bias=bias) for epoch in range(100)]
        np.testing.assert_allclose(got, schedule.lr(np.arange(100)), rtol=1e-6)


def test_no_call_for_groups_of_several_lrs() -> None:
    plain = {"total_steps": 100, **RAMP}
    one = yolo_schedule("linear", {"lr": 0.01, **plain})
    other = yolo_schedule("linear", {"lr": 0.03, **plain})
    assert "ultralytics" not in code_of(one, YOLO, other)


@pytest.mark.parametrize(
    "parameters",
    [
        {"lr": 0.01, "total_steps": 101.004, **RAMP},
        {"lr": 0.01, "total_steps": 60, **RAMP},  # the training went on
        {"lr": 0.01, "total_steps": 100, "warmup": 3, "warmup_start_lr": 0.0},  # not per batch
    ],
)
def test_no_ultralytics_where_its_trainer_cannot(parameters: Parameters) -> None:
    assert "ultralytics" not in code_of(yolo_schedule("linear", parameters), YOLO)


# ---------------------------------------------------------------------------- torch


@pytest.mark.parametrize("start", [0.0, 0.002, 0.1])
@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("constant", {}),
        ("linear", {"total_steps": 20, "end_lr": 1e-4}),
        ("cosine", {"T_max": 9, "eta_min": 1e-4}),
        ("cosine", {"T_max": 9, "eta_min": 1e-4, "clamp": True}),
        ("polynomial", {"total_steps": 20, "power": 0.9, "end_lr": 1e-4}),
        ("exponential", {"gamma": 0.9, "min_lr": 2e-3}),
        ("step", {"step_size": 4, "gamma": 0.5}),
        ("multistep", {"milestones": [4, 8], "gamma": 0.5}),
        ("inverse_sqrt", {"timescale": 5}),
    ],
)
def test_torch_ramp_per_batch_over_a_schedule_per_epoch(
    name: str, parameters: Parameters, echo: bool, start: float
) -> None:
    torch = pytest.importorskip("torch")
    ramp = {**RAMP, "warmup": 2.5, "warmup_start_lr": start, "warmup_echo": echo}
    schedule = recovered(name, {"lr": 0.01, **parameters, **ramp}, 20)
    code = code_of(schedule, Source("", ClockUnit.EPOCH, 1.0))["torch"]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    scope = {"optimizer": optimizer, "train_loader": range(BATCHES)}
    exec(code.split("\n...\n")[0], scope)
    got = []
    for _ in range(12 * BATCHES):
        got.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scope["scheduler"].step()
    expected = schedule.lr(np.arange(12 * BATCHES) / BATCHES)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-12)


def test_unknown_formats_get_torch_alone() -> None:
    assert list(code_of(recovered("cosine", {"lr": 0.1, "T_max": 99}, 99), Source("csv"))) == [
        "torch"
    ]


def test_reports_show_the_frameworks_own_form_first() -> None:
    linear = from_parameters("linear", {"lr": 2e-5, "total_steps": 1000})
    run = replace(a_run().lr(linear.lr).loss(), format="trainer_state")
    diagnosis = diagnose(run.case(), load_rulebook())
    assert [list(s.code) for s in diagnosis.schedules] == [["transformers", "torch"]]
    page = Html().render(Report((diagnosis,), (), "0.1.0", "sha256:0", (), ()))
    assert 0 < page.index("transformers code") < page.index("torch code")
