"""LR too low: a straight fall at the full LR, and every curve that bends."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Case
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, silent

NAME = "straight_loss"


def line(t: np.ndarray) -> np.ndarray:
    return 2.3 - 0.6 * t / 1000


def run(loss=line, lr=1e-5, noise: float = 0.01, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    return a_run().lr(lr).loss(loss, noise=noise).hparams(**settings)


def test_a_line_that_does_not_bend() -> None:
    found = evidence(NAME, run().case())
    assert found.measured["slope_ratio"].value == pytest.approx(100, abs=5)
    assert found.measured["fall"].value == pytest.approx(23, abs=2)


def test_the_bend_of_a_cosine_is_the_lr_s_own() -> None:
    """A loss that falls in proportion to the LR used so far."""
    done = np.cumsum(cosine(np.arange(1000.0), 1000)) / 50
    case = run(loss=lambda t: 2.3 - 0.6 * done, lr=lambda t: cosine(t, 1000, 1e-5)).case()
    assert evidence(NAME, case).measured["slope_ratio"].value == pytest.approx(100, abs=5)


def test_validation_is_asked_first() -> None:
    noisy = run(noise=1.0)
    assert silent(NAME, noisy.case())
    val = noisy.steps(19, 1000, 20).loss(line, noise=0.003, tag="val/loss")
    assert evidence(NAME, val.case()).tags[0] == "val/loss"


@pytest.mark.parametrize(
    "case",
    [
        run(lambda t: 2.3 / np.sqrt(1 + t / 700)).case(),
        run(lambda t: 2.3 * np.exp(-t / 400)).case(),
        run(lambda t: 2.3 - 0.02 * t / 1000).case(),
        run(lambda t: 2.3 - 2.0 * t / 1000).case(),
        run(lambda t: 2.0 + line(t) * 0 + t / 1000).case(),
        run(noise=1.0).case(),
        run(max_epochs=80).series("epoch", lambda t: t // 100).case(),
        run(pretrained=True).case(),
        run(lr=lambda t: 1e-5 * (t + 1) / 1000).case(),
        run().series("rollout/ep_rew_mean", lambda t: t).case(),
        a_run().steps(0, 1000, 125).lr(1e-5).loss(line).case(),
    ],
    ids=[
        "power law", "exponential", "no progress", "nearly done", "rising", "noise", "in progress",
        "fine-tuning", "still in warm-up", "reinforcement learning", "few points",
    ],
)  # fmt: skip
def test_quiet(case: Case) -> None:
    assert silent(NAME, case)


def test_straight_ratio_is_the_edge() -> None:
    bent = run(lambda t: 2.3 - 0.6 * t / 1000 + 0.1 * (t / 1000) ** 2).case()
    assert evidence(NAME, bent, straight_ratio=0.6)
    assert silent(NAME, bent, straight_ratio=0.95)


def test_nan() -> None:
    loss = line(np.arange(1000.0)) + np.random.default_rng(0).normal(0, 0.01, 1000)
    loss[::7] = np.nan
    assert evidence(NAME, a_run().lr(1e-5).series("train/loss", loss).case())
