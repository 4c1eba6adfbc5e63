"""A new head and a pretrained backbone at one LR: always a note."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import a_run
from tests.detectors.cases import evidence, silent
from tests.detectors.groups_cases import LR, head_cosine, two_groups

NAME = "equal_group_lr"


def test_the_same_values_under_two_names() -> None:
    found = evidence(NAME, two_groups(head_cosine, head_cosine).case())
    assert found.measured["lr"].value == pytest.approx(LR)
    assert found.measured["equal_share"].value == 100


def test_a_backbone_that_joins_at_the_same_lr() -> None:
    run = a_run().lr(head_cosine, tag="lr_head").steps(300, 1000).lr(head_cosine, tag="lr_backbone")
    assert evidence(NAME, run.hparams(freeze_backbone=True).case()).start == 300


def test_equal_share_is_the_edge() -> None:
    mostly = lambda t: np.where(t >= 950, 0.5, 1.0) * head_cosine(t)  # noqa: E731
    case = two_groups(head_cosine, mostly).case()
    assert evidence(NAME, case, equal_share=0.94)
    assert silent(NAME, case, equal_share=0.96)


def test_other_ratios_names_and_regimes() -> None:
    assert silent(NAME, two_groups(head_cosine, lambda t: head_cosine(t) / 10).case())
    unnamed = a_run().lr(head_cosine, tag="lr/pg0").lr(head_cosine, tag="lr/pg1")
    assert silent(NAME, unnamed.hparams(pretrained=True).case())
    assert silent(NAME, two_groups(head_cosine, head_cosine, pretrained=False).case())
    assert silent(NAME, a_run().lr(head_cosine).hparams(pretrained=True).case())


def test_zero_and_short() -> None:
    assert silent(NAME, two_groups(head_cosine, 0.0).case())
    few = a_run().steps(0, 3).lr(LR, tag="lr_head").lr(LR, tag="lr_backbone")
    assert silent(NAME, few.hparams(pretrained=True).case())
