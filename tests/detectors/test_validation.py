"""Validation against training loss: overfitting at a standing LR, and validation below training."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Case
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, mild, multistep, silent

RISE, BELOW = "validation_rise", "validation_below"


def learned(t: np.ndarray) -> np.ndarray:
    return 2 / (1 + t / 5)


def turns(t: np.ndarray) -> np.ndarray:
    """Falls from 2 to 1 over 20 evaluations and is back at 1.4 after 20 more."""
    return np.where(t < 20, 2 - t / 20, 1 + (t - 20) / 50)


def run(val=turns, train=learned, epochs: int = 40, lr=0.1, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    start = a_run().on_axis("epoch").steps(0, epochs).lr(lr).loss(train, noise=0.002)
    return start.loss(val, noise=0.01, seed=1, tag="val/loss").hparams(**settings)


def test_a_long_rise_at_a_standing_lr() -> None:
    found = evidence(RISE, run().case())
    assert found.severity is None
    assert found.start == pytest.approx(20, abs=2)
    assert found.measured["rise"].value == pytest.approx(36, abs=6)
    assert found.measured["train_fall"].value > 30


def test_a_metric_that_goes_on_improving_makes_it_a_note() -> None:
    better = run().series("val/accuracy", lambda t: 0.5 + t / 100)
    assert mild(evidence(RISE, better.case()))
    worse = run().series("val/accuracy", lambda t: 0.5 + np.minimum(t, 40 - t) / 100)
    assert not mild(evidence(RISE, worse.case()))


def test_a_steep_rise_that_levels_off_is_no_line_but_a_rise() -> None:
    """Memorised within a few epochs: both losses run towards their limits in order."""
    case = run(
        lambda t: np.where(t < 3, 2 - t / 3, 1 + np.log1p(np.maximum(t - 3, 0)) / 4),
        lambda t: np.exp(-t / 4) + 1 / (1 + t) ** 2,
        epochs=100,
    )
    found = evidence(RISE, case.case())
    assert found.start == pytest.approx(3, abs=3)
    assert found.measured["rise"].value == pytest.approx(47, abs=3)


@pytest.mark.parametrize(
    "case",
    [
        run(lr=lambda t: cosine(t, 40)).case(),
        run(lr=lambda t: multistep(t, 25)).case(),
        run(train=lambda t: turns(t) - 0.1).case(),
        run(epochs=30).case(),
        run(max_epochs=80).case(),
        run(lambda t: 2 - t / 40).case(),
        run(lambda t: 1 + np.exp(-t / 5)).case(),
        run(lambda t: 1 + np.exp(-t / 5) + (t == 39)).case(),
        run(lambda t: np.where(t < 20, 2 - t / 20, 1 + (t - 20) / 500)).case(),
        run().series("rollout/ep_rew_mean", lambda t: t).case(),
    ],
    ids=[
        "cosine", "dropped", "training rises too", "ten evaluations", "stopped early", "falling",
        "flat", "one bad evaluation", "a rise of 4 %", "reinforcement learning",
    ],
)  # fmt: skip
def test_quiet(case: Case) -> None:
    assert silent(RISE, case)


def test_rise_share_is_the_edge() -> None:
    assert evidence(RISE, run().case(), rise_share=0.3)
    assert silent(RISE, run().case(), rise_share=0.45)


def test_nan_is_no_minimum() -> None:
    val = turns(np.arange(40.0))
    val[::9] = np.nan
    assert evidence(RISE, run().series("val/loss", val).case())


# ------------------------------------------------------------------------------ validation_below


def test_validation_below_training() -> None:
    found = evidence(BELOW, run(val=lambda t: 0.7 * learned(t)).case())
    assert found.measured["gap"].value == pytest.approx(30, abs=3)


def test_the_lag_of_half_an_epoch_is_no_difference() -> None:
    """Losses of one curve: the training loss is its mean over the epoch that ends there."""
    fast = a_run().on_axis("epoch").steps(1, 41).lr(0.1)
    mean = fast.series("train/loss", lambda t: 2 * 0.8 ** (t - 0.5))
    lagging = mean.series("val/loss", lambda t: 2 * 0.8**t)
    assert silent(BELOW, lagging.case())
    assert evidence(BELOW, mean.series("val/loss", lambda t: 1.6 * 0.8**t).case())


@pytest.mark.parametrize(
    "case",
    [
        run(val=lambda t: 1.05 * learned(t)).case(),
        run(val=lambda t: learned(t) * np.where(t % 4, 0.7, 1.5)).case(),
        run(val=lambda t: 0.7 * learned(t), epochs=10).case(),
        run(val=lambda t: 0.7 * learned(t), train=lambda t: -learned(t)).case(),
    ],
    ids=["above", "both ways", "few evaluations", "negative loss"],
)
def test_nothing_to_explain(case: Case) -> None:
    assert silent(BELOW, case)


def test_training_logged_more_often() -> None:
    dense = a_run().steps(0, 4000).lr(0.1).loss(lambda t: 2 / (1 + t / 500), noise=0.3)
    val = dense.steps(99, 4000, 100).loss(lambda t: 1.4 / (1 + t / 500), noise=0.01, tag="val/loss")
    assert evidence(BELOW, val.case()).measured["gap"].value == pytest.approx(30, abs=5)


def test_a_training_loss_several_times_as_large_may_be_a_sum() -> None:
    assert "sum over" in evidence(BELOW, run(learned, lambda t: 6 * learned(t)).case()).detail
    assert "dropout" in evidence(BELOW, run(learned, lambda t: 1.5 * learned(t)).case()).detail[:30]
