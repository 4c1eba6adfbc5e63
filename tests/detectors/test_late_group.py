"""A group that joined later and is outside the schedule."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, Values, a_run
from tests.detectors.cases import cosine, evidence, multistep, silent

NAME = "late_group"
LR = 1e-3


def late(
    backbone: Values, head: Values = lambda t: cosine(t, 1000, LR), at: int = 300
) -> RunBuilder:
    run = a_run().lr(head, tag="lr/head")
    return run.steps(at, 1000).lr(backbone, tag="lr/backbone")


def test_constant_beside_a_cosine() -> None:
    found = evidence(NAME, late(1e-4).case())
    assert found.start == 300
    assert found.param_group == "lr/backbone"
    assert found.measured["run_left"].value == pytest.approx(70, abs=0.2)
    assert found.measured["meant_ratio"].value == pytest.approx(cosine(300, 1000, LR) / 1e-4)
    assert "ends below the group" in found.detail


def test_constant_beside_drops() -> None:
    found = evidence(NAME, late(1e-4, lambda t: multistep(t, 500, 800, lr=LR)).case())
    assert found.measured["others_moved"].value == pytest.approx(100)


def test_in_the_schedule_or_all_constant() -> None:
    assert silent(NAME, late(lambda t: 0.1 * cosine(t, 1000, LR)).case())
    assert silent(NAME, late(1e-4, LR).case())
    assert silent(NAME, late(0.0).case())


def test_constant_from_the_start_is_a_choice() -> None:
    run = a_run().lr(lambda t: cosine(t, 1000, LR), tag="lr/head").lr(1e-4, tag="lr/backbone")
    assert silent(NAME, run.case())


def test_moved_is_the_edge() -> None:
    case = late(1e-4, lambda t: LR * (1 - t / 2000)).case()
    factor = (1 - 0.15) / (1 - 0.4995)
    assert evidence(NAME, case, moved=factor - 0.01)
    assert silent(NAME, case, moved=factor + 0.01)


def test_too_little_of_it() -> None:
    assert silent(NAME, late(1e-4, at=950).case())
    run = a_run().lr(lambda t: cosine(t, 1000, LR), tag="lr/head")
    few = run.steps(300, 1000, 200).lr(1e-4, tag="lr/backbone")
    assert silent(NAME, few.case())


def test_waiting_at_zero_and_nan() -> None:
    values = np.where(np.arange(1000) < 300, 0.0, 1e-4)
    values[400] = np.nan
    run = a_run().lr(lambda t: cosine(t, 1000, LR), tag="lr/head").lr(values, tag="lr/backbone")
    assert evidence(NAME, run.case()).start == 300
