"""Training losses that are the accumulation times the validation loss, and those that are not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, falling, silent

NAME = "loss_factor"


def run(times: float, noise: float = 0.05) -> RunBuilder:
    """A training loss ``times`` the validation loss, which is logged every 25 steps."""
    made = a_run().loss(lambda t: times * falling(t), noise=noise)
    return made.steps(24, 1000, 25).series("val_loss", falling)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_a_multiple_of_validation(factor: int) -> None:
    found = evidence(NAME, run(factor).hparams(accumulate_grad_batches=factor).case())
    assert found.measured["ratio"].value == pytest.approx(factor, rel=0.05)
    assert (found.start, found.stop) == (0, 1000)


def test_without_or_with_another_accumulation() -> None:
    assert silent(NAME, run(4).case())
    assert silent(NAME, run(4).hparams(accumulate_grad_batches=2).case())
    assert silent(NAME, run(1).hparams(accumulate_grad_batches=4).case())
    assert silent(NAME, run(1).hparams(accumulate_grad_batches=1).case())


def test_a_ratio_that_grows_is_no_factor() -> None:
    made = a_run().loss(lambda t: falling(t) * (1 + 3 * t / 1000), noise=0.01)
    made = made.steps(24, 1000, 25).series("val_loss", falling)
    assert silent(NAME, made.hparams(accumulate_grad_batches=2).case())


def test_the_tolerance_is_the_edge() -> None:
    case = run(4.2, noise=0.01).hparams(accumulate_grad_batches=4).case()
    assert evidence(NAME, case, tolerance=0.12)
    assert silent(NAME, case, tolerance=0.02)


def test_few_evaluations_and_nan() -> None:
    few = a_run().loss(lambda t: 4 * falling(t)).steps(249, 1000, 250).series("val_loss", falling)
    assert silent(NAME, few.hparams(accumulate_grad_batches=4).case())
    lost = a_run().series("loss", np.full(1000, np.nan)).series("val_loss", np.full(1000, np.nan))
    assert silent(NAME, lost.hparams(accumulate_grad_batches=4).case())


def stepping(times: float, validation: float = 1.0) -> RunBuilder:
    """A training loss that is ``times`` too large from step 500 on."""
    made = a_run().loss(lambda t: np.where(t < 500, 1.0, times) * falling(t, 20), noise=0.05)
    return made.steps(24, 1000, 25).series(
        "val_loss", lambda t: np.where(t < 500, 1.0, validation) * falling(t, 20)
    )


def test_a_step_that_validation_knows_nothing_of() -> None:
    found = evidence(NAME, stepping(4).hparams(accumulate_grad_batches=4).case())
    assert found.start == pytest.approx(500, abs=5)
    assert found.measured["ratio"].value == pytest.approx(4, rel=0.1)
    assert "stays at" in found.detail


def test_the_place_of_a_step_in_a_log_of_uneven_groups() -> None:
    made = a_run().steps(0, 930, 10)
    made = made.loss(lambda t: np.where(t < 470, 1.0, 4.0) * falling(t, 20), noise=0.05)
    made = made.steps(31, 930, 32).series("val_loss", lambda t: falling(t, 20))
    assert evidence(NAME, made.hparams(accumulate_grad_batches=4).case()).start == 470


def test_a_step_of_both_or_by_another_factor() -> None:
    assert silent(NAME, stepping(4, validation=2).hparams(accumulate_grad_batches=4).case())
    assert silent(NAME, stepping(3).hparams(accumulate_grad_batches=4).case())
    assert silent(NAME, stepping(4).case())
