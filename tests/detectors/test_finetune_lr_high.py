"""Fine-tuning LR too high: both losses rise with the LR; overfitting and short bumps pass."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, judge, mild, silent

NAME = "finetune_lr_high"
RISE = [0.20, 0.26, 0.33, 0.36, 0.34, 0.33, 0.31, 0.30, 0.29, 0.28]


def warmup(t: np.ndarray) -> np.ndarray:
    return 1e-4 * np.minimum((t + 1) / 300, 1.0)


def bump(t: np.ndarray) -> np.ndarray:
    """Rises from 0.1 to 0.3 with the warm-up."""
    return 0.1 + 0.2 * np.minimum(t / 300, 1.0)


def tuning(train: object, val: list[float], **settings: object) -> RunBuilder:
    """A fine-tuning of 1,000 steps with ten evaluations."""
    run = a_run().lr(warmup).loss(train, noise=0.01)  # type: ignore[arg-type]
    run = run.steps(99, 1000, 100).series("val/loss", val)
    return run.hparams(**{"pretrained": True, **settings})  # type: ignore[arg-type]


def test_both_losses_rise() -> None:
    found = evidence(NAME, tuning(bump, RISE).case())
    assert found.severity is Severity.ERROR
    assert found.measured["worse_evals"].value == 9
    assert found.measured["first_eval"].value == 0.2
    assert found.measured["worst_eval"].value == 0.36
    assert found.measured["loss_high"].value == pytest.approx(0.3, abs=0.02)
    assert "does not come back" in found.detail


def test_back_late_is_a_warning_and_back_soon_a_note() -> None:
    late = [0.20, 0.30, 0.30, 0.28, 0.22, 0.20, 0.18, 0.17, 0.16, 0.16]
    assert evidence(NAME, tuning(bump, late).case()).severity is None
    soon = tuning(lambda t: 0.1 + 0.2 * np.exp(-(((t - 100) / 60) ** 2)), RISE[:1] * 10)
    val = [0.2, 0.3, 0.3, *[0.19] * 37]
    assert mild(evidence(NAME, soon.steps(0, 1000, 25).series("val/loss", val).case()))


def test_overfitting_is_another_fault() -> None:
    falls = lambda t: 0.3 / (1 + t / 200)  # noqa: E731
    assert silent(NAME, tuning(falls, RISE).case())
    worse = tuning(falls, RISE).series("val/accuracy", np.linspace(0.9, 0.8, 10))
    assert silent(NAME, worse.case())


def test_a_metric_that_falls_with_a_training_loss_that_stands() -> None:
    run = tuning(0.3, RISE).series("val/accuracy", np.linspace(0.9, 0.8, 10))
    found = evidence(NAME, run.case())
    assert found.severity is None
    assert found.measured["metric_worst"].value == pytest.approx(0.8)
    assert silent(NAME, tuning(0.3, RISE).case())
    better = tuning(0.3, RISE).series("val/accuracy", np.linspace(0.8, 0.9, 10))
    assert silent(NAME, better.case())
    less_is_better = tuning(0.3, RISE).series("val/wer", np.linspace(0.2, 0.4, 10))
    assert evidence(NAME, less_is_better.case()).severity is None


def test_one_evaluation_is_no_trend() -> None:
    assert silent(NAME, tuning(bump, [0.2, 0.4, *[0.19] * 8]).case())


def test_margin_of_the_evaluations() -> None:
    val = [0.2, *[0.22] * 9]
    assert evidence(NAME, tuning(bump, val).case(), eval_ratio=1.09)
    assert silent(NAME, tuning(bump, val).case(), eval_ratio=1.11)


def test_a_rise_without_the_lr_or_late_is_something_else() -> None:
    constant = a_run().lr(1e-4).hparams(pretrained=True)
    jump = constant.loss(lambda t: np.where(t < 300, 0.1, 0.3)).steps(99, 1000, 100)
    assert silent(NAME, jump.series("val/loss", RISE).case())
    assert silent(NAME, tuning(lambda t: np.where(t < 700, 0.1, 0.3), RISE).case())


def test_wrecked_within_a_step() -> None:
    loss = np.random.default_rng(0).uniform(0.3, 2.0, 1000)
    loss[0] = 0.1
    run = a_run().lr(1e-2).series("train/loss", loss).hparams(pretrained=True)
    val = [0.1, 0.8, 0.6, 0.7, 0.9, 0.7, 0.8, 0.6, 0.7, 0.8]
    found = evidence(NAME, run.steps(0, 1000, 100).series("val/loss", val).case())
    assert found.severity is None
    assert "rise_sigma" not in found.measured


def test_only_fine_tunings() -> None:
    run = tuning(bump, RISE)
    assert silent(NAME, run.hparams(pretrained=False).case())
    unknown = RunBuilder(columns=run.columns)
    assert silent(NAME, unknown.case())
    assert evidence(NAME, RunBuilder(columns=run.columns, name="Whisper_Finetune/x").case())


def test_reinforcement_learning_is_exempt() -> None:
    assert silent(NAME, tuning(bump, RISE).series("rollout/ep_rew_mean", 1.0).case())


def test_without_validation_it_says_what_would_decide() -> None:
    run = a_run().lr(warmup).loss(bump).hparams(pretrained=True)
    (said,) = judge(NAME, run.case())
    assert isinstance(said, Unjudged)


def test_nan_short_and_in_progress() -> None:
    val = np.array(RISE)
    val[4] = np.nan
    assert evidence(NAME, tuning(bump, list(val)).case())
    assert silent(NAME, tuning(bump, [0.2] + [np.nan] * 9).case())
    short = a_run().steps(0, 200).lr(warmup).loss(bump).steps(49, 199, 50)
    assert evidence(NAME, short.series("val/loss", [0.2, 0.3, 0.4]).hparams(lora_r=8).case())


def test_a_run_that_nothing_calls_a_fine_tuning() -> None:
    """Training made it worse than it came, in both losses and the metric, for good."""

    def made(acc, first: int = 0, val: list[float] = RISE, **settings: object):  # type: ignore[no-untyped-def]
        run = a_run().lr(warmup).loss(bump, noise=0.01).steps(first, 1000 + first, 100)
        return run.series("val/loss", val).series("val/accuracy", acc).hparams(**settings).case()

    falls, stands = np.linspace(0.9, 0.5, 10), np.full(10, 0.9)
    found = evidence(NAME, made(falls))
    assert "nothing in the log says" in found.detail
    assert silent(NAME, made(stands))
    assert silent(NAME, made(falls, first=99))
    assert silent(NAME, made(falls, pretrained=False))
    assert silent(NAME, made(falls, val=[*RISE[:-1], 0.19]))
    assert silent(NAME, a_run().lr(warmup).loss(bump).case())
