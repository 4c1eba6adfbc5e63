"""Another total after a resume, jumps into another schedule, and what passes."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Confidence
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import Curve, cosine, evidence, silent

NAME = "resume_plan"


def linear(t: Curve, total: float, lr: float = 0.1) -> Curve:
    """A straight line to 0 at ``total``, held there."""
    return lr * np.maximum(0, 1 - t / total)


def joined(first, second, at: int, every: int = 1) -> RunBuilder:  # type: ignore[no-untyped-def]
    """One curve up to ``at`` and another, in the run's own time, from there on."""
    return a_run().steps(0, 1000, every).lr(lambda t: np.where(t < at, first(t), second(t)))


@pytest.mark.parametrize("curve", [cosine, linear])
@pytest.mark.parametrize("every", [1, 10])
def test_a_longer_total(curve, every: int) -> None:  # type: ignore[no-untyped-def]
    run = joined(lambda t: curve(t, 500), lambda t: curve(t, 1000), 400, every)
    found = evidence(NAME, run.restart_at(400, 20).case())
    assert found.start == 400 and found.confidence is None
    assert found.measured["horizon_before"].value == pytest.approx(500, rel=0.01)
    assert found.measured["horizon_after"].value == pytest.approx(1000, rel=0.01)
    assert found.measured["lr_after"].value == pytest.approx(float(curve(np.array(400.0), 1000)))
    assert "another total" in found.detail


def test_a_shorter_total() -> None:
    run = joined(lambda t: linear(t, 2000), lambda t: linear(t, 1000), 400)
    assert evidence(NAME, run.restart_at(400).case()).measured["lr_ratio"].value < 1


def test_a_finished_schedule_made_longer() -> None:
    run = joined(lambda t: linear(t, 500), lambda t: linear(t, 1000), 500)
    assert evidence(NAME, run.restart_at(500).case()).measured["lr_after"].value > 0.04


def test_without_a_resume_in_the_log() -> None:
    run = joined(lambda t: cosine(t, 500), lambda t: cosine(t, 1000), 400)
    found = evidence(NAME, run.case())
    assert found.confidence is Confidence.MEDIUM and "does not show" in found.detail


@pytest.mark.parametrize(("total", "fires"), [(1200, True), (1010, False)])
def test_how_far_the_lr_strays(total: int, fires: bool) -> None:
    run = joined(lambda t: linear(t, 1000), lambda t: linear(t, total), 400)
    assert silent(NAME, run.restart_at(400).case()) is not fires


@pytest.mark.parametrize(("total", "fires"), [(560, True), (540, False)])
def test_how_far_the_totals_differ(total: int, fires: bool) -> None:
    run = joined(lambda t: linear(t, 500), lambda t: linear(t, total), 400)
    assert silent(NAME, run.restart_at(400).case()) is not fires


@pytest.mark.parametrize(("factor", "fires"), [(4.0, True), (1.3, False), (0.25, False)])
def test_another_level(factor: float, fires: bool) -> None:
    run = joined(lambda t: cosine(t, 1000), lambda t: factor * cosine(t, 1000), 600)
    case = run.restart_at(600).case()
    assert silent(NAME, case) is not fires
    assert silent(NAME, run.case())  # within one process it may be an edit by hand


def test_a_new_cycle_from_its_own_peak() -> None:
    run = joined(lambda t: cosine(t, 1000), lambda t: cosine(t - 400, 600), 400)
    assert silent(NAME, run.restart_at(400).case())


def test_a_second_cycle_after_the_first() -> None:
    run = joined(lambda t: cosine(t, 500), lambda t: cosine(t - 500, 500, lr=0.05), 500)
    assert silent(NAME, run.restart_at(500).case())


def test_a_short_warm_up_after_the_resume() -> None:
    rise = lambda t: np.minimum(1, (t - 399) / 30) * cosine(t, 1000)  # noqa: E731
    assert silent(NAME, joined(lambda t: cosine(t, 1000), rise, 400).restart_at(400).case())


def test_unfreezing() -> None:
    run = joined(lambda t: cosine(t, 500), lambda t: cosine(t, 1000), 400)
    assert silent(NAME, run.hparams(unfreeze_step=400).restart_at(400).case())


def test_nothing_to_compare() -> None:
    assert silent(NAME, a_run().lr(lambda t: cosine(t, 1000)).restart_at(400).case())
    assert silent(NAME, a_run().lr(np.nan).restart_at(400).case())
    assert silent(NAME, a_run().steps(0, 2).lr([0.1, 0.2]).restart_at(1).case())
