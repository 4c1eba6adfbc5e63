"""Fine-tuning LR too low: a small, significant, straight fall."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Role
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, Values, a_run
from tests.detectors.cases import evidence, judge, silent

NAME = "finetune_lr_low"


def tuning(val: Values, noise: float = 1e-4, **settings: object) -> RunBuilder:
    """Ten epochs of 100 steps, evaluated after each."""
    run = a_run().lr(1e-6).steps(99, 1000, 100).loss(val, noise=noise, tag="val/loss")
    return run.hparams(**{"pretrained": True, "batches_per_epoch": 100, **settings})  # type: ignore[arg-type]


def straight(t: np.ndarray) -> np.ndarray:
    return 2 * (1 - 0.005 * t / 1000)


def test_a_straight_creep() -> None:
    found = evidence(NAME, tuning(straight).case())
    assert found.severity is None
    assert found.measured["fall_share"].value == pytest.approx(0.45, abs=0.03)
    assert found.measured["late_share"].value == pytest.approx(50, abs=3)


def test_straight_over_a_decaying_lr() -> None:
    lr = lambda t: 1e-6 * (1 - t / 1000)  # noqa: E731
    spent = lambda t: 2 * (1 - 0.005 * (t / 1000 - (t / 1000) ** 2 / 2) * 2)  # noqa: E731
    run = a_run().lr(lr).steps(99, 1000, 100).loss(spent, noise=1e-4, tag="val/loss")
    assert evidence(NAME, run.hparams(pretrained=True).case())


def test_levelling_off_is_convergence() -> None:
    assert silent(NAME, tuning(lambda t: 2 * (1 - 0.005 * (1 - np.exp(-t / 150)))).case())


def test_standing_still_cannot_be_judged() -> None:
    (said,) = judge(NAME, tuning(2.0, noise=0.01).case())
    assert isinstance(said, Unjudged)


def test_most_fall_is_the_edge() -> None:
    case = tuning(straight).case()
    assert evidence(NAME, case, most_fall=0.0047)
    assert silent(NAME, case, most_fall=0.0043)


def test_a_training_loss_that_moves_acquits() -> None:
    falls = lambda t: 1 / (1 + t / 300)  # noqa: E731
    run = a_run().loss(falls, noise=0.02)
    both = RunBuilder(columns={**run.columns, **tuning(straight).columns})
    assert silent(NAME, both.hparams(pretrained=True).case())


def test_rising_scratch_short_and_nan() -> None:
    assert Role.VAL_LOSS in tuning(straight).case().signals
    rises = judge(NAME, tuning(lambda t: 2 * (1 + 0.005 * t / 1000)).case())
    assert all(isinstance(j, Unjudged) for j in rises)
    assert silent(NAME, tuning(straight, pretrained=False).case())
    assert silent(NAME, tuning(straight, batches_per_epoch=900).case())
    values = straight(np.arange(99.0, 1000, 100))
    values[3] = np.nan
    assert evidence(NAME, tuning(values).case())
