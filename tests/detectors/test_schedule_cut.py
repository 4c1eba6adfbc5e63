"""Runs that end before their decay: a fault only where the run is known to be complete."""

from __future__ import annotations

import pytest

from lrdoctor.types import Severity
from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, mild, silent

NAME = "schedule_cut"


def test_a_finished_run_on_a_longer_cosine() -> None:
    found = evidence(NAME, a_run().lr(lambda t: cosine(t, 2500)).hparams(max_steps=1000).case())
    assert found.severity is Severity.WARNING
    assert found.measured["horizon"].value == pytest.approx(2500, rel=1e-3)
    assert found.measured["covered"].value == pytest.approx(40, abs=0.2)


def test_a_little_that_is_missing_is_a_note() -> None:
    assert mild(
        evidence(NAME, a_run().lr(lambda t: cosine(t, 1300)).hparams(max_steps=1000).case())
    )
    assert silent(NAME, a_run().lr(lambda t: cosine(t, 1100)).hparams(max_steps=1000).case())


def test_without_a_plan_it_stopped_or_goes_on() -> None:
    found = evidence(NAME, a_run().lr(lambda t: cosine(t, 2500)).case())
    assert mild(found) and "stopped before its decay" in found.detail


def test_a_run_in_progress_is_quiet_until_something_says_that_it_ended() -> None:
    run = a_run().lr(lambda t: cosine(t, 2500)).hparams(max_steps=2500)
    assert silent(NAME, run.case())
    assert mild(evidence(NAME, run.hparams(early_stopping_patience=5).case()))


def test_a_line_says_not_where_it_ends() -> None:
    run = a_run().lr(lambda t: 0.1 * (1 - t / 2000)).hparams(max_steps=1000)
    found = evidence(NAME, run.case())
    assert mild(found) and "straight line" in found.detail
    found = evidence(NAME, run.hparams(gradient_accumulation_steps=2).case())
    assert found.severity is Severity.WARNING and "accumulation of 2" in found.detail


@pytest.mark.parametrize(
    "lr", [lambda t: cosine(t, 1000), lambda t: cosine(t, 1000, floor=0.02), lambda t: 0 * t + 0.1]
)
def test_complete_and_constant_schedules_are_quiet(lr) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, a_run().lr(lr).hparams(max_steps=1000).case())


def test_a_part_of_a_cosine_can_be_asked_for() -> None:
    run = a_run().lr(lambda t: cosine(t, 2500)).hparams(max_steps=1000, lr_num_cycles=0.2)
    assert silent(NAME, run.case())
