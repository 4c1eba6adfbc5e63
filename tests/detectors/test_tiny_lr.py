"""LR tiny on a plateau: the slope goes with the LR, or had gone before it."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Case
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, judge, silent

NAME = "tiny_lr"


def early(t: np.ndarray) -> np.ndarray:
    """A line from 0.1 to its minimum of 1e-5 at step 500."""
    return np.maximum(0.1 * (1 - t / 500), 1e-5)


def starved(t: np.ndarray) -> np.ndarray:
    """Falls from 2 to 1 while the LR is there."""
    return 2 - np.minimum(t, 500) / 500


def run(lr=early, loss=starved, noise: float = 0.02) -> RunBuilder:  # type: ignore[no-untyped-def]
    return a_run().lr(lr).loss(loss, noise=noise)


def test_the_slope_goes_with_the_lr() -> None:
    found = evidence(NAME, run().case())
    assert found.severity is None
    assert found.start == 500
    assert found.measured["run_left"].value == pytest.approx(50, abs=0.5)
    assert found.measured["lr_share"].value == pytest.approx(0.01)
    assert abs(found.measured["slope_left"].value) < 10


@pytest.mark.parametrize(
    "case",
    [
        run(loss=lambda t: 1 + np.exp(-t / 40)).case(),
        run(loss=lambda t: 2 - t / 1000).case(),
        run(lambda t: cosine(t, 1000)).case(),
        run(lambda t: np.maximum(0.1 * (1 - t / 500), 1e-3)).case(),
        run(lambda t: np.maximum(0.1 * (1 - t / 800), 1e-5)).case(),
        run(lambda t: np.round(early(t), 3)).case(),
        run(loss=lambda t: np.where(t < 500, 2 - t / 500, 0.01 + t / 500)).case(),
        run().series("rollout/ep_rew_mean", lambda t: t).case(),
        run(lambda t: np.zeros(t.shape)).case(),
    ],
    ids=[
        "rested before", "falls all the same", "cosine", "a hundredth", "the last fifth",
        "zeros by rounding", "rises after", "reinforcement learning", "all zero",
    ],
)  # fmt: skip
def test_quiet(case: Case) -> None:
    assert silent(NAME, case)


def test_a_validation_loss_past_its_best_acquits() -> None:
    """A plateau scheduler on the validation loss cuts while the training data are still learnt."""
    val = run().steps(9, 1000, 10).series("val_loss", lambda t: 1 + np.abs(t - 100) / 1000)
    assert silent(NAME, val.case())
    still = run().steps(9, 1000, 10).series("val_loss", starved)
    assert evidence(NAME, still.case())


def test_min_share_is_the_edge() -> None:
    assert evidence(NAME, run().case(), min_share=0.49)
    assert silent(NAME, run().case(), min_share=0.51)


def test_nan_and_missing_loss() -> None:
    loss = starved(np.arange(1000.0)) + np.random.default_rng(0).normal(0, 0.02, 1000)
    loss[::7] = np.nan
    assert evidence(NAME, a_run().lr(early).series("train/loss", loss).case())
    (judgement,) = judge(NAME, a_run().lr(early).case())
    assert isinstance(judgement, Unjudged)
