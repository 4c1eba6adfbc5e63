"""A loss that steps up while the metric goes on, and while it does not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, silent
from tests.detectors.loss_shapes import eventful, step_at

NAME = "loss_redefined"


def measured(run: RunBuilder, after: float = 0.0) -> RunBuilder:
    """With an accuracy every 25 steps that moves by ``after`` at step 600."""
    return run.steps(24, 1000, 25).series(
        "val_accuracy", lambda t: 0.9 - 0.6 * np.exp(-t / 100) + after * (t >= 600)
    )


def test_the_metric_goes_on() -> None:
    found = evidence(NAME, measured(eventful(step_at(600, 1.8))).case())
    assert found.start == pytest.approx(600, abs=3)
    assert found.measured["ratio"].value == pytest.approx(1.8, abs=0.2)


def test_the_metric_follows() -> None:
    assert silent(NAME, measured(eventful(step_at(600, 1.8)), -0.2).case())


def test_a_fall_and_no_step() -> None:
    assert silent(NAME, measured(eventful(step_at(600, 0.5))).case())
    assert silent(NAME, measured(eventful(lambda t: 1 + 0 * t)).case())


def test_a_resume_explains_it() -> None:
    assert silent(NAME, measured(eventful(step_at(600, 1.8)).restart_at(600)).case())


def test_the_ratio_is_the_edge() -> None:
    case = measured(eventful(step_at(600, 1.5))).case()
    assert evidence(NAME, case, ratio=1.3)
    assert silent(NAME, case, ratio=1.7)


def test_too_few_values_and_nan() -> None:
    run = eventful(step_at(600, 1.8)).steps(0, 1000, 300).series("val_accuracy", 0.9)
    assert silent(NAME, run.case())
    assert silent(NAME, measured(a_run().series("loss", np.full(1000, np.nan))).case())
