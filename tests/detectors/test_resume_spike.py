"""Losses that rise on the first steps after a resume: how far, for how long, and why not."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import Curve, cosine, evidence, falling, judge, mild, silent

NAME = "resume_spike"


def spike(height: float, length: float = 100, at: int = 400) -> RunBuilder:
    """A falling loss that is thrown up at ``at`` and comes back exponentially."""

    def loss(t: Curve) -> Curve:
        after = np.maximum(t - at, 0)
        return falling(t) * (1 + np.where(t >= at, height * np.exp(-after / length), 0))

    return a_run().lr(lambda t: cosine(t, 1000)).loss(loss, noise=0.02)


def test_a_long_spike() -> None:
    found = evidence(NAME, spike(0.5).restart_at(400, 20).case())
    assert found.start == pytest.approx(400, abs=2)
    assert found.severity is None
    assert found.measured["loss_ratio"].value == pytest.approx(1.4, abs=0.12)
    assert "moments" in found.detail


def test_a_short_spike_is_a_note() -> None:
    assert mild(evidence(NAME, spike(3.0, 3).restart_at(400).case()))


def test_one_that_stays() -> None:
    found = evidence(NAME, spike(3.0, 1e9).restart_at(400).case())
    assert "does not come back" in found.detail and found.stop == 1000
    assert "recovered_after" not in found.measured


def test_validation_rises_too() -> None:
    run = spike(0.5, 1e9).restart_at(400).steps(0, 1000, 20)
    made = run.loss(lambda t: falling(t) * np.where(t >= 400, 1.5, 1), tag="val/loss", noise=0.005)
    found = evidence(NAME, made.case())
    assert found.measured["val_sigma"].value > 4 and "validation" in found.detail


@pytest.mark.parametrize(("height", "fires"), [(0.1, True), (0.03, False)])
def test_how_high(height: float, fires: bool) -> None:
    assert silent(NAME, spike(height, 300).restart_at(400).case()) is not fires


def test_without_a_resume_or_elsewhere() -> None:
    assert silent(NAME, spike(0.5).case())
    assert silent(NAME, spike(0.5).restart_at(700).case())


def test_many_resumes_and_no_spike() -> None:
    run = spike(0.0)
    for step in range(100, 1000, 50):
        run = run.restart_at(step, 10)
    assert silent(NAME, run.case())


def test_an_lr_that_changes_explains_it() -> None:
    def restarted(t: Curve) -> Curve:
        return np.where(t < 400, cosine(t, 1000), cosine(t - 400, 1000))

    assert silent(NAME, spike(0.5).restart_at(400).lr(restarted).case())


def test_reinforcement_learning_and_no_loss() -> None:
    assert silent(NAME, spike(0.5).series("rollout/ep_rew_mean", 1.0).restart_at(400).case())
    (found,) = judge(NAME, a_run().lr(0.1).restart_at(400).case())
    assert isinstance(found, Unjudged)


def test_short_and_nan() -> None:
    assert silent(NAME, a_run().steps(0, 6).lr(0.1).loss().restart_at(3).case())
    nan = a_run().lr(0.1).loss(lambda t: np.where(t > 390, np.nan, 1.0)).restart_at(400)
    assert silent(NAME, nan.case())


def test_never_an_error() -> None:
    found = evidence(NAME, spike(5.0, 1e9).restart_at(400).case())
    assert found.severity is not Severity.ERROR
