"""Losses that never move: guessing, a dead network, the worst metric; and what only looks so."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, falling, mild, silent

NAME = "stuck_loss"


def flat(level: float, noise: float, every: int = 10) -> RunBuilder:
    return a_run().steps(0, 1000, every).loss(lambda t: level + 0 * t, noise=noise)


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_guessing(classes: int) -> None:
    run = flat(float(np.log(classes)), 0.005).series("val_acc", 1 / classes)
    found = evidence(NAME, run.case())
    assert found.severity is Severity.ERROR
    assert found.measured["classes"].value == classes
    assert (found.start, found.stop) == (0, 991)


def test_a_better_accuracy_is_not_guessing() -> None:
    assert silent(NAME, flat(float(np.log(10)), 0.02).series("val_acc", 0.35).case())


def test_the_level_is_the_edge() -> None:
    run = flat(float(np.log(10)) * 1.015, 0.02).series("val_acc", 0.1)
    assert evidence(NAME, run.case(), chance_loss=0.02)
    assert silent(NAME, run.case(), chance_loss=0.01)


def test_a_constant_output() -> None:
    found = evidence(NAME, flat(1.7, 0.001).case())
    assert found.severity is None
    assert "constant output" in found.detail


def test_flat_with_ordinary_scatter_may_be_converged() -> None:
    assert silent(NAME, flat(1.7, 0.05).case())


def test_the_worst_metric() -> None:
    stuck = a_run().steps(0, 1000, 10).loss(lambda t: 5 + 30 * np.exp(-t / 20), noise=0.03)
    assert evidence(NAME, stuck.series("eval_wer", 1.0).case())
    assert silent(NAME, stuck.series("eval_wer", 0.4).case())
    assert silent(NAME, stuck.series("val_acc", 1.0).case())


def test_a_late_start_is_a_note() -> None:
    late = a_run().loss(lambda t: np.where(t < 300, 2.3, 0.5 + 1.8 * np.exp((300 - t) / 100)))
    found = evidence(NAME, late.case())
    assert mild(found)
    assert found.start == 0
    assert found.stop == pytest.approx(300, abs=30)
    assert silent(NAME, late.lr(lambda t: np.minimum(t / 400, 1.0)).case())


def test_learning_warm_up_short_and_nan() -> None:
    assert silent(NAME, a_run().loss(falling).case())
    ramp = flat(float(np.log(10)), 0.005).series("val_acc", 0.1)
    assert silent(NAME, ramp.lr(lambda t: t / 1000).case())
    assert silent(NAME, a_run().steps(0, 10).loss(lambda t: 0.693 + 0 * t, noise=0).case())
    assert silent(NAME, a_run().series("loss", np.full(1000, np.nan)).case())
