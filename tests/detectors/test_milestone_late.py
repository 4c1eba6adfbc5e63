"""Milestones at the end, past it, and in time."""

from __future__ import annotations

import pytest

from lrdoctor.types import Severity
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, mild, multistep, silent

NAME = "milestone_late"


def run(lr, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    """90 epochs of 10 steps."""
    steps = a_run().steps(0, 900).lr(lr).series("epoch", lambda t: t // 10)
    return steps.hparams(scheduler="MultiStepLR", max_epochs=90, **settings)


def test_a_milestone_at_the_end_is_a_note() -> None:
    found = evidence(NAME, run(lambda t: multistep(t, 300, 600), milestones="[30, 60, 90]").case())
    assert mild(found)
    assert found.measured["milestone"].value == 90
    assert found.measured["acted"].value == 2


def test_an_lr_that_never_drops_is_a_warning() -> None:
    found = evidence(NAME, run(0.1, milestones="100,150").case())
    assert found.severity is Severity.WARNING
    assert "never drops" in found.detail
    settings = {"scheduler": "StepLR", "step_size": 90, "max_epochs": 90}
    assert evidence(NAME, run(0.1).hparams(**settings).case()).severity is Severity.WARNING


def test_milestones_in_steps_are_read_as_steps() -> None:
    found = evidence(NAME, run(lambda t: multistep(t, 450), milestones="450,900").case())
    assert mild(found) and found.measured["milestone"].value == 900


@pytest.mark.parametrize(
    ("lr", "milestones"),
    [
        (lambda t: multistep(t, 300, 600), "30,60"),
        (lambda t: multistep(t, 300, 600, 890), "30,60,89"),
        (lambda t: cosine(t, 900), "30,60,90"),  # another schedule was used
        (lambda t: multistep(t, 300), "30,60,90"),  # one of those in time is missing as well
        (lambda t: multistep(t, 300), ""),
    ],
)
def test_others_are_quiet(lr, milestones: str) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, run(lr, milestones=milestones).case())


def test_a_run_in_progress() -> None:
    part = a_run().steps(0, 400).series("epoch", lambda t: t // 10)
    part = part.hparams(scheduler="MultiStepLR", max_epochs=90)
    assert silent(NAME, part.lr(0.1).hparams(milestones="100,150").case())
    assert silent(NAME, part.lr(lambda t: multistep(t, 300)).hparams(milestones="30,60,90").case())
