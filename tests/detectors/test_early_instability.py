"""Early instability at full LR: rises that cost a part of the run, and losses that only scatter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lrdoctor.types import Severity
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, falling, mild, silent

NAME = "early_instability"


def blow_up(t: np.ndarray, length: float = 100.0, height: float = 4.0) -> np.ndarray:
    """Up from 2 within a few steps, back after ``length``, then down."""
    bump = height * np.minimum(t / 5, 1) * np.maximum(1 - t / length, 0)
    return np.where(t < length, 2.0 + bump, falling(t - length))


def run(loss=blow_up, noise: float = 0.05) -> RunBuilder:  # type: ignore[no-untyped-def]
    return a_run().lr(lambda t: cosine(t, 1000)).loss(loss, noise=noise)


def test_a_rise_that_costs_a_tenth_of_the_run() -> None:
    found = evidence(NAME, run().case())
    assert found.start == 0 and found.stop == pytest.approx(102, abs=12)
    assert found.severity is None
    assert found.measured["share"].value == pytest.approx(10, abs=1.5)
    assert found.measured["first_loss"].value == pytest.approx(2, abs=0.2)
    assert found.measured["sigmas"].value > 20


def test_a_run_that_ends_no_lower_than_it_began_says_so() -> None:
    assert "ends no lower" not in evidence(NAME, run().case()).detail
    dip = run(lambda t: np.where(np.abs(t - 130) < 20, 1.5, np.where(t < 3, 2.0, 5.0)))
    assert "ends no lower" in evidence(NAME, dip.case()).detail


def test_a_short_rise_is_a_note() -> None:
    assert mild(evidence(NAME, run(lambda t: blow_up(t, 35)).case()))
    assert silent(NAME, run(lambda t: blow_up(t, 35)).case(), note_share=0.06)


def test_of_a_run_that_still_trains_without_a_plan_no_share_is_known() -> None:
    assert mild(evidence(NAME, replace(run().case(), finished=False)))
    planned = run().hparams(max_steps=1500).case()
    assert planned.finished is False and evidence(NAME, planned).severity is None


def test_a_longer_plan_makes_the_share_smaller() -> None:
    found = evidence(NAME, run().hparams(max_steps=4000).case())
    assert found.severity is Severity.INFO


@pytest.mark.parametrize(
    "case",
    [
        run(falling).case(),
        run(lambda t: 2 + 0 * t, noise=0.5).case(),
        run(lambda t: 2 + t / 1000).case(),
        run(noise=6.0).case(),
        run().lr(lambda t: 0.1 * np.minimum((t + 1) / 100, 1)).case(),
        run(lambda t: blow_up(np.maximum(t - 300, 0))).case(),
        run().series("rollout/ep_rew_mean", lambda t: t).case(),
        a_run().steps(5000, 6000).lr(0.1).loss(lambda t: blow_up(t - 5000)).case(),
        a_run().steps(0, 1000, 30).lr(0.1).loss(blow_up).case(),
        a_run().on_axis("epoch").lr(0.1).loss(blow_up).case(),
    ],
    ids=[
        "falls at once", "flat and noisy", "never comes back", "hidden in noise", "warm-up",
        "later", "reinforcement learning", "continued", "few points",
        "means of epochs",
    ],
)  # fmt: skip
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


@pytest.mark.parametrize("seed", range(30))
def test_heavy_tails_and_slow_wander_are_no_rise(seed: int) -> None:
    """Autocorrelated Student noise on a flat start: some wander up, none beyond doubt."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_t(3, 1000) * 0.1
    for i in range(1, 1000):
        noise[i] += 0.7 * noise[i - 1]
    case = a_run().lr(0.1).loss(lambda t: 2 - 0.3 * t / 1000 + noise, noise=0).case()
    assert silent(NAME, case)


def test_sigmas_are_the_edge() -> None:
    case = run(lambda t: blow_up(t, 100, 1.0), noise=0.1).case()
    assert evidence(NAME, case, sigmas=5.0)
    assert silent(NAME, case, sigmas=12.0)


def test_gaps_in_the_loss() -> None:
    loss = blow_up(np.arange(1000.0)) + np.random.default_rng(0).normal(0, 0.05, 1000)
    loss[::7] = np.nan
    assert evidence(NAME, a_run().lr(0.1).series("train/loss", np.roll(loss, -1)).case())
