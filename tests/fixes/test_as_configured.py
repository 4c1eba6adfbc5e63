"""The configured schedule in the units of the log: by formula, with its disposition and diff."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.fixes.findings import a_finding, propose

STEPS = np.arange(1000.0)


def run(**settings: object) -> RunBuilder:
    """1,000 steps, 40 epochs of 25, at one LR."""
    steps = a_run().lr(0.1).series("epoch", lambda t: t // 25)
    return steps.hparams(max_epochs=40, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"scheduler": "CosineAnnealingLR", "T_max": 40},
            0.05 * (1 + np.cos(np.pi * (STEPS // 25) / 40)),
        ),
        (
            {"scheduler": "CosineAnnealingLR", "T_max": 1000},
            0.05 * (1 + np.cos(np.pi * STEPS / 1000)),
        ),
        ({"scheduler": "StepLR", "step_size": 10}, 0.1 * 0.1 ** (STEPS // 250)),
        ({"scheduler": "ExponentialLR", "gamma": 0.9}, 0.1 * 0.9 ** (STEPS // 25)),
        (
            {"scheduler": "MultiStepLR", "milestones": "20,30"},
            0.1 * 0.1 ** ((STEPS >= 500).astype(int) + (STEPS >= 750)),
        ),
    ],
)
def test_numbers_of_epochs_and_of_steps(settings, expected) -> None:  # type: ignore[no-untyped-def]
    (fixed,) = propose("as_configured", run(**settings).case(), a_finding())
    np.testing.assert_allclose(fixed.schedules["lr"].lr(STEPS), expected, rtol=1e-6, atol=1e-12)
    assert fixed.disposition == "safe"
    assert "+" in fixed.diff and "scheduler.step()" in fixed.diff


def test_a_length_that_nobody_gave_is_the_planned_one_and_to_review() -> None:
    (fixed,) = propose("as_configured", run(scheduler="LinearLR").case(), a_finding())
    np.testing.assert_allclose(fixed.schedules["lr"].lr(STEPS), 0.1 * (1 - STEPS / 1000))
    assert fixed.disposition == "review" and "after every step" in fixed.title


def test_one_cycle_goes_to_its_configured_peak() -> None:
    case = run(scheduler="OneCycleLR", max_lr=2.5, pct_start=0.2).case()
    (fixed,) = propose("as_configured", case, a_finding())
    lr = fixed.schedules["lr"].lr(STEPS)
    assert lr.max() == pytest.approx(2.5) and int(np.argmax(lr)) == 199


def test_steps_on_an_axis_of_epochs() -> None:
    rows = a_run().on_axis("epoch").steps(0, 40).lr(0.1)
    case = rows.hparams(max_epochs=40, scheduler="CosineAnnealingLR", T_max=1000).case()
    (fixed,) = propose("as_configured", case, a_finding())
    epochs = np.arange(40.0)
    expected = 0.05 * (1 + np.cos(np.pi * epochs / 40))
    np.testing.assert_allclose(fixed.schedules["lr"].lr(epochs), expected, rtol=1e-6)
    assert "after every step" in fixed.title


def test_nothing_is_configured() -> None:
    assert propose("as_configured", run().case(), a_finding()) == []


def test_a_horizon_that_is_too_long_is_shortened() -> None:
    lr = 0.05 * (1 + np.cos(np.pi * STEPS / 2500))
    case = a_run().lr(lr).hparams(max_steps=1000).case()
    (fixed,) = propose("set_t_max", case, a_finding(planned=1000))
    expected = 0.05 * (1 + np.cos(np.pi * STEPS / 1000))
    np.testing.assert_allclose(fixed.schedules["lr"].lr(STEPS), expected, rtol=1e-6, atol=1e-9)
    assert "T_max 1000 optimizer steps instead of 2500" in fixed.title


def test_the_end_of_a_log_shortens_no_schedule() -> None:
    lr = 0.05 * (1 + np.cos(np.pi * STEPS / 2500))
    assert propose("set_t_max", a_run().lr(lr).case(), a_finding()) == []
