"""A case: roles, clock, intent and schedules of a run joined."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from lrdoctor.case import build_case
from lrdoctor.errors import ConfigError
from lrdoctor.types import ClockUnit, Role, Scalar
from tests.builders import RunBuilder, a_run


def decay(steps: int = 1000) -> RunBuilder:
    return a_run().steps(0, steps).lr(lambda t: 0.1 * (1 - t / steps)).loss()


def test_everything_is_joined() -> None:
    run = decay().series("epoch", lambda t: t // 100).hparams(max_epochs=10, learning_rate=0.1)
    case = run.case()
    assert [g.name for g in case.param_groups] == ["lr"]
    assert case.param_groups[0].schedules
    assert case.signals[Role.TRAIN_LOSS].tag == "train/loss"
    assert case.clock.unit is ClockUnit.OPTIMIZER_STEP
    assert (case.clock.steps_per_epoch, case.total_steps, case.finished) == (100, 1000, True)
    assert case.intent.lr == 0.1
    assert set(case.role_reasons) == {"lr", "train/loss", "epoch"}


def test_decisions_are_notes_on_the_run() -> None:
    case = a_run().steps(0, 50).lr(0.1, "lr/pg0").hparams(epochs=300).case()
    assert {note.kind for note in case.run.notes} == {"clock", "finished"}


def test_schedules_follow_the_logged_learning_rate() -> None:
    group = decay().case().param_groups[0]
    for schedule in group.schedules:
        part = group.lr.between(schedule.start, schedule.stop)
        np.testing.assert_allclose(schedule.lr(part.step), part.value, atol=1e-4)
    assert group.schedules[-1].stop >= 999


def test_a_restart_inside_the_log_is_a_boundary_of_the_fit() -> None:
    def twice(t: np.ndarray) -> np.ndarray:
        return np.where(t < 500, 0.1 * (1 - t / 500), 0.1 * (1 - (t - 500) / 1000))

    case = a_run().steps(0, 1000).lr(twice).restart_at(500).restart_at(5000).case()
    assert [s.start for s in case.param_groups[0].schedules] == [0, 500]


def test_group_that_does_not_govern_is_marked() -> None:
    run = a_run().steps(0, 100).lr(lambda t: 0.1 * 0.97**t, "lr/a").lr(0.0, "lr/b")
    assert [(g.name, g.governs) for g in run.case().param_groups] == [
        ("lr/a", True),
        ("lr/b", False),
    ]


def test_flags_are_passed_on() -> None:
    run = decay().loss(tag="other", seed=1).build()
    case = build_case(run, roles={"other": "train_loss"}, expect={"total_steps": "2000"})
    assert case.signals[Role.TRAIN_LOSS].tag == "other"
    assert (case.total_steps, case.finished) == (2000, False)
    with pytest.raises(ConfigError):
        build_case(run, expect={"nonsense": "1"})


@pytest.mark.parametrize(
    ("settings", "regime"),
    [
        ({}, "unknown"),
        ({"lr": 0.1}, "unknown"),
        ({"pretrained": True}, "fine_tuning"),
        ({"model.pretrained": "imagenet"}, "fine_tuning"),
        ({"pretrained": "False"}, "from_scratch"),
        ({"init_from": "scratch"}, "from_scratch"),
        ({"init_from": "gpt2"}, "fine_tuning"),
        ({"init_from": "resume"}, "unknown"),
        ({"finetune": ""}, "unknown"),
        ({"unfreeze_epoch": 5}, "fine_tuning"),
        ({"model_name_or_path": "bert-base"}, "fine_tuning"),
    ],
)
def test_regime(settings: dict[str, Scalar], regime: str) -> None:
    assert decay(100).hparams(**settings).case().regime == regime


def test_an_empty_run_is_a_case() -> None:
    case = a_run().case()
    assert (case.param_groups, dict(case.signals), case.first, case.last) == ((), {}, 0, 0)


def test_a_run_of_one_point_is_a_case() -> None:
    case = a_run().steps(0, 1).lr(0.1).loss().case()
    assert len(case.param_groups) == 1


def test_a_case_can_be_sent_to_another_process() -> None:
    case = pickle.loads(pickle.dumps(decay().case()))
    assert case.param_groups[0].lr.value[0] == 0.1
    assert not case.param_groups[0].lr.value.flags.writeable
