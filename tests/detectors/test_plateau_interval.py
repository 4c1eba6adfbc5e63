"""ReduceLROnPlateau stepped per batch: more cuts than evaluations, early on."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, falling, judge, silent

NAME = "plateau_interval"
PLATEAU = {"scheduler": "ReduceLROnPlateau", "patience": 5, "factor": 0.1}


def cut_at(*steps: int, factor: float = 0.1):  # type: ignore[no-untyped-def]
    """An LR of 0.1 cut at these steps."""
    return lambda t: 0.1 * factor ** np.sum([t >= s for s in steps], axis=0)


def run(lr, evaluations: int = 50, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    """A thousand steps, one evaluation every ``evaluations``."""
    made = a_run().lr(lr).loss(falling).hparams(**{**PLATEAU, **settings})
    return made.steps(evaluations - 1, 1000, evaluations).series("val_loss", falling)


def test_all_cuts_between_two_evaluations() -> None:
    found = evidence(NAME, run(cut_at(7, 13, 19, 25)).case())
    assert (found.start, found.stop) == (7, 26)
    assert found.measured["cuts"].value == 4
    assert found.measured["evaluations"].value == 0
    assert found.measured["interval"].value == 6
    assert "patience is 5" in found.detail


def test_a_log_too_coarse_for_single_cuts_counts_them_by_the_factor() -> None:
    case = a_run().steps(0, 1000, 50).lr(cut_at(7, 13, 19, 25)).hparams(**PLATEAU)
    found = evidence(NAME, case.series("epoch", lambda t: t // 50).case())
    assert found.measured["cuts"].value == 4


def test_a_row_per_epoch_begins_at_the_floor() -> None:
    made = a_run().on_axis("epoch").steps(1, 41).series("val_loss", lambda t: falling(t, 10))
    low = made.lr(1e-6).hparams(lr=0.1, min_lr=1e-6, **PLATEAU)
    found = evidence(NAME, low.case())
    assert found.measured["cuts"].value == 5
    assert found.start == 0
    # An LR that is no whole number of cuts below the configured one has another reason.
    assert silent(NAME, made.lr(3e-3).hparams(lr=0.1, **PLATEAU).case())
    assert silent(NAME, made.lr(0.1).hparams(lr=0.1, **PLATEAU).case())


@pytest.mark.parametrize(
    "case",
    [
        run(cut_at(100, 160, 220, 280), evaluations=10).case(),
        run(cut_at(300, 500, 700, 900)).case(),
        run(cut_at(7, 13)).case(),
        run(cut_at(7, 13, 19, 25), scheduler="StepLR").case(),
        run(lambda t: np.full(t.shape, 0.1)).case(),
        run(lambda t: 0.1 * 0.99**t).case(),
        run(cut_at(601, 607, 613, 619)).case(),
    ],
    ids=[
        "evaluations within the epoch", "all over the run", "two cuts", "milestones", "no cut",
        "smooth", "at the end",
    ],
)  # fmt: skip
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


def test_what_is_left_of_the_run_is_the_edge() -> None:
    case = run(cut_at(381, 387, 393, 399)).case()
    assert silent(NAME, case, run_left=0.61)
    assert evidence(NAME, case, run_left=0.6).start == 381


def test_without_evaluations_or_epochs_it_cannot_be_judged() -> None:
    (judgement,) = judge(NAME, a_run().lr(cut_at(7, 13, 19)).hparams(**PLATEAU).case())
    assert isinstance(judgement, Unjudged)
