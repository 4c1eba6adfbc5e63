"""A group frozen at LR 0 that gets an LR before its unfreezing."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Confidence
from lrdoctor.verdict import Unjudged
from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, judge, mild, one_cycle, silent
from tests.detectors.groups_cases import LR, head_cosine, two_groups

NAME = "frozen_lifted"


def cycle(t: np.ndarray) -> np.ndarray:
    return one_cycle(t, 1000, 0.3, LR)


def lifted(at: float, level: float = 1.0):  # type: ignore[no-untyped-def]
    return two_groups(head_cosine, lambda t: np.where(t < at, 0.0, level * head_cosine(t)))


def test_lifted_before_the_configured_unfreezing() -> None:
    found = evidence(NAME, lifted(100).hparams(unfreeze_step=400).case())
    assert (found.start, found.stop) == (100, 400)
    assert found.severity is None
    assert found.measured["lr_share"].value == pytest.approx(100)


def test_lifted_on_time_or_without_a_plan() -> None:
    assert silent(NAME, lifted(400).hparams(unfreeze_step=400).case())
    assert silent(NAME, lifted(390).hparams(unfreeze_step=400).case())
    assert silent(NAME, lifted(100).case())


def test_early_share_is_the_edge() -> None:
    case = lifted(350).hparams(unfreeze_step=400).case()
    assert evidence(NAME, case, early_share=0.049)
    assert silent(NAME, case, early_share=0.051)


def test_configured_as_zero_under_onecycle() -> None:
    run = two_groups(cycle, cycle, head_lr=LR, backbone_lr=0.0, unfreeze_step=400)
    found = evidence(NAME, run.case())
    assert (found.start, found.stop) == (0, 400)
    assert "single max_lr" in found.detail
    whole = evidence(NAME, two_groups(cycle, cycle, backbone_lr=0.0).case())
    assert whole.stop == 1000


def test_onecycle_before_the_unfreezing_cannot_be_judged() -> None:
    (said,) = judge(NAME, two_groups(cycle, cycle, unfreeze_step=400).case())
    assert isinstance(said, Unjudged)


def test_creeping_to_a_floor_is_a_note() -> None:
    floor = 1e-5
    run = two_groups(lambda t: cosine(t, 999, LR, floor), lambda t: cosine(t, 999, 0.0, floor))
    found = evidence(NAME, run.case())
    assert mild(found)
    assert "eta_min" in found.detail
    once = two_groups(lambda t: cosine(t, 999, LR, floor), lambda t: np.minimum(t, 500) * 1e-7)
    assert silent(NAME, once.case())


def test_frozen_by_requires_grad_shows_an_lr() -> None:
    run = two_groups(head_cosine, lambda t: head_cosine(t) / 10, unfreeze_step=400)
    assert silent(NAME, run.case())


def test_warm_up_from_zero_is_not_frozen() -> None:
    ramp = lambda t: LR * np.minimum(t / 100, 1)  # noqa: E731
    run = two_groups(ramp, lambda t: ramp(t) / 10, unfreeze_step=400)
    assert silent(NAME, run.case())


def test_always_zero_nan_and_short() -> None:
    assert silent(NAME, two_groups(head_cosine, 0.0, unfreeze_step=400).case())
    values = np.where(np.arange(1000) < 100, 0.0, LR)
    values[50] = np.nan
    assert evidence(NAME, two_groups(head_cosine, values, unfreeze_step=400).case())
    few = a_run().steps(0, 3).lr(LR, tag="lr_head").lr([0, LR, LR], tag="lr_backbone")
    assert silent(NAME, few.hparams(unfreeze_step=3).case())


def test_groups_that_only_numbers_tell_apart() -> None:
    run = a_run().lr(cycle, tag="lr_group0").lr(cycle, tag="lr_group1")
    found = evidence(NAME, run.hparams(lr=LR, lr_backbone=0.0, freeze_backbone=True).case())
    assert found.confidence is Confidence.MEDIUM
    assert "single max_lr" in found.detail
    kept = a_run().lr(cycle, tag="lr_group0").lr(0.0, tag="lr_group1")
    assert silent(NAME, kept.hparams(lr=LR, lr_backbone=0.0, freeze_backbone=True).case())
