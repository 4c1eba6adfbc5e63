"""Lengths in steps, advanced once an epoch."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, silent

NAME = "stepped_per_epoch"


def run(curve, every: int = 1, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    """1,000 steps, 20 epochs of 50, the LR as a function of the epoch."""
    steps = a_run().steps(0, 1000, every).lr(lambda t: curve(t // 50))
    return steps.series("epoch", lambda t: t // 50).hparams(**settings)


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize("lr", [lambda e: cosine(e, 1000), lambda e: 0.1 * (1 - e / 1000)])
def test_a_decay_as_many_epochs_long_as_the_run_has_steps(lr, every: int) -> None:  # type: ignore[no-untyped-def]
    found = evidence(NAME, run(lr, every, max_steps=1000).case())
    assert found.measured["length"].value == pytest.approx(1000)
    assert found.measured["covered"].value == pytest.approx(2)
    assert found.measured["lr_share"].value > 97


def test_a_run_that_ends_in_such_a_warm_up() -> None:
    lr = lambda e: 0.1 * e / 80  # noqa: E731
    found = evidence(NAME, run(lr, max_steps=1000, warmup_steps=80, lr=0.1).case())
    assert found.measured["lr_share"].value == pytest.approx(100 * 19 / 80)
    assert silent(NAME, run(lr, max_steps=1000, lr=0.1).case())
    assert silent(NAME, run(lr, max_steps=1000, warmup_steps=160, lr=0.1).case())


def test_on_an_axis_of_epochs_the_configuration_counts_the_steps() -> None:
    rows = a_run().on_axis("epoch").steps(1, 21).lr(lambda e: cosine(e - 1, 1000))
    plan = rows.hparams(max_epochs=20)
    assert silent(NAME, plan.case())
    assert evidence(NAME, plan.hparams(T_max=1000).case()).measured["epochs"].value == 20
    assert evidence(NAME, plan.hparams(batches_per_epoch=50).case())


@pytest.mark.parametrize(
    "lr",
    [
        lambda e: cosine(e, 20),  # in epochs
        lambda e: cosine(e, 60),  # of a longer training
        lambda e: 0.1 * 0.9**e,
        lambda e: np.full_like(e, 0.1),
        lambda e: 0.1 * (e + 1) / 20,
    ],
)
def test_schedules_per_epoch_are_quiet(lr) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, run(lr, max_steps=1000).case())


def test_schedules_per_step_are_quiet() -> None:
    per_step = a_run().lr(lambda t: cosine(t, 50_000)).series("epoch", lambda t: t // 50)
    assert silent(NAME, per_step.hparams(max_steps=1000).case())


def test_the_tolerance_of_the_length() -> None:
    lr = lambda e: 0.1 * (1 - e / 1100)  # noqa: E731
    assert silent(NAME, run(lr, max_steps=1000).case())
    assert not silent(NAME, run(lr, max_steps=1000).case(), length_tolerance=0.11)
