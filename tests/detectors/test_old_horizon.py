"""Cosines that climb again after a resume, and those in which it has no part."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Confidence
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, mild, silent

NAME = "old_horizon"


def run(t_max: float = 600, length: int = 1000, every: int = 1) -> RunBuilder:
    """A cosine over ``t_max`` in a longer run."""
    return a_run().steps(0, length, every).lr(lambda t: cosine(t, t_max))


@pytest.mark.parametrize("every", [1, 10])
def test_resumed_at_the_end(every: int) -> None:
    found = evidence(NAME, run(every=every).restart_at(600).case())
    assert found.start == 600 and found.confidence is None and found.severity is None
    assert found.measured["horizon"].value == pytest.approx(600, rel=0.01)
    top = 100 * float(cosine(np.array(1000.0 - every), 600)) / 0.1
    assert found.measured["risen"].value == pytest.approx(top, rel=0.01)
    assert "restores over" in found.detail


def test_resumed_on_the_way() -> None:
    found = evidence(NAME, run().restart_at(300, 20).hparams(max_steps=1000).case())
    assert found.confidence is Confidence.MEDIUM and "too short from the start" in found.detail
    assert found.measured["planned"].value == 1000


@pytest.mark.parametrize("resumes", [(), (10,), (800,)])
def test_a_resume_that_has_no_part_in_it(resumes: tuple[int, ...]) -> None:
    made = run()
    for step in resumes:
        made = made.restart_at(step)
    assert silent(NAME, made.case())


def test_the_configured_length() -> None:
    assert silent(NAME, run().restart_at(300).hparams(T_max=600).case())
    assert not silent(NAME, run().restart_at(300).hparams(T_max=1000).case())


@pytest.mark.parametrize(("length", "fires"), [(740, True), (700, False)])
def test_how_far_it_rises(length: int, fires: bool) -> None:
    assert silent(NAME, run(length=length).restart_at(600).case()) is not fires


def test_a_cycle_that_ends_on_the_floor() -> None:
    assert mild(evidence(NAME, run(340, 1010).restart_at(340).case()))


def test_held_at_the_floor_or_started_again() -> None:
    held = a_run().lr(lambda t: cosine(np.minimum(t, 600), 600)).restart_at(600)
    again = a_run().lr(lambda t: cosine(t % 600, 600)).restart_at(600)
    assert silent(NAME, held.case()) and silent(NAME, again.case())


def test_nothing_to_judge() -> None:
    assert silent(NAME, a_run().lr(np.nan).restart_at(400).case())
    assert silent(NAME, a_run().steps(0, 3).lr([0.1, 0.05, 0.0]).restart_at(1).case())
