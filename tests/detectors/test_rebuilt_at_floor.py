"""Schedulers built on a decayed LR after a resume, stuck ones, and last phases that are meant."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, silent

NAME = "rebuilt_at_floor"


def run(share: float, at: int = 430, total: float = 500) -> RunBuilder:
    """A cosine over ``total`` and, from ``at`` on, one that starts at ``share`` of what is due."""
    due = float(cosine(np.array(float(at)), total))
    rest = lambda t: cosine(t - at, 1000 - at, lr=share * due)  # noqa: E731
    return a_run().lr(lambda t: np.where(t < at, cosine(t, total), rest(t)))


def test_a_cosine_from_the_decayed_lr() -> None:
    found = evidence(NAME, run(1.0).restart_at(430, 20).case())
    assert found.start == 430 and found.severity is None
    eve = float(cosine(np.array(429.0), 500))
    assert found.measured["lr_before"].value == pytest.approx(eve)
    assert found.measured["lr_ratio"].value == pytest.approx(4.76, rel=0.01)
    assert found.measured["run_left"].value == pytest.approx(57, abs=0.2)


def test_stuck_at_zero() -> None:
    case = a_run().lr(lambda t: cosine(np.minimum(t, 500), 500)).restart_at(500).case()
    found = evidence(NAME, case)
    assert found.severity is Severity.ERROR and found.measured["lr_after"].value == 0
    assert "stays there" in found.detail


def test_zero_without_a_resume_or_long_before_it() -> None:
    held = a_run().lr(lambda t: cosine(np.minimum(t, 300), 300))
    assert silent(NAME, held.case())
    assert silent(NAME, held.restart_at(600).case())


@pytest.mark.parametrize("share", [0.3, 3.0])
def test_a_level_that_was_chosen(share: float) -> None:
    assert silent(NAME, run(share).restart_at(430).case())


@pytest.mark.parametrize(("at", "fires"), [(400, True), (380, False)])
def test_how_far_it_had_decayed(at: int, fires: bool) -> None:
    assert silent(NAME, run(1.0, at).restart_at(at).case()) is not fires


def test_little_of_the_run_left() -> None:
    assert silent(NAME, run(1.0, 800, 900).restart_at(800).case())


def test_without_a_resume() -> None:
    assert silent(NAME, run(1.0).case())


def test_unfreezing() -> None:
    assert silent(NAME, run(1.0).hparams(unfreeze_step=430).restart_at(430).case())


def test_nothing_to_judge() -> None:
    assert silent(NAME, a_run().lr(np.nan).restart_at(400).case())
    assert silent(NAME, a_run().lr(0.0).restart_at(400).case())
    assert silent(NAME, a_run().steps(0, 3).lr([0.1, 0.0, 0.0]).restart_at(1).case())
