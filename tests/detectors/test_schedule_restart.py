"""Schedules that begin again: with and without a resume in the log, cycles on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Confidence, Severity
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import Curve, cosine, evidence, mild, multistep, silent

NAME = "schedule_restart"


def warm_cosine(t: Curve) -> Curve:
    """Warm-up over 50 steps, then a cosine until 1,000."""
    return np.where(t < 50, 0.1 * t / 50, cosine(np.maximum(t - 50, 0), 950))


def again(curve, at: int, length: int = 1000, every: int = 1) -> RunBuilder:  # type: ignore[no-untyped-def]
    """``curve`` from its step 0 at 0 and again at ``at``."""
    return a_run().steps(0, length, every).lr(lambda t: np.where(t < at, curve(t), curve(t - at)))


@pytest.mark.parametrize("every", [1, 10])
def test_a_cosine_from_its_start(every: int) -> None:
    found = evidence(
        NAME, again(lambda t: cosine(t, 1000), 400, 1000, every).restart_at(400).case()
    )
    assert found.start == 400
    assert found.measured["lr_after"].value == pytest.approx(0.1, rel=0.01)
    assert found.measured["lr_due"].value == pytest.approx(cosine(400, 1000), rel=0.01)
    assert found.measured["done"].value == pytest.approx(40, abs=0.5)
    assert found.severity is None and found.confidence is None


def test_a_warm_up_that_runs_again() -> None:
    found = evidence(NAME, again(warm_cosine, 400).restart_at(400, 40).case())
    assert found.measured["lost"].value == 400
    assert "warm-up" not in found.detail and "restores the weights" in found.detail


def test_without_a_resume_in_the_log() -> None:
    found = evidence(NAME, again(lambda t: cosine(t, 1000), 400).case())
    assert found.severity is None and found.confidence is Confidence.MEDIUM
    assert "does not show" in found.detail


def test_one_stale_step_after_the_resume() -> None:
    case = again(warm_cosine, 400).restart_at(400).case()
    lr = case.param_groups[0].lr.value.copy()
    lr[400] = warm_cosine(np.array([400.0]))[0]
    assert evidence(NAME, a_run().lr(lr).restart_at(400).case()).start in (400, 401)


@pytest.mark.parametrize("first", [290, 300])
def test_levels(first: int) -> None:
    curve = lambda t: multistep(t, first)  # noqa: E731
    assert evidence(NAME, again(curve, 500).restart_at(500, 30).case()).severity is None


def test_levels_without_a_resume_need_the_configuration() -> None:
    run = again(lambda t: multistep(t, 300), 500)
    assert mild(evidence(NAME, run.case()))
    found = evidence(NAME, run.hparams(scheduler="MultiStepLR").case())
    assert found.severity is None


def test_levels_at_the_lowest_in_a_log_that_goes_on() -> None:
    run = again(lambda t: multistep(t, 200, 350), 500)
    assert mild(evidence(NAME, run.restart_at(500).case()))
    assert evidence(NAME, run.restart_at(500, 20).case()).severity is None


def test_other_levels_are_another_plan() -> None:
    lr = lambda t: np.where(t < 500, multistep(t, 200), multistep(t - 500, 400))  # noqa: E731
    assert silent(NAME, a_run().lr(lr).restart_at(500, 20).case())


@pytest.mark.parametrize(("over", "fires"), [(880, True), (910, False), (1000, False)])
def test_a_second_cycle_after_the_first(over: int, fires: bool) -> None:
    case = again(lambda t: cosine(t, 1000), over, 1900).restart_at(over).case()
    assert silent(NAME, case) is not fires


def test_cycles_of_one_plan() -> None:
    lr = lambda t: multistep(t % 250, 120)  # noqa: E731
    assert silent(NAME, a_run().lr(lr).case())


def test_warm_restarts_in_one_process() -> None:
    assert silent(NAME, a_run().lr(lambda t: cosine(t % 250, 250)).case())


def test_unfreezing_on_the_same_step() -> None:
    run = again(lambda t: cosine(t, 1000), 400)
    assert silent(NAME, run.hparams(unfreeze_step=400).case())


def test_restored() -> None:
    assert silent(NAME, a_run().lr(warm_cosine).restart_at(400, 50).case())


def test_threshold_of_the_jump() -> None:
    case = again(lambda t: cosine(t, 1000), 200).restart_at(200).case()
    assert silent(NAME, case, lr_ratio=1000.0)


def test_short_and_nan() -> None:
    assert silent(NAME, a_run().steps(0, 3).lr([0.1, 0.05, 0.1]).case())
    assert silent(NAME, a_run().lr(np.nan).restart_at(3).case())
    assert silent(NAME, a_run().loss().restart_at(3).case())


def test_in_progress() -> None:
    case = again(lambda t: cosine(t, 1000), 400, 520).restart_at(400).hparams(max_steps=1000).case()
    found = evidence(NAME, case)
    assert found.stop == 520 and found.severity is not Severity.ERROR
