"""LRs on the grid of an LR finder, to the digits a log keeps, and numbers that only look odd."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, mild, silent

NAME = "finder_grid"
# Lightning multiplies up from 1e-8 in 100 steps of 10^0.08: this is the 36th.
SUGGESTED = 7.585775750291837e-06


def still(t: np.ndarray) -> np.ndarray:
    return 2.3 - 0.01 * t / 1000


def run(lr: float = SUGGESTED, loss=still, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    return a_run().lr(lr).loss(loss, noise=0.05).hparams(**settings)


@pytest.mark.parametrize(
    ("lr", "tool", "index"),
    [
        (SUGGESTED, "Lightning", 36),
        (float(np.float32(SUGGESTED)), "Lightning", 36),
        (7.58578e-06, "Lightning", 36),
        (1e-7 * 1e8 ** (20 / 100), "fastai", 20),
    ],
    ids=["float64", "float32", "six digits", "fastai"],
)
def test_a_loss_that_hardly_moves_at_a_suggested_lr(lr: float, tool: str, index: int) -> None:
    found = evidence(NAME, run(lr).case())
    assert found.severity is None
    assert tool in found.detail and found.measured["index"].value == index


def test_the_peak_of_a_schedule_counts() -> None:
    case = run().lr(lambda t: cosine(t, 1000, SUGGESTED)).case()
    assert evidence(NAME, case).measured["lr"].value == pytest.approx(SUGGESTED)


@pytest.mark.parametrize(
    "builder",
    [
        run(loss=lambda t: 2.3 / (1 + t / 200)),
        a_run().lr(SUGGESTED),
        run(pretrained=True),
        run(loss=lambda t: 2.3 + t / 1000),
        a_run().lr(SUGGESTED).loss(still, noise=3.0),
    ],
    ids=["it trains", "no loss", "fine-tuning", "it rises", "noise hides it"],
)
def test_only_a_note(builder: RunBuilder) -> None:
    assert mild(evidence(NAME, builder.case()))


@pytest.mark.parametrize("lr", [1e-4, 0.01, 7.6e-6, 7.586e-06, 3.1234567e-4, 2e-5, 0.0])
def test_other_numbers(lr: float) -> None:
    assert silent(NAME, run(lr).case())


def test_largest_error_is_the_edge() -> None:
    near = SUGGESTED * (1 + 4e-6)
    assert silent(NAME, run(near).case())
    five = float(f"{SUGGESTED:.4e}")
    assert evidence(NAME, run(five).case(), largest_error=5e-5)
    assert silent(NAME, run(five).case(), largest_error=1e-7)
