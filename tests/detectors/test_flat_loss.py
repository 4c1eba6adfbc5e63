"""Plateau never reduced: noise-limited at a constant LR, and everything that only looks like it."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Case, Confidence, Severity
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, falling, judge, mild, silent

NAME = "flat_loss"


def levelled(t: np.ndarray) -> np.ndarray:
    """A loss on its floor after a quarter of the run."""
    return 0.5 + 1.5 * np.exp(-t / 60)


def run(loss=levelled, noise: float = 0.05, epochs: int = 40, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    """A thousand steps in ``epochs`` epochs at a constant LR."""
    return (
        a_run()
        .lr(0.1)
        .loss(loss, noise=noise)
        .series("epoch", lambda t: t // (1000 // epochs))
        .hparams(**settings)
    )


def test_a_long_plateau_at_a_constant_lr() -> None:
    found = evidence(NAME, run().case())
    assert found.severity is None
    assert found.measured["plateau_share"].value > 50
    assert found.measured["loss_level"].value == pytest.approx(0.5, abs=0.02)
    assert found.measured["noise"].value == pytest.approx(0.05, rel=0.2)
    assert 250 < found.start < 500


def test_a_scheduler_that_never_acts_is_more_certain() -> None:
    found = evidence(NAME, run(scheduler="ReduceLROnPlateau", patience=5).case())
    assert found.confidence is Confidence.HIGH
    assert "ReduceLROnPlateau" in found.detail
    found = evidence(NAME, run(scheduler="StepLR", max_epochs=40).case())
    assert "step schedule" in found.detail


@pytest.mark.parametrize(
    ("settings", "epochs"),
    [({"scheduler": "constant"}, 40), ({}, 20)],
    ids=["constant on purpose", "twenty epochs"],
)
def test_notes_only(settings: dict[str, str], epochs: int) -> None:
    assert mild(evidence(NAME, run(epochs=epochs, **settings).case()))


def test_a_note_while_a_decay_may_be_still_to_come() -> None:
    """The stable phase of a warm-up-stable-decay run whose log names no schedule."""
    assert mild(evidence(NAME, run(max_epochs=60).case()))


@pytest.mark.parametrize(
    "case",
    [
        run(falling).case(),
        run(lambda t: 2 - t / 800).case(),
        run(lambda t: np.full(t.shape, 0.693), noise=1e-4).case(),
        run(lambda t: 2.0 * np.exp(-t / 30) + 1e-4, noise=1e-5).case(),
        run(epochs=8).case(),
        run(lambda t: 0.5 + np.exp(-t / 60) + t / 1000).case(),
        run(noise=3.0).case(),
        run(scheduler="CosineAnnealingLR", max_epochs=100).case(),
        run().series("rollout/ep_rew_mean", lambda t: t).case(),
        a_run().steps(0, 1000, 50).lr(0.1).loss(levelled).case(),
    ],
    ids=[
        "still falling", "falling straight", "never learned", "solved", "eight epochs", "rising",
        "noise hides any trend", "decay still to come", "reinforcement learning", "few points",
    ],
)  # fmt: skip
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


@pytest.mark.parametrize(
    "lr",
    [
        lambda t: np.where(t < 600, 0.1, 0.01),
        lambda t: 0.05 * (1 + np.cos(np.pi * t / 1000)),
        lambda t: np.where(t < 100, 0.1, 0.04),
        lambda t: np.zeros(t.shape),
    ],
    ids=["reduced", "cosine", "reduced before the plateau", "zero"],
)
def test_quiet_where_the_lr_moved(lr) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, a_run().lr(lr).loss(levelled, noise=0.05).case())


def test_quiet_while_validation_improves() -> None:
    case = run().series("val_loss", lambda t: 2 - t / 1000).case()
    assert silent(NAME, case)


def test_plateau_share_is_the_edge() -> None:
    late = run(lambda t: 0.5 + 1.5 * np.maximum(0, 1 - t / 500))
    assert silent(NAME, late.case(), min_share=0.55)
    found = evidence(NAME, late.case(), min_share=0.4)
    assert found.measured["plateau_share"].value == pytest.approx(50, abs=10)
    assert found.severity is not Severity.ERROR


def test_nan_and_missing_loss() -> None:
    gaps = levelled(np.arange(1000.0)) + np.random.default_rng(1).normal(0, 0.05, 1000)
    gaps[::7] = np.nan
    assert evidence(NAME, a_run().lr(0.1).series("train/loss", gaps).case())
    (judgement,) = judge(NAME, a_run().lr(0.1).case())
    assert isinstance(judgement, Unjudged)


def test_a_plateau_scheduler_past_its_patience_convicts_itself() -> None:
    def stalled(patience: int) -> Case:
        val = 1.0 + np.r_[np.linspace(1, 0, 25), np.full(25, 0.05)]
        settings = {"scheduler": "ReduceLROnPlateau", "patience": patience}
        return run(noise=0.01, **settings).steps(19, 1000, 20).series("val_loss", val).case()

    # No noise is small enough here for the training loss alone to decide.
    assert evidence(NAME, stalled(5), hidden_share=-1.0).start == pytest.approx(24 * 20 + 19, abs=2)
    assert silent(NAME, stalled(30), hidden_share=-1.0)


def sleeping(sign: float, *, patience: int = 3, noise: float = 0.01, fall: float = 0.0) -> Case:
    """Both losses stand for 16 of 50 evaluations in mid-run and then fall again."""
    steps = np.r_[np.linspace(1, 0.3, 20), np.full(16, 0.32), np.linspace(0.28, 0, 14)]
    val = steps + (0.5 if sign > 0 else -1.5)
    at = np.arange(19, 1000, 20)
    built = run(
        lambda t: np.interp(t, at, val) - fall * np.clip((t - 400) / 320, 0, 1),
        noise=noise,
        scheduler="ReduceLROnPlateau",
        patience=patience,
    )
    return built.steps(19, 1000, 20).series("val_loss", val).case()


def test_a_scheduler_that_sleeps_in_mid_run() -> None:
    found = evidence(NAME, sleeping(1))
    assert found.severity is None and "how often it is stepped" in found.detail
    assert found.measured["waited"].value == 17
    assert found.start == pytest.approx(19 * 20 + 19, abs=1)
    assert "threshold_mode" in evidence(NAME, sleeping(-1)).detail


def test_noise_that_may_hide_what_it_watches_makes_a_note() -> None:
    assert mild(evidence(NAME, sleeping(-1, noise=2.0)))


def test_what_acquits_a_sleeping_scheduler() -> None:
    assert silent(NAME, sleeping(1, patience=10))
    assert silent(NAME, sleeping(1, fall=0.5))


def test_a_slow_but_steady_power_law_is_no_plateau() -> None:
    """Large models at a constant LR: a few percent over most of the run, with hardly any noise."""
    case = a_run().steps(0, 400_000, 2000).lr(0.01)
    assert silent(NAME, case.loss(lambda t: 0.6 + 0.9 * (1 + t / 500) ** -0.3, noise=1e-4).case())
