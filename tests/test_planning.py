"""Plans, with the ImageNet training whose one-cycle peaked in epoch 13."""

from __future__ import annotations

from fractions import Fraction

import pytest

from lrdoctor.errors import ConfigError
from lrdoctor.planning import explain_peak, make_plan

IMAGENET = {
    "dataset_size": "1281167", "batch_size": "128", "accumulation": "2", "devices": "4",
    "epochs": "90", "pct_start": "0.2",
}  # fmt: skip
ONECYCLE = "onecycle(div_factor=100, final_div_factor=1000)"


def test_imagenet() -> None:
    made = make_plan({**IMAGENET, "lr": "0.15"}, {}, ONECYCLE)
    down, up = made.drop_last, made.keep_last
    assert (down.counts.batches_per_epoch, up.counts.batches_per_epoch) == (2502, 2503)
    assert (down.counts.steps_per_epoch, up.counts.steps_per_epoch) == (1251, 1252)
    assert (down.counts.total_steps, up.counts.total_steps) == (112_590, 112_680)
    assert down.peak == 22_517 and down.peak_epoch == pytest.approx(18)
    assert down.first_lr == pytest.approx(1.5e-3) and down.last_lr == pytest.approx(1.5e-6)
    assert down.top_lr == pytest.approx(0.15) and not made.relative
    assert down.named is not None and down.named.parameters()["total_steps"] == 112_590


@pytest.mark.parametrize("observed", ["13", "13.5"])
def test_peak_in_epoch_13_is_accumulation_and_the_default_share(observed: str) -> None:
    made = make_plan(IMAGENET, {}, "onecycle")
    reasons = explain_peak(made.drop_last, made.intent, observed)
    assert reasons
    assert reasons[0].ratio == Fraction(3, 4)
    assert "accumulation of 2" in reasons[0].text and "0.3 instead of 0.2" in reasons[0].text


@pytest.mark.parametrize("observed", ["17", "18", "18.0", "17.9"])
def test_peak_where_it_was_planned(observed: str) -> None:
    made = make_plan(IMAGENET, {}, "onecycle")
    assert explain_peak(made.drop_last, made.intent, observed) is None


def test_peak_in_epoch_27_is_the_default_share_alone() -> None:
    made = make_plan(IMAGENET, {}, "onecycle")
    reasons = explain_peak(made.drop_last, made.intent, "27")
    assert reasons and reasons[0].ratio == Fraction(3, 2)


def test_peak_without_a_simple_explanation() -> None:
    made = make_plan(IMAGENET, {}, "onecycle")
    assert explain_peak(made.drop_last, made.intent, "7") == ()


def test_flag_beats_configuration_beats_default() -> None:
    site = {"dataset_size": "1000", "batch_size": "10", "epochs": "5", "max_lr": "0.3",
            "warmup_ratio": "0.5", "scheduler": "cosine"}  # fmt: skip
    made = make_plan({}, site)
    assert made.keep_last.counts.total_steps == 500  # one device, no accumulation
    assert made.keep_last.named is not None
    assert made.keep_last.named.parameters() == {
        "lr": 0.3, "T_max": 250, "eta_min": 0.0, "warmup": 250, "warmup_start_lr": 0.0,
        "warmup_shape": "linear",
    }  # fmt: skip
    made = make_plan({"epochs": "10", "lr": "0.7", "warmup_steps": "100"}, site, "linear")
    assert made.keep_last.named is not None
    assert made.keep_last.named.name == "linear"
    values = made.keep_last.named.parameters()
    assert (values["lr"], values["total_steps"], values["warmup"]) == (0.7, 900, 100)


def test_without_an_lr_everything_is_a_share_of_the_peak() -> None:
    made = make_plan(IMAGENET, {}, "onecycle")
    assert made.relative
    assert made.drop_last.first_lr == pytest.approx(0.04)
    assert made.drop_last.last_lr == pytest.approx(4e-6)


def test_without_a_schedule_only_steps_are_counted() -> None:
    made = make_plan(IMAGENET, {})
    assert made.drop_last.named is None and made.drop_last.peak is None
    with pytest.raises(ConfigError, match="give --schedule"):
        explain_peak(made.drop_last, made.intent, "13")


@pytest.mark.parametrize(
    ("change", "schedule", "told"),
    [
        ({"dataset_size": ""}, None, "--dataset"),
        ({"epochs": ""}, None, "--epochs"),
        ({"dataset_size": "5x"}, None, "whole number"),
        ({"dataset_size": "100"}, None, "fewer than one optimizer step"),
        ({"pct_start": "20"}, "onecycle", "from 0 to 1"),
        ({}, "wsd", "needs decay_start"),
        ({}, "onecyle", "did you mean 'onecycle'"),
    ],
)
def test_slips(change: dict[str, str], schedule: str | None, told: str) -> None:
    flags = {k: v for k, v in {**IMAGENET, **change}.items() if v}
    with pytest.raises(ConfigError) as caught:
        make_plan(flags, {}, schedule)
    assert told in str(caught.value)


@pytest.mark.parametrize("observed", ["", "x", "-3", "nan", "1e99"])
def test_an_observed_peak_is_an_epoch(observed: str) -> None:
    made = make_plan(IMAGENET, {}, "onecycle")
    with pytest.raises(ConfigError, match="must be an epoch"):
        explain_peak(made.drop_last, made.intent, observed)
