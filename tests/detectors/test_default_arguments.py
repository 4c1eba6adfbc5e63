"""torch's defaults for five steps: the exact numbers, in steps and in epochs, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, mild, silent

NAME = "default_arguments"


def constant(t: np.ndarray) -> np.ndarray:
    return np.where(t < 5, 0.1 / 3, 0.1)


def linear(t: np.ndarray) -> np.ndarray:
    return 0.1 * (1 / 3 + (2 / 3) * np.minimum(t, 5) / 5)


def polynomial(t: np.ndarray) -> np.ndarray:
    return 0.1 * np.maximum(1 - t / 5, 0)


def epochs(lr, first: int = 0) -> RunBuilder:  # type: ignore[no-untyped-def]
    return a_run().on_axis("epoch").steps(first, first + 40).lr(lambda t: lr(t - first))


def steps_of(lr, per: int = 25) -> RunBuilder:  # type: ignore[no-untyped-def]
    """Advanced once an epoch, logged at every step."""
    return a_run().lr(lambda t: lr(t // per)).series("epoch", lambda t: t // per)


@pytest.mark.parametrize("made", [epochs(polynomial), epochs(polynomial, 1), steps_of(polynomial)])
def test_polynomial_is_dead_after_five(made: RunBuilder) -> None:
    found = evidence(NAME, made.case())
    assert found.severity is Severity.ERROR
    assert "total_iters=5" in found.detail


@pytest.mark.parametrize("power", [0.9, 2.0])
def test_a_power_does_not_change_the_length(power: float) -> None:
    found = evidence(NAME, steps_of(lambda t: 0.1 * (polynomial(t) / 0.1) ** power).case())
    assert found.severity is Severity.ERROR
    six = steps_of(lambda t: 0.1 * np.maximum(1 - t / 6, 0) ** power)
    assert silent(NAME, six.case())


@pytest.mark.parametrize("made", [epochs(constant), epochs(constant, 1), steps_of(constant)])
def test_constant_jumps_by_three(made: RunBuilder) -> None:
    found = evidence(NAME, made.case())
    assert found.severity is None
    assert found.measured["factor"].value == pytest.approx(3)


@pytest.mark.parametrize("made", [epochs(linear), steps_of(linear)])
def test_linear_rises_and_stays(made: RunBuilder) -> None:
    assert mild(evidence(NAME, made.case()))
    assert evidence(NAME, made.hparams(scheduler="LinearLR").case()).severity is None


def test_five_optimizer_steps_are_a_note() -> None:
    assert mild(evidence(NAME, a_run().lr(constant).case()))
    # All of the LR is gone after them, on the other hand.
    assert evidence(NAME, a_run().lr(polynomial).case()).severity is Severity.ERROR


@pytest.mark.parametrize(
    "case",
    [
        epochs(lambda t: np.where(t < 5, 0.03, 0.1)).case(),
        epochs(lambda t: np.where(t < 4, 0.1 / 3, 0.1)).case(),
        epochs(lambda t: 0.1 * (1 / 3 + (2 / 3) * np.minimum(t, 8) / 8)).case(),
        epochs(lambda t: 0.1 * np.maximum(1 - t / 6, 0)).case(),
        epochs(lambda t: np.where(t < 5, linear(t), 0.1 * (1 - (t - 5) / 35))).case(),
        epochs(constant).hparams(scheduler="constant", **{"scheduler.total_iters": 5}).case(),
        epochs(constant).hparams(lr=0.0333).case(),
        a_run().steps(0, 1000, 10).lr(constant).case(),
        steps_of(lambda t: np.where(t < 7, 0.1 / 3, 0.1)).case(),
    ],
    ids=[
        "another share", "four epochs", "eight epochs", "six epochs", "a decay follows",
        "configured", "another LR configured", "logged too rarely", "seven epochs",
    ],
)  # fmt: skip
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


def test_digits_are_the_edge() -> None:
    case = epochs(lambda t: np.round(constant(t), 4)).case()
    assert evidence(NAME, case, digits=2e-3)
    assert silent(NAME, case, digits=5e-4)


def test_nan_between() -> None:
    lr = polynomial(np.arange(40.0))
    lr[10:20] = np.nan
    assert evidence(NAME, epochs(lambda t: lr).case())
