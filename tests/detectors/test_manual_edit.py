"""Edits of the LR that last, edits that are undone, and what only looks like one."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, judge, multistep, silent

NAME = "manual_edit"
STEPS = np.arange(1000.0)


@pytest.mark.parametrize("factor", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("every", [1, 10])
def test_a_level_that_lasts(factor: float, every: int) -> None:
    lr = lambda t: cosine(t, 1000) * np.where(t < 300, 1, factor)  # noqa: E731
    found = evidence(NAME, a_run().steps(0, 1000, every).lr(lr).case())
    assert found.start == 300 and found.stop >= 990
    assert found.measured["lr_ratio"].value == pytest.approx(factor, rel=0.01)
    assert "CosineAnnealingLR" in found.detail


def test_an_exponential_at_another_level() -> None:
    lr = 0.1 * 0.997**STEPS * np.where(STEPS < 300, 1, 0.5)
    assert evidence(NAME, a_run().lr(lr).case()).measured["lr_ratio"].value == pytest.approx(0.5)


@pytest.mark.parametrize(("factor", "fires"), [(0.2, True), (2.0, True), (0.9, False)])
def test_one_point_off_the_curve(factor: float, fires: bool) -> None:
    lr = cosine(STEPS, 1000)
    lr[300] *= factor
    found = judge(NAME, a_run().lr(lr).case())
    assert bool(found) is fires
    if fires:
        edit = evidence(NAME, a_run().lr(lr).case())
        assert (edit.start, edit.stop) == (300, 301) and "LambdaLR" in edit.detail


def test_the_checkpoint_s_lr_for_one_step() -> None:
    lr = cosine(STEPS, 1000)
    lr[300] *= 0.2
    assert silent(NAME, a_run().lr(lr).restart_at(300).case())


def test_many_such_points_are_a_pattern() -> None:
    lr = cosine(STEPS, 1000)
    lr[100::100] *= 0.2
    assert silent(NAME, a_run().lr(lr).case())


def test_a_resume_is_another_matter() -> None:
    lr = cosine(STEPS, 1000) * np.where(STEPS < 300, 1, 0.5)
    assert silent(NAME, a_run().lr(lr).restart_at(300).case())


def test_ordinary_schedules() -> None:
    for lr in (cosine(STEPS, 1000), cosine(STEPS % 250, 250), multistep(STEPS, 300, 301, 600)):
        assert silent(NAME, a_run().lr(lr).case())
    assert silent(NAME, a_run().lr(0.1).case())


def test_short_and_nan() -> None:
    assert silent(NAME, a_run().steps(0, 4).lr([0.1, 0.01, 0.1, 0.1]).case())
    assert silent(NAME, a_run().lr(np.nan).case())
