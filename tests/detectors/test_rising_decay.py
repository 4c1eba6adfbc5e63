"""A floor above a group's own LR, and rises that are none of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, judge, silent

NAME = "rising_decay"


def two(backbone: float, head: float = 1e-3, floor: float = 1e-5) -> RunBuilder:
    made = a_run().lr(lambda t: cosine(t, 999, backbone, floor), tag="lr/backbone")
    return made.lr(lambda t: cosine(t, 999, head, floor), tag="lr/head")


def test_the_backbone_rises_to_the_head_s_floor() -> None:
    found = evidence(NAME, two(1e-6).case())
    assert found.measured["first_lr"].value == pytest.approx(1e-6)
    assert found.measured["last_lr"].value == pytest.approx(1e-5)
    assert "falls to the same LR" in found.detail


def test_the_configured_floor_lies_above_the_lr() -> None:
    made = a_run().lr(lambda t: cosine(t, 999, 1e-6, 1e-5))
    found = evidence(NAME, made.hparams(scheduler="CosineAnnealingLR", eta_min=1e-5).case())
    assert "eta_min is configured" in found.detail
    assert silent(NAME, made.case())


def test_while_a_run_of_unknown_length_still_trains_a_warm_up_may_look_like_it() -> None:
    assert silent(NAME, replace(two(1e-6).case(), finished=False))
    planned = two(1e-6).hparams(max_steps=1100).case()
    assert planned.finished is False and evidence(NAME, planned)


def test_every_group_that_rises_is_named() -> None:
    made = two(1e-6).lr(lambda t: cosine(t, 999, 2e-6, 1e-5), tag="lr/neck")
    assert {f.param_group for f in judge(NAME, made.case())} == {"lr/backbone", "lr/neck"}


@pytest.mark.parametrize(
    "case",
    [
        two(1e-4).case(),
        two(1e-5).case(),
        a_run()
        .lr(lambda t: t / 1000 * 0.01 + 1e-6, tag="lr/pg0")
        .lr(lambda t: 0.1 - t / 999 * (0.1 - 0.01), tag="lr/pg2")
        .case(),
        a_run().lr(lambda t: (t + 1) / 2000).hparams(scheduler="cosine", warmup_steps=2000).case(),
        a_run().lr(lambda t: np.where(t < 100, t / 1000, cosine(t, 1000))).case(),
        a_run().lr(0.1).hparams(scheduler="cosine", eta_min=0.2).case(),
    ],
    ids=["falls", "stands", "biases in a warm-up", "warm-up", "warm-up and decay", "constant"],
)
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


def test_the_rise_is_the_edge() -> None:
    case = two(5e-6).case()
    assert evidence(NAME, case, rise=1.99)
    assert silent(NAME, case, rise=2.01)


def test_a_short_part_of_the_plan_says_nothing() -> None:
    made = a_run().steps(0, 200).lr(lambda t: cosine(t, 1000, 1e-6, 1e-5))
    made = made.hparams(scheduler="cosine", eta_min=1e-5, max_steps=1000)
    assert silent(NAME, made.case())
