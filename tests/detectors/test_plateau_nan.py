"""ReduceLROnPlateau that cuts on NaN, and cuts that were due without it."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Confidence
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, falling, mild, silent

NAME = "plateau_nan"


def run(
    missing: slice, cut: int = 14, patience: int | None = 3, value: float = np.nan
) -> RunBuilder:
    """40 epochs, the LR cut once, the validation loss no number in ``missing``."""
    loss = falling(np.arange(40.0), 10)
    loss[missing] = value
    settings = {} if patience is None else {"patience": patience}
    made = a_run().on_axis("epoch").steps(0, 40).lr(lambda t: np.where(t < cut, 0.1, 0.01))
    made = made.series("train_loss", lambda t: falling(t, 10)).series("val_loss", loss)
    return made.hparams(scheduler="ReduceLROnPlateau", **settings)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_cut_after_patience_nans(value: float) -> None:
    found = evidence(NAME, run(slice(10, 14), value=value).case())
    assert (found.start, found.stop) == (10, 15)
    assert found.measured["not_finite"].value == 4
    assert found.confidence is Confidence.HIGH
    assert "patience is 3" in found.detail


def test_nans_that_follow_bad_values() -> None:
    case = run(slice(12, 14)).series("val_loss", _stalled(10, {12, 13})).case()
    assert evidence(NAME, case).measured["waited"].value == 4


def _stalled(at: int, missing: set[int]) -> np.ndarray:
    loss = falling(np.minimum(np.arange(40.0), at - 1), 10)
    loss[sorted(missing)] = np.nan
    return loss


@pytest.mark.parametrize(
    "case",
    [
        run(slice(0, 0)).case(),
        run(slice(20, 30)).case(),
        run(slice(10, 13)).case(),
        run(slice(11, 12)).series("val_loss", _stalled(8, {11})).case(),
        run(slice(10, 14)).hparams(scheduler="MultiStepLR").case(),
        run(slice(10, 14)).lr(0.1).case(),
    ],
    ids=[
        "no NaN", "NaN after the cut", "the last value was finite", "due anyway", "milestones",
        "never cut",
    ],
)  # fmt: skip
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


def test_where_training_is_dead_as_well_it_is_a_note() -> None:
    dead = np.where(np.arange(40) < 9, falling(np.arange(40.0), 10), np.nan)
    found = evidence(NAME, run(slice(10, 40)).series("train_loss", dead).case())
    assert mild(found)
    assert "training loss is no number" in found.detail


def test_without_a_known_patience_most_must_be_missing() -> None:
    case = run(slice(12, 14), patience=None).series("val_loss", _stalled(10, {12, 13})).case()
    assert evidence(NAME, case, not_finite_share=0.5)
    assert silent(NAME, case, not_finite_share=0.51)


def test_later_cuts_are_counted() -> None:
    made = run(slice(10, 40)).lr(lambda t: 0.1 * 0.5 ** np.sum([t >= c for c in (14, 18)], axis=0))
    assert evidence(NAME, made.case()).measured["cuts"].value == 2
