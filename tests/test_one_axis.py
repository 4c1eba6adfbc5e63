"""Series counted in epochs are moved to the step axis of the others."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import ClockUnit, Role
from tests.builders import RunBuilder, a_run


def mixed(per_epoch: int = 100, epochs: int = 10, first: int = 0) -> RunBuilder:
    """The training loss at every step, LR and validation loss by the number of the epoch."""
    run = a_run().steps(0, per_epoch * epochs).loss()
    run = run.steps(first, first + epochs).lr(lambda k: 0.1 * 0.5**k)
    return run.loss(tag="val/loss")


@pytest.mark.parametrize("first", [0, 1])
def test_epochs_become_steps(first: int) -> None:
    case = mixed(first=first).case()
    assert case.param_groups[0].lr.step.tolist() == list(range(0, 1000, 100))
    assert case.signals[Role.VAL_LOSS].step.tolist() == list(range(99, 1000, 100))
    assert (case.clock.unit, case.clock.steps_per_epoch) == (ClockUnit.OPTIMIZER_STEP, 100)
    assert any(n.kind == "axis" and "val/loss" in n.message for n in case.run.notes)


def test_logged_epochs_give_the_length() -> None:
    """MMEngine: training rows every 69 iterations, validation rows by epoch from 1."""
    step = np.arange(69, 69 * 60, 69)
    run = a_run().steps(69, 69 * 60, 69).lr(0.02).loss().series("epoch", step // 69)
    case = run.steps(1, 60).series("accuracy/top1", 0.5).case()
    assert case.signals[Role.METRIC].step.tolist() == (step - 1).tolist()
    assert case.clock.steps_per_epoch == 69


def test_axis_of_epochs_times_a_thousand() -> None:
    """MAE logs training at epoch x 1000, validation by epoch."""
    run = a_run().steps(0, 9982, 18).lr(0.1).loss().steps(0, 10).loss(tag="perf/val_loss")
    val = run.case().signals[Role.VAL_LOSS].step
    assert (val[0], val[-1]) == (pytest.approx(998, abs=2), pytest.approx(9980, abs=20))


@pytest.mark.parametrize(
    "run",
    [
        a_run().loss().lr(0.1).loss(tag="val/loss"),
        a_run().loss().steps(0, 1000, 100).loss(tag="val/loss"),
        a_run().loss().steps(0, 3).loss(tag="val/loss"),
        a_run().steps(0, 12).loss().steps(0, 10).loss(tag="val/loss"),
        a_run().steps(0, 50).on_axis("epoch").loss().steps(0, 10).loss(tag="val/loss"),
        a_run().loss().steps(0, 10).loss(tag="val/loss").steps(0, 25).lr(0.1),
        a_run().loss().series("epoch", lambda t: t // 200).steps(0, 10).loss(tag="val/loss"),
    ],
)
def test_other_series_stay_where_they_are(run: RunBuilder) -> None:
    built, case = run.build(), run.case()
    for series in (*case.signals.values(), *(g.lr for g in case.param_groups)):
        np.testing.assert_array_equal(series.step, built.series[series.tag].step)
