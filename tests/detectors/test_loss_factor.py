"""Losses off by an integer: throughout, from one point on, and real steps that come close."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, falling, mild, multistep, silent

NAME = "loss_factor"


def stepped(factor: float, noise: float = 0.05) -> RunBuilder:
    """Loss and scatter times ``factor`` from step 600 on."""
    t = np.arange(1000.0)
    jitter = np.random.default_rng(0).normal(1, noise, 1000)
    return a_run().series("train/loss", falling(t) * jitter * np.where(t >= 600, factor, 1.0))


def validated(run: RunBuilder, factor: float = 1.0) -> RunBuilder:
    return run.steps(24, 1000, 25).series(
        "val_loss", lambda t: falling(t) * np.where(t >= 600, factor, 1.0)
    )


@pytest.mark.parametrize("factor", [2.0, 4.0, 0.5, 0.25])
def test_a_step_by_an_integer(factor: float) -> None:
    found = evidence(NAME, validated(stepped(factor)).case())
    assert found.severity is None
    assert found.start == pytest.approx(600, abs=2)
    assert found.measured["factor"].value == max(factor, 1 / factor)


def test_without_validation_it_is_a_note() -> None:
    assert mild(evidence(NAME, stepped(4.0).case()))


def test_what_validation_follows_is_real() -> None:
    assert silent(NAME, validated(stepped(4.0), 4.0).case())


def test_no_integer_no_finding() -> None:
    assert silent(NAME, validated(stepped(1.5)).case())
    assert silent(NAME, validated(stepped(2.5)).case())


def test_an_lr_drop_explains_a_fall() -> None:
    assert silent(NAME, validated(stepped(0.5)).lr(lambda t: multistep(t, 600)).case())


def test_a_multiple_of_validation() -> None:
    run = a_run().loss(lambda t: 4 * falling(t), noise=0.05)
    case = validated(run).hparams(accumulate_grad_batches=4).case()
    assert evidence(NAME, case).measured["factor"].value == 4
    assert silent(NAME, validated(run).hparams(accumulate_grad_batches=2).case())
    assert silent(NAME, validated(run).case())


def test_the_tolerance_is_the_edge() -> None:
    run = a_run().loss(lambda t: 4.2 * falling(t), noise=0.01)
    case = validated(run).hparams(accumulate_grad_batches=4).case()
    assert evidence(NAME, case, eval_tolerance=0.12)
    assert silent(NAME, case, eval_tolerance=0.02)


def test_noise_short_and_nan() -> None:
    assert silent(NAME, validated(stepped(1.0, 0.3)).case())
    assert silent(NAME, a_run().steps(0, 10).loss().case())
    assert silent(NAME, a_run().series("loss", np.full(1000, np.nan)).case())
