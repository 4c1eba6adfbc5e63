"""The names under which frameworks and scripts store what was meant, and how to read the values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from lrdoctor.types import Scalar

# Intent field -> names of settings, most trusted first. Compared with the last part of a key,
# lower case, "-" as "_".
FIELD_NAMES: Mapping[str, tuple[str, ...]] = {
    "lr": (
        "learning_rate", "lr", "lr0", "base_lr", "peak_lr", "init_lr", "initial_lr", "max_lr",
        "max_learning_rate",
    ),
    "epochs": (
        "max_epochs", "num_train_epochs", "num_epochs", "n_epochs", "total_epochs", "epochs",
        "nb_epochs", "train_epochs", "training_epochs", "max_epoch",
    ),
    "total_steps": (
        "max_steps", "total_steps", "num_training_steps", "total_training_steps", "max_iters",
        "max_iter", "total_iters", "train_steps", "training_steps", "num_steps", "num_train_steps",
        "max_train_steps", "n_iters", "iterations", "total_timesteps",
    ),
    "batches_per_epoch": (
        "batches_per_epoch", "steps_per_epoch", "iters_per_epoch", "num_batches_per_epoch",
        "num_train_batches", "num_iterations_per_epoch", "num_batches", "len_train_loader",
    ),
    "batch_size": (
        "per_device_train_batch_size", "per_gpu_train_batch_size", "train_batch_size",
        "micro_batch_size", "batch_size_per_gpu", "samples_per_gpu", "batch_size", "batch",
    ),
    "accumulation": (
        "gradient_accumulation_steps", "accumulate_grad_batches", "gradient_accumulation",
        "grad_accumulation_steps", "grad_accum_steps", "accumulation_steps", "accum_iter",
        "grad_accum", "accumulation", "accumulate_steps", "update_freq",
    ),
    "devices": (
        "world_size", "num_devices", "devices", "num_gpus", "n_gpus", "n_gpu", "ngpus",
        "num_processes", "nproc_per_node", "gpus",
    ),
    "dataset_size": (
        "dataset_size", "num_train_samples", "num_train_examples", "n_train_samples",
        "train_samples", "train_dataset_size", "train_size", "n_train", "num_samples",
    ),
    "unfreeze_epoch": (
        "unfreeze_epoch", "unfreeze_at_epoch", "unfreeze_backbone_at_epoch",
        "backbone_unfreeze_epoch", "freeze_epochs", "frozen_epochs", "num_freeze_epochs",
        "freeze_backbone_epochs", "phase1_epochs", "stage1_epochs", "head_epochs",
    ),
    "unfreeze_step": (
        "unfreeze_step", "unfreeze_at_step", "freeze_steps", "num_freeze_steps",
        "freeze_backbone_steps",
    ),
}  # fmt: skip
WHOLE_NUMBERS = frozenset({
    "total_steps", "batches_per_epoch", "batch_size", "accumulation", "devices", "dataset_size",
    "unfreeze_step",
})  # fmt: skip

SCHEDULER_NAMES = (
    "lr_scheduler_type", "lr_scheduler", "scheduler", "sched", "lr_schedule", "scheduler_type",
    "scheduler_name", "lr_policy", "lr_sched", "lr_scheduler_name", "schedule",
)  # fmt: skip
_CLASS_NAMES = frozenset({"type", "name", "class_path", "_target_", "class", "kind"})

# Canonical argument -> names. These are unmistakable anywhere in a configuration.
ARGUMENT_NAMES: Mapping[str, tuple[str, ...]] = {
    "pct_start": ("pct_start",),
    "T_max": ("t_max",),
    "T_0": ("t_0",),
    "T_mult": ("t_mult",),
    "eta_min": ("eta_min",),
    "gamma": ("gamma", "lr_gamma"),
    "step_size": ("step_size", "lr_step_size", "lr_drop"),
    "milestones": ("milestones", "lr_milestones", "lr_steps"),
    "max_lr": ("max_lr", "max_learning_rate", "lr_max"),
    "min_lr": ("min_lr", "min_learning_rate", "lr_min"),
    "end_lr": ("end_lr", "lr_end"),
    "div_factor": ("div_factor",),
    "final_div_factor": ("final_div_factor", "final_div"),
    "anneal_strategy": ("anneal_strategy",),
    "warmup_steps": (
        "warmup_steps", "num_warmup_steps", "warmup_iters", "lr_warmup_steps", "n_warmup_steps",
        "warmup_iterations",
    ),
    "warmup_epochs": ("warmup_epochs", "lr_warmup_epochs", "num_warmup_epochs"),
    "warmup_ratio": ("warmup_ratio", "warmup_proportion", "warmup_fraction", "warmup_frac"),
    "warmup_start_lr": ("warmup_start_lr", "warmup_init_lr", "warmup_lr", "warmup_lr_init"),
    "lrf": ("lrf",),
    "lr_decay_iters": ("lr_decay_iters", "lr_decay_steps"),
    "decay_steps": (
        "warmdown_iters", "warmdown_steps", "cooldown_iters", "cooldown_steps", "num_decay_steps",
    ),
    "decay_epochs": ("decay_epochs",),
    "decay_rate": ("decay_rate",),
    "head_lr": ("head_lr", "lr_head"),
    "backbone_lr": ("backbone_lr", "lr_backbone"),
}  # fmt: skip
# These mean other things elsewhere (patience of early stopping, gamma of a focal loss), so they
# count only under a scheduler's own table or with a prefix that says scheduler.
SCHEDULER_ARGUMENT_NAMES: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in (
        "patience", "factor", "threshold", "threshold_mode", "cooldown", "mode", "power",
        "total_steps", "epochs", "steps_per_epoch", "base_lr", "step_size_up", "step_size_down",
        "total_iters", "start_factor", "end_factor", "num_cycles", "three_phase", "last_epoch",
        "interval", "monitor",
    )},
    "total_steps": ("total_steps", "num_training_steps", "max_iters"),
    "min_lr": ("min_lr", "min_lr_rate"),
}  # fmt: skip
_PREFIX = re.compile(r"^(lr_scheduler|scheduler|sched|plateau|onecycle|lr)_(?=.)")
_SCHEDULER_TABLE = re.compile(r"sched|lr_config|onecycle|plateau")
_ELSEWHERE = re.compile(r"^(val|valid|test|eval|early_stopping|discriminator|ema)")

# Canonical schedule -> what its names have in common, letters and digits only; first match wins.
_SCHEDULES = (
    ("onecycle", r"onecycle|1cycle"),
    ("cosine_restarts", r"restart|sgdr"),
    ("reduce_on_plateau", r"plateau"),
    ("wsd", r"warmupstabledecay|wsd|trapez"),
    ("inverse_sqrt", r"inversesqrt|inversesquareroot|rsqrt|noam"),
    ("cosine", r"cosine|^cos"),
    ("multistep", r"multistep|piecewise"),
    ("exponential", r"exponential|^exp"),
    ("polynomial", r"poly"),
    ("cyclic", r"cyclic|triangular"),
    ("step", r"^step|steplr|stepdecay"),
    ("linear", r"linear"),
    ("constant", r"constant|^fixed|^none$|^flat"),
)


def parts(key: str) -> tuple[str, ...]:
    """The parts of a nested key, lower case: ``"scheduler.T_max"`` is scheduler, t_max."""
    return tuple(p for p in re.split(r"[./]", key.lower().replace("-", "_")) if p)


def last_part(key: str) -> str:
    """The setting's own name: ``"scheduler.T_max"`` is t_max."""
    return parts(key)[-1] if parts(key) else ""


def of_scheduler(key: str) -> bool:
    """Whether a key stands in the table of a scheduler."""
    return any(_SCHEDULER_TABLE.search(part) for part in parts(key)[:-1])


def of_other_phase(key: str) -> bool:
    """Whether a key belongs to validation, testing, early stopping or another model."""
    return any(_ELSEWHERE.match(part) for part in parts(key)[:-1])


def names_schedule(key: str) -> bool:
    """Whether the value of this key names a scheduler."""
    last = last_part(key)
    return last in SCHEDULER_NAMES or (last in _CLASS_NAMES and of_scheduler(key))


def canonical_schedule(value: Scalar) -> str | None:
    """Our name of the schedule a framework calls ``value``; None if we know none like it.

    >>> canonical_schedule("torch.optim.lr_scheduler.CosineAnnealingLR")
    'cosine'
    """
    if not isinstance(value, str):
        return None
    plain = re.sub(r"[^a-z0-9]", "", value.rsplit(".", 1)[-1].lower())
    return next((name for name, pattern in _SCHEDULES if re.search(pattern, plain)), None)


def canonical_argument(key: str) -> str | None:
    """The canonical scheduler argument a key stands for, or None."""
    last = last_part(key)
    for name, names in ARGUMENT_NAMES.items():
        if last in names:
            return name
    bare = _PREFIX.sub("", last)
    if not of_scheduler(key) and bare == last:
        return None
    return next((n for n, names in SCHEDULER_ARGUMENT_NAMES.items() if bare in names), None)


def number(value: object) -> float | None:
    """A finite number, also from text (YAML reads ``1e-3`` as text); None for anything else."""
    if isinstance(value, str):
        try:
            value = float(value.strip().replace("_", ""))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a whole number of more than 308 digits
        return None


def count_of(value: object) -> float | None:
    """A number, or the length of a list in text: ``"[0, 1]"`` and ``"0,1"`` are two devices."""
    plain = number(value)
    if plain is None and isinstance(value, str) and re.fullmatch(r"[\[(]?[\d\s,]+[\])]?", value):
        return float(len(re.findall(r"\d+", value)))
    return plain


def literal(value: Scalar) -> Scalar:
    """The value as a number where it is one, whole numbers as int; else unchanged."""
    found = number(value)
    if found is None:
        return value
    return int(found) if found.is_integer() and abs(found) < 2**53 else found
