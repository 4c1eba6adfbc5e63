"""NaN in the loss: for good, now and then, once, in validation only, or written as 0."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from lrdoctor.verdict import Unjudged
from tests.builders import a_run
from tests.detectors.cases import evidence, falling, judge, mild, silent

NAME = "nonfinite_loss"


def with_nan(*places: slice | int, value: float = np.nan) -> np.ndarray:
    loss = falling(np.arange(1000.0))
    for place in places:
        loss[place] = value
    return loss


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_lost_for_good(value: float) -> None:
    found = evidence(NAME, a_run().series("loss", with_nan(slice(600, None), value=value)).case())
    assert found.severity is Severity.ERROR
    assert (found.start, found.stop) == (600, 1000)
    assert found.measured["count"].value == 400
    assert found.measured["last_finite"].value == 599


def test_one_skipped_batch_is_a_note() -> None:
    found = evidence(NAME, a_run().series("loss", with_nan(600)).case())
    assert mild(found)
    assert (found.start, found.stop) == (600, 601)


def test_batches_lost_again_and_again() -> None:
    found = evidence(NAME, a_run().series("loss", with_nan(slice(600, None, 5))).case())
    assert found.severity is Severity.WARNING


def test_the_last_point_alone_is_no_trend() -> None:
    assert mild(evidence(NAME, a_run().series("loss", with_nan(999)).case()))


def test_validation_alone_is_a_note() -> None:
    run = a_run().series("train_loss", with_nan())
    found = evidence(NAME, run.series("val_loss", with_nan(slice(500, None))).case())
    assert mild(found)
    assert "only the validation" in found.detail


def test_a_sound_validation_speaks_for_the_weights() -> None:
    run = a_run().series("train_loss", with_nan(slice(500, None))).steps(0, 1000, 50)
    found = evidence(NAME, run.series("val_loss", falling).case())
    assert found.severity is Severity.WARNING
    assert "weights are sound" in found.detail


def test_zeros_of_the_hugging_face_filter() -> None:
    run = a_run().series("loss", with_nan(slice(700, None), value=0.0))
    norm = np.where(np.arange(1000) >= 700, np.nan, 1.0)
    found = evidence(NAME, run.series("grad_norm", norm).case())
    assert found.severity is Severity.ERROR
    assert found.start == 700
    assert "logging_nan_inf_filter" in found.detail
    assert silent(NAME, run.series("grad_norm", np.ones(1000)).case())


def test_rows_without_a_measurement() -> None:
    assert silent(NAME, a_run().series("loss", with_nan(slice(0, None, 2))).case())
    assert silent(NAME, a_run().series("loss", with_nan()).case())


def test_a_loss_that_rose_into_it_says_so() -> None:
    loss = with_nan(slice(600, None))
    loss[580:600] *= 50
    assert "had risen" in evidence(NAME, a_run().series("loss", loss).case()).detail


def test_the_share_is_the_edge() -> None:
    case = a_run().series("loss", with_nan(slice(600, 800))).case()
    assert evidence(NAME, case, lost_share=0.5).severity is Severity.ERROR
    assert evidence(NAME, case, lost_share=0.51).severity is Severity.WARNING


def test_without_a_loss() -> None:
    (judgement,) = judge(NAME, a_run().lr(0.1).case())
    assert isinstance(judgement, Unjudged)
