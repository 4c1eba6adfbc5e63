"""Decays that end at 1/N of the run, and decays that end early on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from lrdoctor.verdict import Unjudged
from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, falling, judge, silent

NAME = "horizon_factor"


def line(t: np.ndarray, total: float, lr: float = 0.1, warmup: float = 0) -> np.ndarray:
    """transformers' linear schedule: warm-up, straight to 0, then 0."""
    down = np.maximum(0.0, (total - t) / (total - warmup))
    return lr * np.where(t < warmup, t / max(warmup, 1), down)


@pytest.mark.parametrize("n", [2, 3, 4, 8])
def test_a_decay_over_a_whole_share_of_the_planned_run(n: int) -> None:
    found = evidence(NAME, a_run().lr(lambda t: line(t, 1000 / n)).hparams(max_steps=1000).case())
    assert found.measured["factor"].value == n
    assert found.start == pytest.approx(1000 / n, abs=1)
    assert found.severity is Severity.ERROR


def test_a_configured_factor_is_named() -> None:
    run = a_run().lr(lambda t: line(t, 1000 / 6)).hparams(max_steps=1000, num_processes=6)
    found = evidence(NAME, run.case())
    assert found.measured["factor"].value == 6
    assert "6 times per optimizer step" in found.detail


def test_a_warm_up_short_by_the_same_factor_is_a_sign() -> None:
    run = a_run().lr(lambda t: line(t, 250, warmup=25)).hparams(max_steps=1000, warmup_steps=100)
    found = evidence(NAME, run.case())
    assert found.measured["expected_warmup"].value == 100
    assert "same factor" in found.detail


def test_without_a_plan_the_ratio_alone_is_a_note() -> None:
    run = a_run().lr(lambda t: cosine(np.minimum(t, 250), 250, floor=1e-3))
    assert evidence(NAME, run.case()).severity is Severity.INFO
    assert evidence(NAME, a_run().lr(lambda t: line(t, 250)).case()).severity is Severity.WARNING


def test_a_log_may_end_anywhere_before_its_next_point() -> None:
    run = a_run().steps(25, 1750, 25).lr(lambda t: line(t, 864, warmup=69))
    found = evidence(NAME, run.case())
    assert found.measured["factor"].value == 2
    assert found.measured["planned"].value == pytest.approx(1728, abs=4)


@pytest.mark.parametrize(("epochs", "fires"), [(31, True), (34, False)])
def test_an_epoch_logged_at_its_end_hides_a_short_warm_up(epochs: int, fires: bool) -> None:
    """A cosine over after 15.5 epochs, its warm-up of a little over one before the first log."""
    run = a_run().on_axis("epoch").steps(0, epochs)
    run = run.lr(lambda t: np.where(t < 1, 0.097, cosine(np.clip(t - 0.02, 0, 14.5), 14.5)))
    assert silent(NAME, run.case()) is not fires


def test_a_loss_that_froze_with_the_lr_is_a_second_symptom() -> None:
    run = a_run().lr(lambda t: cosine(np.minimum(t, 250), 250, floor=1e-3))
    run = run.loss(lambda t: falling(np.minimum(t, 250))).hparams(max_steps=1000)
    found = evidence(NAME, run.case())
    assert found.severity is Severity.ERROR and "hardly moved" in found.detail


def test_a_loss_that_had_stopped_makes_it_a_note() -> None:
    run = a_run().lr(lambda t: cosine(np.minimum(t, 500), 500, floor=1e-3))
    run = run.loss(lambda t: falling(np.minimum(t, 50), 5)).hparams(max_steps=1000)
    assert evidence(NAME, run.case()).severity is Severity.INFO


@pytest.mark.parametrize(
    "lr",
    [
        lambda t: line(t, 1000),
        lambda t: line(t, 420),  # no whole share
        lambda t: cosine(np.minimum(t, 500), 500, floor=0.01),  # a floor to train at
        lambda t: cosine(t, 250),  # swings
        lambda t: np.full_like(t, 0.1),
    ],
)
def test_other_decays_are_quiet(lr) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, a_run().lr(lr).hparams(max_steps=1000).case())


def test_a_configured_length_is_no_factor() -> None:
    run = a_run().lr(lambda t: line(t, 250)).hparams(max_steps=1000)
    assert silent(NAME, run.hparams(lr_decay_iters=250).case())
    assert not silent(NAME, run.hparams(lr_decay_iters=1000).case())


def test_a_run_that_has_not_come_to_the_end_of_its_decay_is_quiet() -> None:
    run = a_run().steps(0, 240).lr(lambda t: line(t, 250)).hparams(max_steps=1000)
    assert silent(NAME, run.case())


def test_a_log_of_few_epochs_cannot_tell() -> None:
    # The last of 8 steps of each epoch, over 60 of 240 steps.
    run = a_run().on_axis("epoch").steps(1, 31).lr(lambda e: line(8 * e - 1, 60))
    (said,) = judge(NAME, run.case())
    assert isinstance(said, Unjudged) and "too rarely" in said.reason


def test_the_threshold_of_the_floor() -> None:
    run = a_run().lr(lambda t: cosine(np.minimum(t, 500), 500, floor=3e-3)).hparams(max_steps=1000)
    assert silent(NAME, run.case())
    assert not silent(NAME, run.case(), floor_ratio=0.031)


def test_gaps_in_the_log_do_not_matter() -> None:
    values = line(np.arange(1000.0), 250)
    values[::7] = np.nan
    run = a_run().lr(values).hparams(max_steps=1000)
    assert evidence(NAME, run.case()).measured["factor"].value == 4
