"""Schedules that count the steps before a resume twice, by formula."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Confidence
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import Curve, cosine, evidence, silent

NAME = "double_advance"


def warm(t: Curve) -> Curve:
    """Warm-up over 50 steps, then a cosine that stays down."""
    return np.where(t < 50, 0.1 * t / 50, cosine(np.clip(t - 50, 0, 950), 950))


def line(t: Curve) -> Curve:
    """A straight line to 0 at 1,000."""
    return 0.1 * np.maximum(0, 1 - t / 1000)


def ahead(curve, by: float, at: int = 300, every: int = 1) -> RunBuilder:  # type: ignore[no-untyped-def]
    """``curve`` that skips ``by`` steps at ``at``."""
    skipped = lambda t: np.where(t < at, curve(t), curve(t + by))  # noqa: E731
    return a_run().steps(0, 1000, every).lr(skipped)


@pytest.mark.parametrize("curve", [warm, line])
@pytest.mark.parametrize("every", [1, 5])
def test_twice(curve, every: int) -> None:  # type: ignore[no-untyped-def]
    found = evidence(NAME, ahead(curve, 300, every=every).restart_at(300, 10).case())
    assert found.start == 300 and found.confidence is None
    assert found.measured["ahead"].value == pytest.approx(300, abs=2)
    assert found.measured["ends_at"].value == pytest.approx(700, abs=5)
    assert found.measured["lr_after"].value == pytest.approx(float(curve(np.array(600.0))))


def test_without_a_resume_in_the_log() -> None:
    assert evidence(NAME, ahead(warm, 300).case()).confidence is Confidence.MEDIUM


def test_a_step_or_an_epoch_ahead_is_another_matter() -> None:
    for by in (1, 20, -20, 200):
        assert silent(NAME, ahead(warm, by).restart_at(300).case())


def test_too_early_to_tell() -> None:
    assert silent(NAME, ahead(line, 4, 4).restart_at(4).case())


def test_restored_and_nothing() -> None:
    assert silent(NAME, ahead(warm, 0).restart_at(300).case())
    assert silent(NAME, a_run().lr(np.nan).restart_at(300).case())
    assert silent(NAME, a_run().steps(0, 3).lr([0.1, 0.05, 0.0]).restart_at(1).case())
