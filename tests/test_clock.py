"""The clock: what an x unit is, how many make an epoch, and whether the plan was reached."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.clock import Timing, measured_epoch, read_timing, steps_per_epoch
from lrdoctor.intent import read_intent
from lrdoctor.roles import assign_roles
from lrdoctor.types import ClockUnit, Role, Series
from tests.builders import RunBuilder, a_run


def timing_of(builder: RunBuilder, **expect: str) -> Timing:
    run = builder.build()
    roles = assign_roles(run)
    intent = read_intent(run, expect)
    measured = measured_epoch(run, roles.signals.get(Role.EPOCH))
    return read_timing(run, tuple(g.series for g in roles.lr), roles.signals, intent, measured)


@settings(deadline=None)
@given(
    per_epoch=st.integers(2, 5000),
    epochs=st.integers(3, 40),
    every=st.integers(1, 60),
    first=st.sampled_from([0, 1]),
    from_one=st.booleans(),
)
def test_whole_epochs_logged_every_few_steps(
    per_epoch: int, epochs: int, every: int, first: int, from_one: bool
) -> None:
    step = np.arange(0, per_epoch * epochs, every)
    epoch = step // per_epoch + first
    found = steps_per_epoch(Series("epoch", step + from_one, epoch))
    if every * 8 < per_epoch:
        # The borders are known to one logging interval at each end.
        assert found == pytest.approx(per_epoch, abs=1 + 2 * every / (epochs - 2))
    if every == 1:
        assert found == per_epoch


@settings(deadline=None)
@given(
    per_epoch=st.integers(2, 9000), epochs=st.integers(1, 30), decimals=st.sampled_from([2, 4, 17])
)
def test_fractional_epochs(per_epoch: int, epochs: int, decimals: int) -> None:
    step = np.arange(1, 21) * per_epoch * epochs // 20
    step = np.unique(step[step > 0])
    epoch = np.round(step / per_epoch, decimals)
    if len(step) < 5 or np.mean(epoch == np.round(epoch)) > 0.5:
        return
    found = steps_per_epoch(Series("epoch", step, epoch))
    assert found == pytest.approx(per_epoch, rel=1.01 * 10.0**-decimals)


def test_epochs_logged_once_at_their_end() -> None:
    epoch = np.arange(10)
    assert steps_per_epoch(Series("epoch", (epoch + 1) * 125 - 1, epoch)) == 125


def test_last_batch_is_partial_and_logged_sparsely() -> None:
    step = np.arange(49, 8 * 1563, 50)
    assert steps_per_epoch(Series("epoch", step, step // 1563)) == pytest.approx(1563, abs=10)


@pytest.mark.parametrize("values", [[0, 0, 0], [3, 2, 1], [np.nan] * 3, [0]])
def test_epochs_that_tell_nothing(values: list[float]) -> None:
    assert steps_per_epoch(Series("epoch", np.arange(len(values)), values)) is None


def test_irregular_epochs_tell_nothing() -> None:
    step = np.array([0, 10, 500, 510, 530, 4000, 9000])
    assert steps_per_epoch(Series("epoch", step, np.arange(7))) is None


def test_axis_named_epoch() -> None:
    timing = timing_of(a_run().steps(0, 90).on_axis("epoch").lr(1.0), epochs="100")
    assert timing.clock.unit is ClockUnit.EPOCH
    assert (timing.clock.steps_per_epoch, timing.total_steps, timing.finished) == (1.0, 100, False)
    assert "89 of 100" in timing.notes[-1].message


@pytest.mark.parametrize(
    ("run", "unit"),
    [
        (a_run().on_axis("iteration").lr(1.0), ClockUnit.OPTIMIZER_STEP),
        (a_run().on_axis("batch").lr(1.0), ClockUnit.BATCH),
        (a_run().steps(0, 40).lr(1.0, "lr/pg0"), ClockUnit.EPOCH),
        (a_run().steps(0, 4000, 100).lr(1.0, "lr/pg0"), ClockUnit.OPTIMIZER_STEP),
        (a_run().steps(0, 40).loss().loss(tag="val_loss"), ClockUnit.EPOCH),
        (a_run().steps(0, 40).loss().steps(9, 40, 10).loss(tag="val_loss"), None),
        (a_run().steps(1, 41).on_axis("row").lr(1.0).series("epoch", lambda t: t), ClockUnit.EPOCH),
    ],
)
def test_unit(run: RunBuilder, unit: ClockUnit | None) -> None:
    assert timing_of(run).clock.unit is (unit or ClockUnit.OPTIMIZER_STEP)


def test_batches_are_told_from_optimizer_steps_by_the_length_of_an_epoch() -> None:
    settings = {"batches_per_epoch": "500", "accumulation": "4", "epochs": "10"}
    batches = a_run().steps(0, 5000, 10).lr(1.0).series("epoch", lambda t: t // 500)
    steps = a_run().steps(0, 1250, 5).lr(1.0).series("epoch", lambda t: t // 125)
    timing = timing_of(batches, **settings)
    assert (timing.clock.unit, timing.clock.steps_per_epoch) == (ClockUnit.BATCH, 500)
    assert (timing.total_steps, timing.finished) == (5000, True)
    timing = timing_of(steps, **settings)
    assert (timing.clock.unit, timing.clock.steps_per_epoch) == (ClockUnit.OPTIMIZER_STEP, 125)
    assert (timing.total_steps, timing.finished) == (1250, True)


def test_length_of_an_epoch_from_the_intent_alone() -> None:
    timing = timing_of(a_run().lr(1.0), steps_per_epoch="250", accumulation="2", epochs="8")
    assert (timing.clock.steps_per_epoch, timing.total_steps, timing.finished) == (125, 1000, True)


def test_length_of_an_epoch_from_as_many_validations_as_epochs() -> None:
    run = a_run().lr(1.0).loss().steps(124, 1000, 125).loss(tag="val/loss")
    timing = timing_of(run, epochs="8")
    assert (timing.clock.steps_per_epoch, timing.total_steps, timing.finished) == (125, 1000, True)
    assert timing_of(run, epochs="20").clock.steps_per_epoch is None


@pytest.mark.parametrize(
    ("last", "every", "finished"),
    [(999, 1, True), (990, 1, True), (900, 1, False), (800, 250, None), (750, 250, False)],
)
def test_finished(last: int, every: int, finished: bool | None) -> None:
    run = a_run().steps(last % every, last + 1, every).lr(1.0)
    assert timing_of(run, total_steps="1000").finished is finished


def test_an_end_the_trainer_logged_is_no_plan() -> None:
    assert timing_of(a_run().lr(1.0)).notes == ()
    ended = a_run().lr(1.0).steps(999, 1000).series("train_runtime", 60.0)
    assert timing_of(ended).finished is None
    assert "logged its end" in timing_of(ended).notes[-1].message
    early = timing_of(ended, total_steps="5000")
    assert early.finished is False
    assert "early stopping" in early.notes[-1].message


def test_an_endless_plan_is_none() -> None:
    run = a_run().steps(0, 50).loss().lr(0.1)
    assert run.case({"epochs": "1e15", "steps_per_epoch": "1e15"}).total_steps is None
    assert run.hparams(max_steps=10**30).case().total_steps is None


def test_a_plan_in_other_units_is_not_used() -> None:
    timing = timing_of(a_run().steps(0, 50_000, 1000).lr(1.0), total_steps="50")
    assert (timing.total_steps, timing.finished) == (None, None)
    assert "not in units" in timing.notes[-1].message


def test_a_cap_on_steps_is_no_plan_where_the_clock_ends_the_run() -> None:
    run = a_run().lr(1.0).hparams(iterations=1_000_000, max_wallclock_seconds=600.0)
    assert timing_of(run).total_steps is None
    assert timing_of(run.hparams(max_wallclock_seconds=0.0)).total_steps == 1_000_000
    ended = timing_of(run.steps(999, 1000).series("final/val_loss", 1.0))
    assert "logged its end" in ended.notes[-1].message


def test_the_end_counts_summary_rows_and_saved_step_counts() -> None:
    run = a_run().steps(0, 8501, 500).lr(1.0).hparams(max_steps=8832)
    assert timing_of(run).finished is None
    assert timing_of(run.steps(8832, 8833).series("train_runtime", 60.0)).finished is True
    assert timing_of(run.hparams(global_step=8832)).finished is True
