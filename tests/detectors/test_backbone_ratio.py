"""Backbone LR far below the head's: a note, a warning where the settings give it more."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Confidence, Severity
from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, judge, silent
from tests.detectors.groups_cases import LR, head_cosine, two_groups

NAME = "backbone_ratio"


def below(times: float, **settings: object):  # type: ignore[no-untyped-def]
    return two_groups(head_cosine, lambda t: head_cosine(t) / times, **settings)


def test_far_below_is_a_note() -> None:
    found = evidence(NAME, below(500).case())
    assert found.severity is None
    assert found.param_group == "lr-AdamW/backbone"
    assert found.measured["times_smaller"].value == pytest.approx(500)


def test_the_settings_make_it_a_warning() -> None:
    found = evidence(NAME, below(500, head_lr=LR, backbone_lr=LR / 10).case())
    assert found.severity is Severity.WARNING
    assert found.confidence is Confidence.HIGH
    assert found.measured["times_missed"].value == pytest.approx(50)
    as_meant = evidence(NAME, below(500, head_lr=LR, backbone_lr=LR / 500).case())
    assert as_meant.severity is None
    by_factor = evidence(NAME, below(500, lr=LR, backbone_lr_mult=0.1).case())
    assert by_factor.measured["lr_meant"].value == pytest.approx(LR / 10)


@pytest.mark.parametrize("times", [1, 10, 50, 90])
def test_usual_ratios(times: float) -> None:
    assert silent(NAME, below(times).case())


def test_a_hundred_times_is_the_edge() -> None:
    assert evidence(NAME, below(100).case())
    assert silent(NAME, below(100).case(), group_ratio=0.009)


def test_layer_wise_rates_pass_however_deep() -> None:
    run = a_run().hparams(pretrained=True)
    for depth in range(12):
        run = run.lr(lambda t, d=depth: cosine(t, 1000, LR / 2.6**d), tag=f"lr/layer{depth}")
    assert silent(NAME, run.case())


def test_only_fine_tunings_and_known_parts() -> None:
    run = a_run().lr(0.04, tag="lr_matrix").lr(1e-5, tag="lr_embedding")
    assert silent(NAME, run.case())
    named = a_run().lr(LR, tag="lr_head").lr(LR / 500, tag="lr_backbone")
    assert evidence(NAME, named.case())
    assert silent(NAME, named.hparams(pretrained=False).case())


def test_a_group_that_joins_later_or_stays_at_zero_is_left_to_others() -> None:
    late = a_run().lr(LR, tag="lr_head").steps(300, 1000).lr(LR / 500, tag="lr_backbone")
    assert silent(NAME, late.hparams(pretrained=True).case())
    assert silent(NAME, two_groups(head_cosine, 0.0).case())


def test_nan_and_short() -> None:
    values = head_cosine(np.arange(1000.0)) / 500
    values[::7] = np.nan
    assert evidence(NAME, two_groups(head_cosine, values).case())
    few = a_run().steps(0, 5).lr(LR, tag="lr_head").lr(LR / 500, tag="lr_backbone")
    assert len(judge(NAME, few.hparams(pretrained=True).case())) == 1
