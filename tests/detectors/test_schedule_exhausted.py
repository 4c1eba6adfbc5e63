"""LR exactly 0 while training goes on, and the zeros that are none of it."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, judge, silent

NAME = "schedule_exhausted"


def ending(total: float) -> RunBuilder:
    """A thousand steps of which a line to 0 takes ``total``."""
    return a_run().lr(lambda t: 0.1 * np.maximum(0.0, 1 - t / total)).loss()


@pytest.mark.parametrize(
    ("total", "severity"),
    [(970, Severity.INFO), (900, Severity.WARNING), (600, Severity.ERROR)],
)
def test_the_stretch_at_zero_weighs(total: float, severity: Severity) -> None:
    found = evidence(NAME, ending(total).case())
    assert found.severity is severity
    assert found.start == total
    assert found.measured["idle_share"].value == pytest.approx((999 - total) / 9.99, abs=0.01)


def test_a_last_point_at_zero_is_quiet() -> None:
    assert silent(NAME, ending(999).case())
    assert silent(NAME, ending(981).case())
    assert not silent(NAME, ending(981).case(), idle_share=0.01)


def test_another_group_that_trains_is_enough() -> None:
    run = ending(600).lr(lambda t: 0.02 * (1 - t / 2000), tag="lr/head")
    assert silent(NAME, run.case())


def test_an_lr_that_underflows_fell_too_fast_and_was_no_plan() -> None:
    lr = (0.1 * 0.5 ** np.arange(1000.0)).astype(np.float32)
    assert lr[-1] == 0
    assert silent(NAME, a_run().lr(lr).case())


def test_zeros_of_a_log_with_few_decimals_are_unclear() -> None:
    lr = np.round(3e-5 * np.exp(-np.arange(1000) / 150), 6)
    (said,) = judge(NAME, a_run().lr(lr).case())
    assert isinstance(said, Unjudged) and "decimals" in said.reason


def test_a_linear_decay_in_round_numbers_is_no_rounding() -> None:
    run = a_run().on_axis("epoch").steps(0, 100).lr(lambda t: 0.01 * np.maximum(0, 1 - t / 50))
    assert evidence(NAME, run.case()).severity is Severity.ERROR


def test_the_run_may_still_go_on() -> None:
    run = ending(600).hparams(max_steps=5000)
    assert evidence(NAME, run.case()).severity is Severity.ERROR
