"""Group ratio erased: against the settings, or against the log before."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Confidence
from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, one_cycle, silent
from tests.detectors.groups_cases import LR, head_cosine, two_groups

NAME = "ratio_erased"


def cycle(t: np.ndarray) -> np.ndarray:
    return one_cycle(t, 1000, 0.3, LR)


def test_one_max_lr_against_the_settings() -> None:
    found = evidence(NAME, two_groups(cycle, cycle, head_lr=LR, backbone_lr=LR / 10).case())
    assert found.confidence is Confidence.HIGH
    assert found.measured["meant_ratio"].value == pytest.approx(10)
    assert found.measured["erased_share"].value == pytest.approx(100)
    assert "OneCycleLR" in found.detail


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": LR, "lr_backbone": LR / 10},
        {"lr": LR, "backbone_lr_mult": 0.1},
        {"learning_rate": LR, "backbone_learning_rate": LR / 10},
        {"optim.head.lr": LR, "optim.backbone.lr": LR / 10},
    ],
)
def test_ways_to_write_the_settings(settings: dict[str, float]) -> None:
    found = evidence(NAME, two_groups(cycle, cycle, **settings).case())
    assert found.measured["meant_ratio"].value == pytest.approx(10)


def test_settings_that_agree_or_say_nothing() -> None:
    assert silent(NAME, two_groups(cycle, cycle, head_lr=LR, backbone_lr=LR).case())
    assert silent(NAME, two_groups(cycle, cycle, lr=LR).case())
    assert silent(NAME, two_groups(cycle, cycle, head_lr=LR, backbone_lr=0.0).case())
    kept = two_groups(cycle, lambda t: cycle(t) / 10, head_lr=LR, backbone_lr=LR / 10)
    assert silent(NAME, kept.case())


def test_meant_ratio_is_the_edge() -> None:
    case = two_groups(cycle, cycle, head_lr=LR, backbone_lr=LR / 2).case()
    assert evidence(NAME, case, meant_ratio=1.9)
    assert silent(NAME, case, meant_ratio=2.1)


def taken_over(at: float):  # type: ignore[no-untyped-def]
    late = lambda t: one_cycle(t - at, 1000 - at, 0.3, LR)  # noqa: E731
    head = lambda t: np.where(t < at, LR, late(t))  # noqa: E731
    return two_groups(head, lambda t: np.where(t < at, LR / 10, late(t)))


def test_a_jump_to_one_lr() -> None:
    found = evidence(NAME, taken_over(200).case())
    assert found.start == 200
    assert found.confidence is None
    assert found.measured["meant_low"].value == pytest.approx(LR / 10)
    assert silent(NAME, taken_over(950).case())


def test_groups_that_grow_together_are_no_jump() -> None:
    floor = lambda lr: lambda t: cosine(np.minimum(t, 700), 700, lr, 1e-6)  # noqa: E731
    assert silent(NAME, two_groups(floor(LR), floor(LR / 10)).case())
    bias = lambda t: np.where(t < 100, 0.1 - 0.09 * t / 100, 0.01)  # noqa: E731
    weights = lambda t: np.where(t < 100, 0.01 * t / 100, 0.01)  # noqa: E731
    run = a_run().lr(weights, tag="lr/pg0").lr(bias, tag="lr/pg2")
    assert silent(NAME, run.case())


def test_one_group_nan_and_short() -> None:
    assert silent(NAME, a_run().lr(cycle).case())
    values = cycle(np.arange(1000.0))
    values[5] = np.nan
    assert evidence(NAME, two_groups(values, values, head_lr=LR, backbone_lr=LR / 10).case())
    few = a_run().steps(0, 3).lr(LR, tag="lr_head").lr(LR, tag="lr_backbone")
    assert silent(NAME, few.hparams(head_lr=LR, backbone_lr=LR / 10).case())


def test_the_same_cosine_for_both() -> None:
    run = two_groups(head_cosine, head_cosine, head_lr=LR, backbone_lr=LR / 10)
    assert "a line that sets one LR" in evidence(NAME, run.case()).detail


def test_groups_that_only_numbers_tell_apart() -> None:
    def numbered(lr, **settings: object):  # type: ignore[no-untyped-def]
        run = a_run().lr(lr, tag="lr-AdamW/pg1").lr(lr, tag="lr-AdamW/pg2")
        return run.hparams(lr=LR, **settings).case()

    found = evidence(NAME, numbered(cycle, lr_backbone=LR / 100))
    assert found.measured["meant_ratio"].value == pytest.approx(100)
    assert found.confidence is None
    assert "gives one group 0.001 and the other 0.00001" in found.detail.replace("1e-05", "0.00001")
    assert silent(NAME, numbered(cycle))
    # A cosine scales what a group has: these are the head's weights with and without decay.
    assert silent(NAME, numbered(head_cosine, lr_backbone=LR / 100))
