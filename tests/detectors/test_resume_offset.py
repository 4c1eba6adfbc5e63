"""Schedules that are a little off after a resume."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, silent

NAME = "resume_offset"


def off(by: float, every: int = 1) -> RunBuilder:
    """A cosine that is ``by`` steps ahead from 300 on."""
    moved = lambda t: np.where(t < 300, cosine(t, 1000), cosine(t + by, 1000))  # noqa: E731
    return a_run().steps(0, 1000, every).lr(moved)


@pytest.mark.parametrize(("by", "way"), [(20, "ahead of"), (-20, "behind")])
@pytest.mark.parametrize("every", [1, 10])
def test_an_epoch(by: float, way: str, every: int) -> None:
    run = off(by, every).hparams(steps_per_epoch=20).restart_at(300)
    found = evidence(NAME, run.case())
    assert found.measured["offset"].value == pytest.approx(20, abs=0.5)
    assert way in found.detail


def test_less_than_the_log_can_show() -> None:
    assert silent(NAME, off(4, 10).restart_at(300).case())


def test_only_where_the_log_shows_a_resume() -> None:
    assert silent(NAME, off(20).case())
    assert silent(NAME, off(20).restart_at(600).case())


def test_restored_and_nothing() -> None:
    assert silent(NAME, off(0).restart_at(300).case())
    assert silent(NAME, a_run().lr(np.nan).restart_at(300).case())
