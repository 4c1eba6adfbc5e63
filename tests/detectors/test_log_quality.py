"""What a log leaves out: no LR, too few points or digits, a sample, values a step late."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lrdoctor.types import Case
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, silent


def per_epoch(lr, epochs: int = 40) -> RunBuilder:  # type: ignore[no-untyped-def]
    return a_run().on_axis("epoch").steps(0, epochs).lr(lr).loss()


# ------------------------------------------------------------------------------------ lr_missing


@pytest.mark.parametrize(
    ("format", "word"),
    [("lightning_csv", "LearningRateMonitor"), ("tensorboard", "add_scalar"), ("x", "param_group")],
)
def test_a_loss_without_an_lr_names_what_to_add(format: str, word: str) -> None:
    case = replace(a_run().loss(), format=format).case()
    found = evidence("lr_missing", case)
    assert word in found.detail
    assert found.measured["losses"].value == 1000


def test_an_lr_or_no_loss_or_a_summary_is_left_alone() -> None:
    assert silent("lr_missing", a_run().loss().lr(0.1).case())
    assert silent("lr_missing", a_run().series("accuracy", 0.5).case())
    assert silent("lr_missing", a_run().steps(0, 3).loss().case())


# ------------------------------------------------------------------------------------- lr_coarse


def test_zeros_by_too_few_digits() -> None:
    found = evidence("lr_coarse", a_run().lr(0.0).loss().case())
    assert "digits" in found.detail and found.measured["values"].value == 1000


def test_three_values_in_a_long_run() -> None:
    case = a_run().loss().steps(0, 1000, 400).lr(lambda t: cosine(t, 1000)).case()
    assert evidence("lr_coarse", case).measured["values"].value == 3


def test_a_warm_up_between_two_points() -> None:
    def case(warmup: int, every: int = 100) -> Case:
        run = a_run().steps(every - 1, 5000, every).lr(lambda t: cosine(t, 5000))
        return run.loss().hparams(warmup_steps=warmup).case()

    found = evidence("lr_coarse", case(50))
    assert found.measured["warmup"].value == 50 and found.measured["interval"].value == 100
    assert silent("lr_coarse", case(200))
    assert silent("lr_coarse", case(50, every=10))


def test_a_cosine_of_a_length_that_only_aliasing_explains() -> None:
    """T_max 100 advanced 390 times an epoch and read once in each: -10 of a period of 200."""
    alias = per_epoch(lambda t: cosine(390 * t, 100), 8).case()
    found = evidence("lr_coarse", alias)
    assert found.measured["t_max"].value == pytest.approx(10, rel=0.01)
    assert silent("lr_coarse", per_epoch(lambda t: cosine(t, 40), 40).case())
    assert silent("lr_coarse", per_epoch(lambda t: cosine(t, 100), 40).hparams(T_max=100).case())


# ----------------------------------------------------------------------------------- sampled_log


def drawn(keep: int, total: int = 4000) -> np.ndarray:
    return np.sort(np.random.default_rng(3).choice(total, keep, replace=False))


@pytest.mark.parametrize(("keep", "tool"), [(500, "W&B"), (1000, "TensorBoard")])
def test_a_random_sample_of_a_known_size(keep: int, tool: str) -> None:
    run = replace(a_run(), step=drawn(keep)).lr(lambda t: cosine(t, 4000)).loss()
    found = evidence("sampled_log", run.case())
    assert tool in found.detail and found.measured["points"].value == keep


@pytest.mark.parametrize(
    "step",
    [
        np.arange(500),
        np.arange(0, 5000, 10),
        drawn(501),
        np.r_[np.arange(0, 400), np.arange(400, 1400, 10)],
        np.setdiff1d(np.arange(546), np.arange(10, 546, 12))[:500],
    ],
    ids=["every step", "every tenth", "another number", "two intervals", "validation steps"],
)
def test_a_whole_log_is_left_alone(step: np.ndarray) -> None:
    run = replace(a_run(), step=step).lr(lambda t: cosine(t, 6000)).loss()
    assert silent("sampled_log", run.case())


# ---------------------------------------------------------------------------------- next_step_lr


def test_values_of_the_next_step() -> None:
    assert "scheduler.step()" in evidence("next_step_lr", _shifted(1)).detail
    assert silent("next_step_lr", _shifted(0))


def test_hugging_face_is_named() -> None:
    run = replace(a_run(), format="trainer_state").lr(lambda t: cosine(t + 1, 1000))
    assert "Hugging Face" in evidence("next_step_lr", run.case()).detail


def test_a_few_points_or_a_constant_say_nothing() -> None:
    assert silent("next_step_lr", a_run().steps(0, 6).lr(lambda t: cosine(t + 1, 1000)).case())
    assert silent("next_step_lr", a_run().lr(0.1).case())


def _shifted(by: int) -> Case:
    return a_run().lr(lambda t: cosine(t + by, 1000)).case()
