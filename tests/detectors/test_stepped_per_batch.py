"""Numbers meant in epochs and used up in batches; numbers meant in steps."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, judge, multistep, silent

NAME = "stepped_per_batch"


def run(lr, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    """1,000 steps, 40 epochs of 25."""
    steps = a_run().lr(lr).series("epoch", lambda t: t // 25)
    return steps.hparams(max_epochs=40, lr=0.1, **settings)


@pytest.mark.parametrize(
    ("lr", "settings"),
    [
        (lambda t: 0.1 * 0.1 ** (t // 13), {"scheduler": "StepLR", "step_size": 13}),
        (lambda t: 0.1 * 0.9**t, {"scheduler": "ExponentialLR", "gamma": 0.9}),
        (lambda t: multistep(t, 20, 30), {"scheduler": "MultiStepLR", "milestones": "20,30"}),
        (lambda t: 0.1 * np.maximum(0, 1 - t / 40), {"scheduler": "LinearLR"}),
        (lambda t: cosine(t, 40), {"scheduler": "CosineAnnealingLR", "T_max": 40}),
        (lambda t: cosine(t, 40), {"scheduler": "CosineAnnealingLR"}),
    ],
)
def test_per_batch_it_is_a_fault_and_per_epoch_not(lr, settings) -> None:  # type: ignore[no-untyped-def]
    found = evidence(NAME, run(lr, **settings).case())
    assert found.measured["times"].value == 25
    assert found.start < 60
    assert silent(NAME, run(lambda t: lr(t // 25), **settings).case())


def test_an_lr_gone_for_the_whole_run_is_an_error_a_swing_is_not() -> None:
    found = evidence(NAME, run(lambda t: 0.1 * 0.9**t, scheduler="ExponentialLR", gamma=0.9).case())
    assert found.severity is Severity.ERROR
    found = evidence(NAME, run(lambda t: cosine(t, 40), scheduler="CosineAnnealingLR").case())
    assert found.severity is None and found.measured["returns"].value >= 11


def test_a_cosine_that_nobody_configured_has_the_epochs_as_its_period() -> None:
    bare = a_run().lr(lambda t: cosine(t, 40)).series("epoch", lambda t: t // 25)
    assert evidence(NAME, bare.case()).confidence is None
    other = a_run().lr(lambda t: cosine(t, 57)).series("epoch", lambda t: t // 25)
    assert silent(NAME, other.case())


@pytest.mark.parametrize(
    ("lr", "settings"),
    [
        (lambda t: 0.1 * 0.998**t, {"scheduler": "ExponentialLR", "gamma": 0.998}),
        (
            lambda t: 0.1 * 0.95 ** (t // 30),
            {"scheduler": "StepLR", "step_size": 30, "gamma": 0.95},
        ),
        (lambda t: cosine(t, 1000), {"scheduler": "CosineAnnealingLR", "T_max": 1000}),
        (lambda t: cosine(t % 40, 40), {"scheduler": "CosineAnnealingWarmRestarts", "T_0": 40}),
        (lambda t: cosine(t, 40), {"lr_scheduler.interval": "step", "lr_scheduler.T_max": 40}),
    ],
)
def test_numbers_in_steps_are_quiet(lr, settings) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, run(lr, **settings).case())


def by_epoch(lr, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    """The LR of the last of 32 batches of each of 40 epochs."""
    rows = a_run().on_axis("epoch").steps(1, 41).lr(lambda e: lr(32 * e - 1))
    return rows.hparams(max_epochs=40, lr=0.1, **settings)


def test_a_row_per_epoch_shows_the_rate_of_falling() -> None:
    gamma = by_epoch(lambda t: 0.1 * 0.97**t, scheduler="ExponentialLR", gamma=0.97)
    assert evidence(NAME, gamma.case()).measured["times"].value == pytest.approx(32, rel=0.05)
    size = by_epoch(lambda t: 0.1 * 0.1 ** (t // 13), scheduler="StepLR", step_size=13)
    assert evidence(NAME, size.case()).measured["times"].value == pytest.approx(32, rel=0.1)


def test_a_row_per_epoch_that_is_past_all_milestones_shows_the_last_level() -> None:
    settings = {"scheduler": "MultiStepLR", "milestones": "20,30"}
    found = evidence(NAME, by_epoch(lambda t: multistep(t, 20, 30), **settings).case())
    assert found.measured["lr_share"].value == pytest.approx(1)
    rows = a_run().on_axis("epoch").steps(1, 41).hparams(max_epochs=40, lr=0.1, **settings)
    assert silent(NAME, rows.lr(lambda e: multistep(e, 20, 30)).case())
    assert silent(NAME, rows.lr(0.1).case())
    assert silent("never_stepped", rows.lr(0.001).case())


def test_a_row_per_epoch_shows_what_a_period_leaves() -> None:
    found = evidence(NAME, by_epoch(lambda t: cosine(t, 40), scheduler="CosineAnnealingLR").case())
    assert found.measured["times"].value == 32
    assert "multiple of 80" in found.detail


def test_a_period_that_fits_an_epoch_hides_it() -> None:
    rows = a_run().on_axis("epoch").steps(0, 20).lr(lambda e: cosine(e, 20))
    settings = {"scheduler": "CosineAnnealingLR", "max_epochs": 20}
    assert silent(NAME, rows.hparams(**settings).case())
    (said,) = judge(NAME, rows.hparams(**settings, batches_per_epoch=41).case())
    assert isinstance(said, Unjudged) and "every optimizer step" in said.reason


def test_odd_logs_are_survived() -> None:
    lr = 0.1 * 0.1 ** (np.arange(1000) // 13)
    lr[5::9] = np.nan
    assert evidence(NAME, run(lr, scheduler="StepLR", step_size=13).case())
    assert silent(NAME, run(0.1, scheduler="StepLR", step_size=13).case())
