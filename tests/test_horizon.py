"""Horizon arithmetic, with the ImageNet case of a one-cycle that peaked at epoch 13."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.errors import ConfigError
from lrdoctor.horizon import explain_ratio, plan
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import Intent

EPOCHS, STEPS_PER_EPOCH = 90, 1251
IMAGENET = Intent(
    scheduler="onecycle",
    arguments={"pct_start": 0.2},
    epochs=EPOCHS,
    total_steps=EPOCHS * STEPS_PER_EPOCH,
    batch_size=128,
    accumulation=2,
    devices=4,
    dataset_size=1_281_167,
)


def peak_epoch(total_steps: int, pct_start: float, per_epoch: int = STEPS_PER_EPOCH) -> float:
    """Where the LR of a built schedule is largest, in epochs of ``per_epoch`` scheduler steps."""
    named = from_parameters(
        "onecycle", {"max_lr": 0.15, "total_steps": total_steps, "pct_start": pct_start}
    )
    return float(np.argmax(named.lr(np.arange(total_steps, dtype=float)))) / per_epoch


def test_stated_causes_peak_at_18_or_27_and_never_at_13() -> None:
    total = EPOCHS * STEPS_PER_EPOCH
    assert peak_epoch(total, 0.2) == pytest.approx(18, abs=0.01)
    assert peak_epoch(total, 0.3) == pytest.approx(27, abs=0.01)


def test_accumulation_counted_twice_peaks_at_13_and_a_half() -> None:
    assert peak_epoch(56_295, 0.3) == pytest.approx(13.5, abs=0.01)
    # The scheduler stepped at each of 2,502 micro-batches instead of each of 1,251 updates.
    assert peak_epoch(EPOCHS * STEPS_PER_EPOCH, 0.3, per_epoch=2502) == pytest.approx(
        13.5, abs=0.01
    )


def test_half_of_27_is_accumulation() -> None:
    best = explain_ratio(13.5, 27.0, IMAGENET)[0]
    assert best.ratio == Fraction(1, 2)
    assert "accumulation of 2" in best.text
    assert "twice" in best.text and "micro-batch" in best.text


def test_13_and_a_half_of_18_is_accumulation_and_the_default_share() -> None:
    explanations = explain_ratio(13.5, 18.0, IMAGENET, peak=True)
    best, last = explanations[0], explanations[-1]
    assert best.ratio == Fraction(3, 4)
    assert "accumulation of 2" in best.text and "0.3 instead of 0.2" in best.text
    assert last.ratio == Fraction(3, 4) and "nothing configured" in last.text


def test_a_share_of_the_peak_does_not_explain_a_horizon() -> None:
    assert not any("pct_start" in e.text for e in explain_ratio(13.5, 18.0, IMAGENET))


def test_default_share_alone() -> None:
    best = explain_ratio(27.0, 18.0, IMAGENET, peak=True)[0]
    assert best.ratio == Fraction(3, 2)
    assert best.text.count("instead of") == 1


def test_world_size() -> None:
    best = explain_ratio(2_500, 10_000, Intent(devices=4, accumulation=1))[0]
    assert best.ratio == Fraction(1, 4)
    assert "process" in best.text


def test_unconfigured_power_of_two_is_a_guess_that_says_so() -> None:
    best = explain_ratio(1_250, 10_000, Intent())[0]
    assert best.ratio == Fraction(1, 8)
    assert "does not mention" in best.assumptions[0]


def test_last_batch_kept_or_dropped() -> None:
    best = explain_ratio(112_590, 112_680, IMAGENET)[0]
    assert best.ratio == Fraction(1251, 1252)
    assert "dropped" in best.text


def test_warmup_left_out_of_the_horizon() -> None:
    intent = Intent(arguments={"warmup": 500}, accumulation=1, devices=1)
    assert "leaves out the warm-up" in explain_ratio(9_500, 10_000, intent)[0].text


def test_made_for_other_epochs() -> None:
    intent = Intent(epochs=90, total_steps=9_000, accumulation=1, devices=1)
    assert any("60 epochs, not 90" in e.text for e in explain_ratio(6_000, 9_000, intent))


@pytest.mark.parametrize("fitted", [0.0, -1.0, float("nan"), float("inf")])
def test_nonsense_has_no_explanation(fitted: float) -> None:
    assert explain_ratio(fitted, 100.0, IMAGENET) == ()


@given(ratio=st.floats(0.52, 0.64))
def test_no_simple_ratio_no_explanation(ratio: float) -> None:
    assert explain_ratio(ratio * 1000, 1000, Intent(accumulation=1, devices=1)) == ()


@given(st.floats(1.0, 1e6))
def test_agreement_needs_no_explanation(length: float) -> None:
    assert explain_ratio(length, length, Intent(accumulation=2, devices=8)) == ()


def test_plan_of_the_imagenet_run() -> None:
    found = plan(1_281_167, 128, accumulation=2, devices=4, epochs=90, pct_start=0.2)
    assert found.keep_last.samples_per_device == 320_292
    assert found.keep_last.batches_per_epoch == 2503
    assert found.keep_last.steps_per_epoch == 1252
    assert found.keep_last.total_steps == 112_680
    assert found.drop_last.batches_per_epoch == 2502
    assert found.drop_last.steps_per_epoch == 1251
    assert found.drop_last.total_steps == 112_590
    assert found.drop_last.peak_step == pytest.approx(22_517)
    assert found.drop_last.peak_epoch == pytest.approx(18, abs=0.01)


def test_plan_refuses_empty_batches() -> None:
    with pytest.raises(ConfigError, match="batch must be positive"):
        plan(100, 0)
