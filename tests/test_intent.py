"""Intent from the settings of many frameworks, from logged constants and from the user."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.errors import ConfigError
from lrdoctor.intent import EXPECT_KEYS, read_intent
from lrdoctor.intent_names import canonical_schedule
from lrdoctor.types import Intent, Scalar
from tests.builders import a_run


def intent_of(settings: dict[str, Scalar], **expect: str) -> Intent:
    return read_intent(a_run().hparams(**settings).build(), expect)


def test_transformers() -> None:
    intent = intent_of(
        {
            "num_train_epochs": 3,
            "max_steps": -1,
            "gradient_accumulation_steps": 4,
            "per_device_train_batch_size": 8,
            "lr_scheduler_type": "cosine",
            "warmup_ratio": 0.03,
            "warmup_steps": 0,
            "learning_rate": "2e-5",
        }
    )
    assert (intent.epochs, intent.total_steps, intent.accumulation) == (3, None, 4)
    assert (intent.batch_size, intent.scheduler, intent.lr) == (8, "cosine", 2e-5)
    assert intent.arguments == {"warmup_ratio": 0.03, "warmup_steps": 0}
    assert intent.sources["lr"] == "hparams: learning_rate"


def test_lightning_and_nested_scheduler() -> None:
    intent = intent_of(
        {
            "trainer.max_epochs": 90,
            "trainer.accumulate_grad_batches": 2,
            "trainer.devices": "[0, 1, 2, 3]",
            "optimizer.lr": "1e-3",
            "lr_scheduler.class_path": "torch.optim.lr_scheduler.OneCycleLR",
            "lr_scheduler.init_args.pct_start": "0.2",
            "lr_scheduler.init_args.max_lr": 0.15,
            "lr_scheduler.init_args.total_steps": 56295,
            "early_stopping.patience": 5,
        }
    )
    assert (intent.epochs, intent.accumulation, intent.devices) == (90, 2, 4)
    assert intent.scheduler == "onecycle"
    assert intent.arguments == {"pct_start": 0.2, "max_lr": 0.15, "total_steps": 56295}
    assert intent.total_steps is None, "what the scheduler was given is not the length of the run"


def test_ultralytics() -> None:
    settings: dict[str, Scalar] = {
        "epochs": 100,
        "lr0": 0.01,
        "lrf": 0.1,
        "cos_lr": False,
        "warmup_epochs": 3.0,
        "batch": 16,
        "patience": 50,
        "optimizer": "SGD",
    }
    intent = intent_of(settings)
    assert (intent.scheduler, intent.lr, intent.batch_size) == ("linear", 0.01, 16)
    assert intent.arguments["end_lr"] == pytest.approx(0.001)
    assert "patience" not in intent.arguments, "this patience is of early stopping"
    assert intent_of({**settings, "cos_lr": True}).scheduler == "cosine"
    assert intent_of({**settings, "optimizer": "auto"}).lr is None


def test_timm_and_nanogpt() -> None:
    timm = intent_of({"epochs": 300, "sched": "cosine", "lr": 0.5, "warmup_epochs": 5, "min_lr": 0})
    assert (timm.epochs, timm.scheduler, timm.lr) == (300, "cosine", 0.5)
    assert timm.arguments == {"warmup_epochs": 5, "min_lr": 0}
    nanogpt = intent_of(
        {"max_iters": 6000, "lr_decay_iters": 5000, "decay_lr": True, "learning_rate": 6e-4}
    )
    assert (nanogpt.total_steps, nanogpt.scheduler) == (6000, "cosine")
    assert nanogpt.arguments["lr_decay_iters"] == 5000


def test_mmengine_skips_the_warmup_scheduler() -> None:
    intent = intent_of(
        {
            "train_cfg.max_epochs": 12,
            "param_scheduler.0.type": "LinearLR",
            "param_scheduler.1.type": "MultiStepLR",
            "param_scheduler.1.milestones.0": 8,
            "param_scheduler.1.milestones.1": 11,
            "param_scheduler.1.gamma": 0.1,
            "val_dataloader.batch_size": 1,
            "train_dataloader.batch_size": 16,
        }
    )
    assert (intent.epochs, intent.scheduler, intent.batch_size) == (12, "multistep", 16)
    assert intent.arguments == {"milestones": "[8, 11]", "gamma": 0.1}


def test_lists_flattened_by_position() -> None:
    intent = intent_of(
        {
            "scheduler.milestones.0": 30,
            "scheduler.milestones.1": 60,
            "devices.0": 0,
            "devices.1": 1,
            "lr.0": 1e-4,
        }
    )
    assert intent.arguments == {"milestones": "[30, 60]"}
    assert (intent.devices, intent.lr) == (2, None)


def test_unfreezing_script() -> None:
    intent = intent_of(
        {"scheduler": "onecycle", "phase1_epochs": 8, "epochs": 30, "head_lr": 1e-3, "lr_step": 3}
    )
    assert (intent.unfreeze_epoch, intent.epochs) == (8, 30)
    assert intent.arguments == {"head_lr": 1e-3}


def test_plateau_patience_is_taken_for_a_plateau_scheduler() -> None:
    intent = intent_of(
        {"scheduler": "ReduceLROnPlateau", "patience": 10, "lr_factor": 0.5, "mode": "max"}
    )
    assert intent.arguments == {"patience": 10, "factor": 0.5, "mode": "max"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torch.optim.lr_scheduler.CosineAnnealingWarmRestarts", "cosine_restarts"),
        ("CosineAnnealingLR", "cosine"),
        ("SchedulerType.LINEAR", "linear"),
        ("constant_with_warmup", "constant"),
        ("warmup_stable_decay", "wsd"),
        ("WarmupMultiStepLR", "multistep"),
        ("StepLR", "step"),
        ("inverse_sqrt", "inverse_sqrt"),
        ("PolyLR", "polynomial"),
        ("ExponentialLR", "exponential"),
        ("CyclicLR", "cyclic"),
        ("reduce_lr_on_plateau", "reduce_on_plateau"),
        ("OneCycleLR", "onecycle"),
        ("tanh", None),
        (3, None),
    ],
)
def test_canonical_schedule(name: Scalar, expected: str | None) -> None:
    assert canonical_schedule(name) == expected


def test_contradictions_are_told() -> None:
    intent = intent_of({"trainer.max_epochs": 90, "epochs": 100})
    assert intent.epochs == 90
    assert intent.sources["epochs"] == "hparams: trainer.max_epochs; but hparams: epochs says 100"


def test_logged_constant_is_a_setting() -> None:
    run = a_run().steps(0, 10).series("total_steps", 5100.0).build()
    intent = read_intent(run)
    assert intent.total_steps == 5100
    assert intent.sources["total_steps"] == "logged series: total_steps"
    growing = a_run().steps(0, 10).series("total_steps", lambda t: t).build()
    assert read_intent(growing).total_steps is None


def test_lengths_are_derived_where_every_factor_is_known() -> None:
    """1,281,167 images on 4 devices in batches of 128, 2 accumulated, 90 epochs.

    Each device sees ceil(1281167 / 4) = 320,292 of them in ceil(320292 / 128) = 2,503 batches,
    1,252 optimizer steps an epoch, 112,680 in all.
    """
    factors: dict[str, Scalar] = {
        "dataset_size": 1_281_167,
        "devices": 4,
        "batch_size": 128,
        "accumulate_grad_batches": 2,
        "max_epochs": 90,
    }
    intent = intent_of(factors)
    assert (intent.batches_per_epoch, intent.total_steps) == (2503, 112_680)
    for missing in factors:
        assert intent_of({k: v for k, v in factors.items() if k != missing}).total_steps is None
    told = intent_of({**factors, "max_steps": 56_295})
    assert told.total_steps == 56_295
    assert "is 112680" in told.sources["total_steps"]


def test_expectations_override() -> None:
    intent = intent_of(
        {"epochs": 30, "max_steps": 999, "scheduler": "cosine"},
        epochs="90",
        scheduler="onecycle",
        pct_start="0.2",
        steps_per_epoch="1252",
    )
    assert (intent.epochs, intent.scheduler) == (90, "onecycle")
    assert (intent.batches_per_epoch, intent.total_steps) == (1252, None)
    assert intent.arguments == {"pct_start": 0.2}
    assert intent.sources["epochs"] == "expected epochs=90"


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("epoch", "90", "did you mean 'epochs'"),
        ("epochs", "ninety", "must be a number above 0"),
        ("devices", "2.5", "must be a whole number above 0"),
        ("scheduler", "zigzag", "not a schedule known here"),
        ("pct_start", "20", "must be a share from 0 to 1"),
        ("pct_start", "a fifth", "must be a share from 0 to 1"),
        ("gamma", "small", "gamma must be a number"),
        ("milestones", "[30, sixty]", "milestones must be a number"),
    ],
)
def test_wrong_expectation_is_a_config_error(key: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        intent_of({}, **{key: text})


def test_every_expectation_can_be_given() -> None:
    for key in EXPECT_KEYS:
        text = "cosine" if key == "scheduler" else "1"
        assert intent_of({}, **{key: text}).sources


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20) | st.sampled_from(EXPECT_KEYS),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    )
)
def test_any_settings_are_read(settings: dict[str, Scalar]) -> None:
    intent = read_intent(a_run().hparams(**settings).build())
    assert intent.total_steps is None or intent.total_steps > 0
