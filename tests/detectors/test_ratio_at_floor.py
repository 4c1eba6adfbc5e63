"""Group LRs that meet at a common floor."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, silent
from tests.detectors.groups_cases import LR, two_groups

NAME = "ratio_at_floor"


def to_floor(floor: float, low: float = LR / 100):  # type: ignore[no-untyped-def]
    return two_groups(
        lambda t: cosine(t, 999, LR, floor), lambda t: cosine(t, 999, low, floor)
    ).case()


def test_a_common_eta_min() -> None:
    found = evidence(NAME, to_floor(1e-6))
    assert found.measured["ratio"].value == pytest.approx(100)
    # The ratio is half where (lr - f) (1 + cos) / 2 + f is 50 times (lr / 100 - f) ... + f.
    x = (50 - 1) * 1e-6 / ((LR - 1e-6) - 50 * (LR / 100 - 1e-6))
    at = 999 * np.arccos(2 * x - 1) / np.pi
    assert found.start == pytest.approx(at, abs=2)
    assert found.measured["floor"].value == pytest.approx(1e-6)


def test_the_last_percents_are_nothing() -> None:
    assert silent(NAME, to_floor(1e-9))
    assert silent(NAME, to_floor(1e-6), lost_share=0.3)


def test_min_lr_of_cuts() -> None:
    cut = lambda lr: lambda t: np.maximum(lr * 0.1 ** (t // 250), 1e-6)  # noqa: E731
    found = evidence(NAME, two_groups(cut(LR), cut(LR / 100)).case())
    assert found.start == 500


def test_ratios_that_stay_or_never_were() -> None:
    assert silent(NAME, to_floor(0.0))
    assert silent(NAME, to_floor(1e-6, low=LR))
    assert silent(NAME, to_floor(1e-6, low=LR / 1.5))
    assert silent(NAME, a_run().lr(lambda t: cosine(t, 999, LR, 1e-6)).case())


def test_biases_that_join_after_the_warm_up() -> None:
    bias = lambda t: np.where(t < 100, 0.1 - 0.09 * t / 100, 0.01 * (1 - t / 1100))  # noqa: E731
    weights = lambda t: 0.01 * np.minimum(t / 100, 1) * (1 - t / 1100)  # noqa: E731
    run = a_run().lr(weights, tag="lr/pg0").lr(bias, tag="lr/pg2")
    assert silent(NAME, run.case())


def test_in_progress() -> None:
    run = a_run().steps(0, 600)
    run = run.lr(lambda t: cosine(t, 999, LR, 1e-6), tag="lr/head")
    assert silent(NAME, run.lr(lambda t: cosine(t, 999, LR / 100, 1e-6), tag="lr/body").case())
