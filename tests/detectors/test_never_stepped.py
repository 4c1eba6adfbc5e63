"""Configured schedules that never act, and those that wait."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, silent

NAME = "never_stepped"


def run(**settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    """1,000 steps, 40 epochs of 25, at one LR."""
    return a_run().lr(0.1).series("epoch", lambda t: t // 25).hparams(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"scheduler": "CosineAnnealingLR", "max_epochs": 40},
        {"scheduler": "CosineAnnealingLR"},  # no plan, but many epochs
        {"lr_scheduler_type": "linear", "max_steps": 4000},  # in progress, a quarter done
        {"scheduler": "StepLR", "step_size": 10},
        {"scheduler": "MultiStepLR", "milestones": "20,30"},
        {"scheduler": "ExponentialLR", "gamma": 0.95},
        {"scheduler": "wsd", "max_epochs": 40},
    ],
)
def test_a_schedule_that_ought_to_have_moved(settings) -> None:  # type: ignore[no-untyped-def]
    found = evidence(NAME, run(**settings).case())
    assert "is configured" in found.detail
    assert found.measured["lr"].value == 0.1


@pytest.mark.parametrize(("logged", "fires"), [(9, False), (10, True)])
def test_the_epoch_up_to_a_milestone_still_trains_at_the_first_lr(logged: int, fires: bool) -> None:
    settings = {"scheduler": "MultiStepLR", "milestones": "9,18", "max_epochs": 27}
    growing = a_run().on_axis("epoch").steps(1, logged + 1).lr(lambda t: 0 * t + 0.1)
    assert silent(NAME, growing.hparams(**settings).case()) is not fires


def test_one_cycle_stands_at_its_start() -> None:
    found = evidence(NAME, run(scheduler="OneCycleLR", max_lr=2.5, max_epochs=40).case())
    assert found.measured["share"].value == pytest.approx(4)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"scheduler": "constant", "max_epochs": 40},
        {"scheduler": "ReduceLROnPlateau", "max_epochs": 40},
        {"scheduler": "MultiStepLR", "milestones": "60,80"},
        {"scheduler": "StepLR", "step_size": 50, "max_epochs": 100},
        {"scheduler": "StepLR", "step_size": 10, "gamma": 1.0},
        {"scheduler": "ExponentialLR", "gamma": 0.9999},
        {"scheduler": "CosineAnnealingLR", "max_epochs": 1000},
        {"scheduler": "wsd", "max_epochs": 60},
        {"scheduler": "CosineAnnealingLR", "max_epochs": 40, "use_scheduler": False},
    ],
)
def test_schedules_that_wait_are_quiet(settings) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, run(**settings).case())


def test_the_least_movement_is_one() -> None:
    lr = np.full(1000, 0.1)
    lr[999] = np.nextafter(0.1, 0)
    case = a_run().lr(lr).series("epoch", lambda t: t // 25).hparams(scheduler="CosineAnnealingLR")
    assert silent(NAME, case.case())


def test_one_group_that_moves_is_enough() -> None:
    case = run(scheduler="CosineAnnealingLR", max_epochs=40).lr(
        lambda t: cosine(t, 1000, 0.01), tag="lr/head"
    )
    assert silent(NAME, case.case())


def test_the_share_that_must_be_over() -> None:
    case = run(scheduler="CosineAnnealingLR", max_epochs=400).case()
    assert silent(NAME, case)
    assert not silent(NAME, case, seen_share=0.09)
