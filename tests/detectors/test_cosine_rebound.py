"""Cosines that climb again before the end; restarts and swings are not judged here."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, mild, silent

NAME = "cosine_rebound"


def test_the_part_after_t_max_is_the_fault() -> None:
    found = evidence(NAME, a_run().lr(lambda t: cosine(t, 770)).hparams(max_steps=1000).case())
    assert found.start == pytest.approx(770, abs=1)
    # (1 - cos(pi * 229 / 770)) / 2
    assert found.measured["rise"].value == pytest.approx(20.3, abs=0.2)
    assert found.severity is None


def test_a_small_rise_is_a_note_and_a_tiny_one_nothing() -> None:
    assert mild(evidence(NAME, a_run().lr(lambda t: cosine(t, 900)).case()))
    assert silent(NAME, a_run().lr(lambda t: cosine(t, 950)).case())
    assert not silent(NAME, a_run().lr(lambda t: cosine(t, 950)).case(), least_rise=0.001)


def test_epochs_of_another_training_are_named() -> None:
    run = a_run().lr(lambda t: cosine(t, 750)).series("epoch", lambda t: t // 25)
    assert "30 epochs" in evidence(NAME, run.case()).detail


@pytest.mark.parametrize(
    "lr",
    [
        lambda t: cosine(t, 1000),
        lambda t: cosine(np.minimum(t, 700), 700),  # clamped
        lambda t: cosine(t, 300),  # swings: another rule
        lambda t: cosine(t % 500, 500),  # restarts
        lambda t: 0.1 - 0.09 * np.abs((t % 1400) / 700 - 1),  # a triangle
    ],
)
def test_everything_else_is_quiet(lr) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, a_run().lr(lr).case())


def test_a_cyclic_schedule_is_asked_for() -> None:
    run = a_run().lr(lambda t: cosine(t, 700))
    assert silent(NAME, run.hparams(scheduler="CosineAnnealingWarmRestarts").case())
    assert silent(NAME, run.hparams(lr_scheduler_type="cosine", lr_num_cycles=2).case())


def test_a_run_that_stops_before_t_max_is_quiet() -> None:
    assert silent(NAME, a_run().steps(0, 600).lr(lambda t: cosine(t, 700)).case())
