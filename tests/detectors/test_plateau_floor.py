"""ReduceLROnPlateau at its end: min_lr or eps, on a loss that stands still."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, falling, silent

NAME = "plateau_floor"


def run(top: float, loss=lambda t: falling(np.minimum(t, 8), 4), **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    """60 epochs, patience 4, cuts by ten at 14 and 19."""
    made = a_run().on_axis("epoch").steps(0, 60).series("val_loss", loss)
    made = made.lr(lambda t: top * 0.1 ** np.sum([t >= c for c in (14, 19)], axis=0))
    plateau = {"scheduler": "ReduceLROnPlateau", "patience": 4, "factor": 0.1}
    return made.hparams(**{**plateau, **settings})


def test_a_cut_below_eps_is_not_made() -> None:
    found = evidence(NAME, run(1e-6).case())
    assert found.start == 19
    assert found.measured["next_cut"].value == pytest.approx(0.9e-8)
    assert "eps = 1e-08" in found.detail


def test_the_configured_minimum() -> None:
    found = evidence(NAME, run(1e-2, min_lr=1e-4).case())
    assert "is the scheduler's min_lr" in found.detail
    assert "next_cut" not in found.measured


def test_a_shortened_last_cut_shows_the_minimum() -> None:
    made = run(1e-2).lr(lambda t: np.where(t < 14, 1e-2, np.where(t < 19, 1e-3, 4e-4)))
    assert "min_lr" in evidence(NAME, made.case()).detail


def test_eps_is_the_edge() -> None:
    # From 1e-8 a cut by ten changes 9e-9.
    assert evidence(NAME, run(1e-6).case(), eps=9.1e-9)
    assert silent(NAME, run(1e-6).case(), eps=8.8e-9)


@pytest.mark.parametrize(
    "case",
    [
        run(1e-2).case(),
        run(1e-6, lambda t: falling(t, 10)).case(),
        run(1e-6, scheduler="MultiStepLR").case(),
        run(1e-6, patience=25).case(),
        a_run().on_axis("epoch").steps(0, 60).lr(1e-8).loss().hparams(patience=4).case(),
    ],
    ids=["could cut", "still improving", "milestones", "patience not over", "never cut"],
)
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


def test_gaps_count_as_no_evaluation() -> None:
    loss = falling(np.minimum(np.arange(60.0), 8), 4)
    loss[30:35] = np.nan
    assert evidence(NAME, run(1e-6, loss).case()).measured["waited"].value <= 41
