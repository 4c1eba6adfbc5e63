"""Roles: names of all frameworks, values that contradict them, and the user's last word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.errors import ConfigError
from lrdoctor.roles import Roles, assign_roles
from lrdoctor.roles_names import words
from lrdoctor.types import Role, Run, Series
from tests.builders import RunBuilder, a_run

DECAY = np.linspace(1e-3, 1e-5, 100)


def run_of(*tags: str, n: int = 100) -> RunBuilder:
    """A run whose series all hold a falling curve."""
    run = a_run().steps(0, n)
    for tag in tags:
        run = run.series(tag, np.linspace(2.0, 1.0, n))
    return run


def lr_tags(roles: Roles) -> set[str]:
    return {tag for tag, (role, _) in roles.reasons.items() if role == "lr"}


@pytest.mark.parametrize(
    "tag",
    [
        "lr", "LR", "learning_rate", "learning rate", "Current learning rate",
        "train/learning_rate", "train_lr", "train.train_lr", "base_lr", "lr-Adam", "lr-Adam/pg1",
        "lr-SGD-1", "lr/pg0", "lr-AdamW/no_decay", "x/lr0", "input_info/learning_rate",
        "epoch_learning_rate", "learningRate", "lr_head", "opt/lr_backbone", "param_group_0/lr",
        "Learning Rate/group 1",
    ],
)  # fmt: skip
def test_name_of_a_learning_rate(tag: str) -> None:
    roles = assign_roles(a_run().steps(0, 100).lr(DECAY, tag).build())
    assert [group.name for group in roles.lr] == [tag]
    assert roles.reasons[tag][0] == "lr"


@pytest.mark.parametrize(
    "tag",
    [
        "lr-Adam-momentum", "lr-Adam-weight_decay", "lr-Adam/pg1-momentum", "learning_rate_std",
        "lr_schedule", "lr_warmup_steps", "lr_decay", "weight_decay", "eta_seconds", "color",
    ],
)  # fmt: skip
def test_name_that_is_not_a_learning_rate(tag: str) -> None:
    roles = assign_roles(a_run().steps(0, 100).lr(DECAY, tag).build())
    assert roles.lr == ()
    role, why = roles.reasons[tag]
    assert role == "none" and why


def test_values_that_no_learning_rate_has() -> None:
    run = a_run().steps(0, 100).lr(np.full(100, np.nan), "lr").lr(-DECAY, "lr_delta").build()
    roles = assign_roles(run)
    assert roles.lr == ()
    assert "not numbers" in roles.reasons["lr"][1]
    assert "negative" in roles.reasons["lr_delta"][1]


def test_noise_is_left_out_only_where_a_smooth_learning_rate_exists() -> None:
    noise = np.random.default_rng(0).uniform(1e-4, 1e-3, 100)
    alone = a_run().steps(0, 100).lr(noise, "lr_probe")
    assert lr_tags(assign_roles(alone.build())) == {"lr_probe"}
    roles = assign_roles(alone.lr(DECAY, "lr").build())
    assert lr_tags(roles) == {"lr"}
    assert "noise" in roles.reasons["lr_probe"][1]
    constant = assign_roles(alone.lr(1e-4, "lr").build())
    assert lr_tags(constant) == {"lr", "lr_probe"}, "a constant is no witness for smooth schedules"


def test_same_learning_rate_under_several_tags_is_one_group() -> None:
    run = a_run().steps(0, 100).lr(DECAY, "lr/pg10").lr(DECAY, "lr/pg2").lr(DECAY / 10, "lr/pg0")
    roles = assign_roles(run.build())
    assert [group.tags for group in roles.lr] == [("lr/pg0",), ("lr/pg2", "lr/pg10")]
    assert roles.reasons["lr/pg10"] == ("lr", "same values as lr/pg2; one group")


def test_epoch_mean_of_a_learning_rate_is_left_out() -> None:
    run = a_run().steps(0, 100).lr(DECAY, "lr").steps(9, 100, 10).lr(DECAY[9::10], "train_lr")
    roles = assign_roles(run.build())
    assert lr_tags(roles) == {"lr"}
    assert "more detail" in roles.reasons["train_lr"][1]


def yolo(epochs: int, warmup: int = 3) -> RunBuilder:
    """ultralytics: the bias group falls from 0.1 while the others rise to 0.01."""
    t = np.arange(epochs, dtype=float)
    target = 0.01 * (1 - t / 100)
    share = np.minimum(1.0, (t + 1) / warmup)
    run = a_run().steps(0, epochs).on_axis("epoch")
    run = run.lr(0.1 + (target - 0.1) * share, "lr/pg0")
    for group in ("lr/pg1", "lr/pg2"):
        run = run.lr(target * share, group)
    return run


@pytest.mark.parametrize("epochs", [100, 20, 3, 2])
def test_yolo_bias_group_does_not_govern(epochs: int) -> None:
    roles = assign_roles(yolo(epochs).build())
    assert [(group.name, group.governs) for group in roles.lr] == [
        ("lr/pg1", True),
        ("lr/pg0", False),
    ]
    assert "bias group" in roles.reasons["lr/pg0"][1]


def test_a_decaying_head_beside_a_warming_backbone_governs() -> None:
    t = np.arange(100.0)
    run = (
        a_run().steps(0, 100).lr(1e-2 * (1 - t / 100), "lr/head").lr(1e-3 * t / 100, "lr/backbone")
    )
    late = a_run().steps(0, 100).lr(1e-2 * 0.99**t, "lr/head")
    late = late.lr(np.minimum(1e-4, 1e-5 * (t + 1)), "lr/backbone")
    assert all(g.governs for g in assign_roles(late.build()).lr)
    assert len(assign_roles(run.build()).lr) == 2


def test_frozen_group_and_factor_do_not_govern() -> None:
    run = a_run().steps(0, 100).lr(DECAY, "train/lr_matrix").lr(0.0, "train/lr_head")
    roles = assign_roles(run.lr(DECAY / DECAY[0], "train/lr_scale").build())
    assert [(g.name, g.governs) for g in roles.lr] == [
        ("train/lr_matrix", True),
        ("train/lr_head", False),
        ("train/lr_scale", False),
    ]
    alone = assign_roles(a_run().lr(0.0).build())
    assert [g.governs for g in alone.lr] == [True]


def test_mmengine_base_lr_comes_first() -> None:
    roles = assign_roles(a_run().steps(0, 100).lr(DECAY / 10).lr(DECAY, "base_lr").build())
    assert [g.name for g in roles.lr] == ["base_lr", "lr"]
    assert "base LR" in roles.reasons["base_lr"][1]


@pytest.mark.parametrize(
    ("tags", "train", "val"),
    [
        (("loss", "val_loss"), "loss", "val_loss"),
        (("loss", "eval_loss"), "loss", "eval_loss"),
        (("train/loss", "val/loss", "final/val_loss"), "train/loss", "val/loss"),
        (("total_loss", "loss_ce", "loss_mask"), "total_loss", None),
        (("train_loss", "train_loss_ce", "test_loss"), "train_loss", "test_loss"),
        (("Train Loss", "Valid Loss"), "Train Loss", "Valid Loss"),
        (("train loss", "val Loss"), "train loss", "val Loss"),
        (("Loss/train", "Loss/test", "Loss/val"), "Loss/train", "Loss/val"),
        (("train.train_loss", "val.val_loss"), "train.train_loss", "val.val_loss"),
        (("lm loss", "loss_scale"), "lm loss", None),
        (("loss", "loss_vic", "global_loss"), "loss", None),
        (("train/decode.loss_seg", "train/decode.acc_seg"), "train/decode.loss_seg", None),
        (("acc", "val_acc"), None, None),
    ],
)
def test_losses_by_name(tags: tuple[str, ...], train: str | None, val: str | None) -> None:
    signals = assign_roles(run_of(*tags).build()).signals
    found = (signals.get(Role.TRAIN_LOSS), signals.get(Role.VAL_LOSS))
    assert tuple(s and s.tag for s in found) == (train, val)


def test_denser_loss_is_chosen_and_the_summary_row_is_not() -> None:
    run = a_run().steps(0, 1000).series("train_loss_step", 1.0)
    run = run.steps(0, 1000, 100).series("train_loss_epoch", 1.0)
    roles = assign_roles(run.build())
    assert roles.signals[Role.TRAIN_LOSS].tag == "train_loss_step"
    assert "10 points against 1000" in roles.reasons["train_loss_epoch"][1]
    hf = a_run().steps(0, 100).series("loss", 1.0).steps(100, 101).series("train_loss", 1.0)
    assert assign_roles(hf.build()).signals[Role.TRAIN_LOSS].tag == "loss"


def test_parts_are_summed_where_no_total_is_logged() -> None:
    run = run_of("train/box_loss", "train/cls_loss", "train/dfl_loss", "val/box_loss")
    roles = assign_roles(run.build())
    total = roles.signals[Role.TRAIN_LOSS]
    assert total.tag == "train/box_loss + train/cls_loss + train/dfl_loss"
    np.testing.assert_allclose(total.value, 3 * np.linspace(2.0, 1.0, 100))
    assert roles.signals[Role.VAL_LOSS].tag == "val/box_loss"
    assert all(roles.reasons[f"train/{part}_loss"][0] == "train_loss" for part in ("box", "dfl"))


def test_sum_uses_common_steps_and_keeps_nan() -> None:
    run = a_run().steps(0, 100).series("loss_a", 1.0)
    run = run.steps(5, 100).series("loss_b", np.where(np.arange(95) == 3, np.nan, 2.0))
    total = assign_roles(run.build()).signals[Role.TRAIN_LOSS]
    assert (total.step[0], len(total)) == (5, 95)
    assert np.isnan(total.value[3]) and total.value[4] == 3.0


def test_many_parts_have_a_short_tag() -> None:
    run = run_of(*(f"loss_{i}" for i in range(9)))
    assert assign_roles(run.build()).signals[Role.TRAIN_LOSS].tag.endswith("… (9 parts)")


def test_validation_loss_of_epochs_without_validation_is_dropped() -> None:
    zeros = np.where(np.arange(100) == 99, 1.5, 0.0)
    run = run_of("train/loss").series("val/loss", zeros)
    val = assign_roles(run.build()).signals[Role.VAL_LOSS]
    assert (val.step.tolist(), val.value.tolist()) == ([99], [1.5])
    never = assign_roles(run_of("train/loss").series("val/loss", 0.0).build())
    assert Role.VAL_LOSS not in never.signals
    assert "did not run" in never.reasons["val/loss"][1]


def test_reinforcement_learning_has_no_judged_parts() -> None:
    run = run_of(
        "rollout/ep_rew_mean", "train/policy_loss", "train/value_loss", "train/entropy_loss"
    )
    roles = assign_roles(run.build())
    assert Role.TRAIN_LOSS not in roles.signals
    assert "reinforcement" in roles.reasons["train/value_loss"][1]
    total = assign_roles(run.series("train/loss", 1.0).build())
    assert total.signals[Role.TRAIN_LOSS].tag == "train/loss"
    assert "reinforcement" in total.reasons["train/loss"][1]


def test_preference_optimisation_is_no_reinforcement_learning() -> None:
    roles = assign_roles(run_of("loss", "rewards/chosen", "rewards/margins").build())
    assert "reinforcement" not in roles.reasons["loss"][1]


def test_adversaries_are_not_summed() -> None:
    roles = assign_roles(run_of("loss_G", "loss_D").build())
    assert Role.TRAIN_LOSS not in roles.signals
    assert "discriminator" in roles.reasons["loss_D"][1]


def test_keras_validation_folder() -> None:
    run = a_run("logs/validation").series("epoch_loss", 1.0)
    assert set(assign_roles(run.build()).signals) == {Role.VAL_LOSS}


def test_epoch_metric_and_gradient_norm() -> None:
    run = run_of("metrics/mAP50(B)", "metrics/mAP50-95(B)", "train/acc", "grad_norm", "step_time")
    roles = assign_roles(run.series("epoch", np.arange(100) // 10).build())
    assert {role: s.tag for role, s in roles.signals.items()} == {
        Role.EPOCH: "epoch",
        Role.GRAD_NORM: "grad_norm",
        Role.METRIC: "metrics/mAP50-95(B)",
    }
    assert roles.reasons["step_time"][0] == "none"


def test_override_replaces_the_choice() -> None:
    run = run_of("loss", "my/objective").lr(DECAY).lr(DECAY * 2, "eta").build()
    roles = assign_roles(run, {"my/objective": "train_loss", "eta": "lr"})
    assert roles.signals[Role.TRAIN_LOSS].tag == "my/objective"
    assert [g.name for g in roles.lr] == ["eta"]
    assert {tag: role for tag, (role, _) in roles.reasons.items()} == {
        "my/objective": "train_loss",
        "eta": "lr",
        "loss": "none",
        "lr": "none",
    }


def test_override_ignores_and_sums() -> None:
    run = run_of("loss", "loss_a", "loss_b").build()
    ignored = assign_roles(run, {"loss": "ignore"})
    assert ignored.signals[Role.TRAIN_LOSS].tag == "loss_a + loss_b"
    assert ignored.reasons["loss"] == ("none", "set by the user")
    both = assign_roles(run, {"loss": "train_loss", "loss_a": "train_loss"})
    assert both.signals[Role.TRAIN_LOSS].tag == "loss + loss_a"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"losss": "train_loss"}, "did you mean 'loss'"),
        ({"loss": "train_los"}, "did you mean 'train_loss'"),
        ({"loss": "metric", "acc": "metric"}, "only one series can be metric"),
    ],
)
def test_wrong_override_is_a_config_error(overrides: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        assign_roles(run_of("loss", "acc").build(), overrides)


def test_words() -> None:
    assert words("lr-Adam/pg1") == ("lr", "adam", "pg1")
    assert words("trainLoss") == ("train", "loss")
    assert words("Current learning rate") == ("current", "learning", "rate")


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=12),
        st.lists(st.floats(), max_size=12),
        max_size=6,
    )
)
def test_any_series_gets_a_role_and_a_reason(columns: dict[str, list[float]]) -> None:
    series = {tag: Series(tag, np.arange(len(v)), v) for tag, v in columns.items()}
    roles = assign_roles(Run("r", (), "csv", "step", series))
    assert roles.reasons.keys() == series.keys()
    assert all(role and why for role, why in roles.reasons.values())
