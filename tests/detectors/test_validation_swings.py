"""Swings of the validation loss: at a standing LR, under a decay, on the way down, or slow."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Confidence
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, silent

NAME = "validation_swings"


def run(swing: float, slope: float = 0.0, seed: int = 0) -> RunBuilder:
    """60 epochs: both losses fall for 10, then stand or fall by ``slope`` in all."""
    draw = np.random.default_rng(seed).normal(0, 1, 60)
    t = np.arange(60.0)
    level = 0.5 + np.exp(-t / 4) - slope * t / 60
    epochs = a_run().on_axis("epoch").steps(0, 60)
    return epochs.series("loss", level).series("val_loss", level * np.exp(swing * draw))


@pytest.mark.parametrize("seed", range(5))
def test_swings_without_an_lr(seed: int) -> None:
    found = evidence(NAME, run(0.25, seed=seed).case())
    assert found.confidence is Confidence.LOW
    assert (found.start, found.stop) == (30, 60)
    assert found.measured["swing"].value == pytest.approx(25, abs=10)


def test_a_standing_lr_is_named() -> None:
    found = evidence(NAME, run(0.25).lr(0.1).case())
    assert found.measured["lr"].value == 0.1


def test_a_decay_is_left_alone() -> None:
    assert silent(NAME, run(0.25).lr(lambda t: cosine(t, 60)).case())


@pytest.mark.parametrize("seed", range(5))
def test_small_swings_and_progress(seed: int) -> None:
    assert silent(NAME, run(0.04, seed=seed).case())
    assert silent(NAME, run(0.15, slope=0.45, seed=seed).case())


def test_slow_waves_are_no_swings() -> None:
    t = np.arange(60.0)
    epochs = a_run().on_axis("epoch").steps(0, 60).series("loss", 0.5 + np.exp(-t / 4))
    assert silent(NAME, epochs.series("val_loss", 1 + 0.6 * np.sin(t / 4)).case())


def test_the_swing_is_the_edge() -> None:
    case = run(0.25).case()
    size = evidence(NAME, case).measured["swing"].value / 100
    assert evidence(NAME, case, swing=size - 0.01)
    assert silent(NAME, case, swing=size + 0.01)


def test_short_and_nan() -> None:
    short = a_run().on_axis("epoch").steps(0, 20).series("loss", 1.0)
    assert silent(NAME, short.series("val_loss", np.tile([1.0, 2.0], 10)).case())
    assert silent(NAME, a_run().loss().series("val_loss", np.full(1000, np.nan)).case())
