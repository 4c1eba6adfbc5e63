"""A loss that rises at an unfreezing: lasting, back within an epoch, or not there."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, falling, judge, mild, silent

NAME = "unfreeze_shock"
AT = 400


def unfreezes(after: object, noise: float = 0.01) -> RunBuilder:
    """A head at 1e-3; at ``AT`` a backbone joins and ``after`` is added to the loss."""
    extra = after if callable(after) else (lambda t: after)  # type: ignore[return-value]
    shape = lambda t: falling(t) + np.where(t < AT, 0.0, extra(np.maximum(t - AT, 0)))  # noqa: E731
    run = a_run().lr(1e-3, tag="lr/head").loss(shape, noise=noise)
    return run.hparams(unfreeze_step=AT, batches_per_epoch=50)


def joined(run: RunBuilder) -> RunBuilder:
    return run.steps(AT, 1000).lr(1e-2, tag="lr/backbone")


def test_a_rise_that_lasts() -> None:
    found = evidence(NAME, joined(unfreezes(0.5)).case())
    assert found.start == pytest.approx(AT, abs=2)
    assert found.severity is None
    assert found.measured["loss_ratio"].value == pytest.approx(1.53, abs=0.06)
    assert found.param_group == "lr/backbone"
    assert "0.01" in found.detail


def test_both_losses_make_it_an_error() -> None:
    run = unfreezes(lambda t: 0.5 * np.exp(-t / 400))
    val = run.steps(49, 1000, 50).loss(
        lambda t: falling(t) + np.where(t < AT, 0.0, 0.6), noise=0.005, tag="val/loss"
    )
    assert evidence(NAME, val.case()).severity is Severity.ERROR


def test_back_within_an_epoch_is_a_note() -> None:
    found = evidence(NAME, unfreezes(lambda t: 0.5 * np.exp(-t / 12)).case())
    assert mild(found)
    assert found.measured["recovered_after"].value <= 51


def test_no_rise_or_one_in_the_noise() -> None:
    assert silent(NAME, unfreezes(0.0).case())
    assert silent(NAME, unfreezes(-0.3).case())
    assert silent(NAME, unfreezes(0.03, noise=0.05).case())


def test_rise_ratio_is_the_edge() -> None:
    case = unfreezes(0.2, noise=0.002).case()
    assert evidence(NAME, case, rise_ratio=1.2)
    assert silent(NAME, case, rise_ratio=1.3)


def test_elsewhere_it_is_not_the_unfreezing() -> None:
    run = unfreezes(lambda t: np.where(t > 100, 0.5, 0.0))
    assert silent(NAME, run.case())
    nowhere = a_run().lr(1e-3).loss(lambda t: falling(t) + np.where(t < AT, 0, 0.5))
    assert silent(NAME, nowhere.case())


def test_no_loss_reinforcement_nan() -> None:
    (said,) = judge(NAME, a_run().lr(1e-3).hparams(unfreeze_step=AT).case())
    assert isinstance(said, Unjudged)
    assert silent(NAME, unfreezes(0.5).series("rollout/ep_rew_mean", 1.0).case())
    values = unfreezes(0.5).columns["train/loss"].value.copy()
    values[::9] = np.nan
    run = a_run().lr(1e-3).series("train/loss", values).hparams(unfreeze_step=AT)
    assert evidence(NAME, run.case())
