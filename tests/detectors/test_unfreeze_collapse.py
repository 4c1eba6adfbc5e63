"""LR collapse after unfreezing: rebuilt, starved and stuck groups, and unfreezing done right."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Confidence, Severity
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, falling, judge, mild, multistep, silent

NAME = "unfreeze_collapse"
UNFREEZE = 300


def two_phases(second: float, floor: float = 0.02) -> RunBuilder:
    """A cosine to ``floor`` of the LR, then a new cosine from ``second`` over the rest."""

    def lr(t: np.ndarray) -> np.ndarray:
        first = cosine(np.minimum(t, UNFREEZE), UNFREEZE, 1e-3, floor * 1e-3)
        return np.where(t < UNFREEZE, first, cosine(t - UNFREEZE, 700, second))

    return a_run().lr(lr, tag="lr/head").hparams(unfreeze_step=UNFREEZE)


def joins(run: RunBuilder, ratio: float) -> RunBuilder:
    """A backbone that joins at the unfreezing with ``ratio`` of the head's cosine."""
    lr = lambda t: ratio * cosine(t, 1000, 1e-3)  # noqa: E731
    return run.steps(UNFREEZE, 1000).lr(lr, tag="lr/backbone")


def head() -> RunBuilder:
    return a_run().lr(lambda t: cosine(t, 1000, 1e-3), tag="lr/head")


def test_rebuilt_from_the_decayed_lr() -> None:
    found = evidence(NAME, two_phases(2e-5).case())
    assert found.start == UNFREEZE
    assert found.measured["lr_ratio"].value == pytest.approx(2, rel=0.01)
    assert found.measured["run_left"].value == pytest.approx(70, abs=0.2)
    assert found.severity is None
    assert "decayed" in found.detail


def test_damage_makes_it_an_error() -> None:
    run = two_phases(2e-5).loss(lambda t: falling(np.minimum(t, UNFREEZE)))
    assert evidence(NAME, run.case()).severity is Severity.ERROR


def test_stuck_at_zero() -> None:
    run = two_phases(0.0, floor=0.0)
    found = evidence(NAME, run.steps(UNFREEZE, 1000).lr(0.0, tag="lr/backbone").case())
    assert found.measured["lr_after"].value == 0
    assert "an LR that had come to 0" in found.detail


def test_a_level_chosen_anew_is_a_note() -> None:
    run = a_run().lr(lambda t: multistep(t, UNFREEZE, lr=1e-3, gamma=0.01), tag="lr/head")
    assert mild(evidence(NAME, run.hparams(unfreeze_step=UNFREEZE).case()))


def test_level_kept() -> None:
    assert silent(NAME, two_phases(1e-3).case())
    assert silent(NAME, two_phases(3e-4).case())


def test_collapse_ratio_is_the_edge() -> None:
    case = two_phases(5e-5, floor=0.05).case()
    assert evidence(NAME, case, collapse_ratio=0.055)
    assert silent(NAME, case, collapse_ratio=0.045)


def test_unfreezing_near_the_end_of_a_cosine() -> None:
    assert silent(NAME, head().hparams(unfreeze_step=850).case())


@pytest.mark.parametrize("ratio", [1.0, 0.3, 0.1, 0.05, 0.02])
def test_a_backbone_below_the_head(ratio: float) -> None:
    assert silent(NAME, joins(head(), ratio).case())


def test_a_starved_backbone() -> None:
    found = evidence(NAME, joins(head(), 1 / 500).case())
    assert found.param_group == "lr/backbone"
    assert found.measured["times_smaller"].value == pytest.approx(500, rel=0.01)
    assert found.severity is None


def test_a_hundredth_can_be_meant() -> None:
    found = evidence(NAME, joins(head(), 1 / 100).case())
    assert mild(found)
    assert found.confidence is Confidence.LOW


def test_a_frozen_group_that_is_never_lifted() -> None:
    run = head().lr(0.0, tag="lr/backbone").hparams(unfreeze_step=UNFREEZE)
    found = evidence(NAME, run.case())
    assert "stays at LR 0" in found.detail


def test_layer_wise_rates_pass_however_deep() -> None:
    run = a_run().hparams(unfreeze_step=UNFREEZE)
    for depth in range(12):
        run = run.lr(lambda t, d=depth: cosine(t, 1000, 1e-3 / 2.6**d), tag=f"lr/layer{depth}")
    assert silent(NAME, run.case())


@pytest.mark.parametrize(
    "lr",
    [
        lambda t: cosine(t, 1000),
        lambda t: multistep(t, 300, 600),
        lambda t: cosine(t % 250, 250),
        lambda t: np.full(t.shape, 0.1),
        lambda t: np.minimum(t / 100, 1.0) * 0.1,
    ],
    ids=["cosine", "multistep", "sgdr", "constant", "warm-up"],
)
def test_silent_without_a_sign_of_unfreezing(lr) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, a_run().lr(lr).loss().case())


def test_groups_from_the_start_without_intent() -> None:
    run = head().lr(lambda t: cosine(t, 1000, 1e-6), tag="lr/backbone")
    assert silent(NAME, run.case())


def test_nan_and_unfreezing_beyond_the_log() -> None:
    values = two_phases(2e-5).columns["lr/head"].value.copy()
    values[::10] = np.nan
    run = a_run().lr(values, tag="lr/head").hparams(unfreeze_step=UNFREEZE)
    assert len(judge(NAME, run.case())) == 1
    assert silent(NAME, head().hparams(unfreeze_step=5000).case())
