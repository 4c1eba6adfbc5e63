"""Divergence: given back and gone, not spikes, restarts, noise or a loss redefined."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, falling, silent
from tests.detectors.loss_shapes import eventful, spike_at, step_at

NAME = "loss_divergence"


def blow_up(t: np.ndarray) -> np.ndarray:
    """Grows without end from step 600 on."""
    return np.exp(np.maximum(t - 600, 0) / 40)


def test_a_loss_that_blows_up() -> None:
    found = evidence(NAME, eventful(blow_up).case())
    assert found.severity is Severity.ERROR
    assert 600 <= found.start <= 720
    assert found.stop == 1000


def test_half_given_back_is_a_warning() -> None:
    found = evidence(NAME, eventful(step_at(700, 3.0)).case())
    assert found.severity is None
    assert found.measured["given_back"].value == pytest.approx(70, abs=20)


def test_validation_makes_two_symptoms() -> None:
    run = eventful(step_at(700, 3.0)).steps(0, 1000, 20)
    val = run.series("val_loss", lambda t: falling(t) * step_at(700, 3.0)(t))
    assert evidence(NAME, val.case()).severity is Severity.ERROR


def test_a_best_level_that_lasts_a_warm_up_only() -> None:
    """So short and noisy a best that only the mean of all that follows proves the rise."""
    noise = np.random.default_rng(3).normal(0, 1, 1400)

    def warmed(t: np.ndarray) -> np.ndarray:
        early = 2.07 - 1.0 * np.clip(t / 20, 0, 1) + 0.35 * noise * (t < 60)
        burst = np.where((t > 145) & (t < 155), 1.5, 0.0)
        late = 2.1 + burst + np.where(t < 250, 0.35, 0.05) * noise
        return np.where(t < 85, early, late)

    run = a_run().steps(0, 1400).lr(lambda t: 1.5 * np.minimum(1, t / 350))
    found = evidence(NAME, run.series("loss", warmed).case())
    assert found.severity is Severity.ERROR
    assert 60 <= found.start <= 110


def test_validation_that_improves_clears_it() -> None:
    assert silent(
        NAME, eventful(step_at(700, 3.0)).steps(0, 1000, 20).series("val_loss", falling).case()
    )


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("noise", [0.0, 0.02, 0.3, 1.0])
def test_noise_is_quiet(seed: int, noise: float) -> None:
    assert silent(NAME, eventful(lambda t: 1 + 0 * t, noise=noise, seed=seed).case())


def test_a_spike_that_comes_back() -> None:
    assert silent(NAME, eventful(spike_at(700, 6.0, 100)).case())


def test_a_warm_restart() -> None:
    run = eventful(step_at(900, 3.0)).lr(lambda t: cosine(t % 900, 900))
    assert silent(NAME, run.case())


def test_the_share_is_the_edge() -> None:
    case = eventful(step_at(700, 3.0), noise=0.001).case()
    share = evidence(NAME, case).measured["given_back"].value / 100
    assert evidence(NAME, case, given_back=share - 0.02)
    assert silent(NAME, case, given_back=share + 0.02)


def test_short_nan_and_in_progress() -> None:
    assert silent(NAME, a_run().steps(0, 8).series("loss", [3, 2, 1, 5, 9, 20, 80, 99]).case())
    loss = falling(np.arange(1000.0)) * blow_up(np.arange(1000.0))
    loss[700:] = np.nan
    assert evidence(NAME, a_run().series("loss", loss).case()).stop <= 700
    assert silent(NAME, eventful(blow_up).case(), stay_share=0.5)


def test_reinforcement_learning_is_exempt() -> None:
    run = eventful(blow_up).series("rollout/ep_rew_mean", np.arange(1000.0))
    assert silent(NAME, run.case())
