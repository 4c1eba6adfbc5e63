"""Scheduler constructors and diffs in PyTorch's words."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from lrdoctor.protocols import NamedSchedule

# Canonical schedule -> torch class, and canonical parameter -> keyword.
_CLASSES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "step": ("StepLR", {"step_size": "step_size", "gamma": "gamma"}),
    "multistep": ("MultiStepLR", {"milestones": "milestones", "gamma": "gamma"}),
    "exponential": ("ExponentialLR", {"gamma": "gamma"}),
    "cosine": ("CosineAnnealingLR", {"T_max": "T_max", "eta_min": "eta_min"}),
    "cosine_restarts": (
        "CosineAnnealingWarmRestarts",
        {"T_0": "T_0", "T_mult": "T_mult", "eta_min": "eta_min"},
    ),
    "polynomial": ("PolynomialLR", {"total_steps": "total_iters", "power": "power"}),
    "onecycle": (
        "OneCycleLR",
        {
            "max_lr": "max_lr",
            "total_steps": "total_steps",
            "pct_start": "pct_start",
            "div_factor": "div_factor",
            "final_div_factor": "final_div_factor",
        },
    ),
    "reduce_on_plateau": ("ReduceLROnPlateau", {"factor": "factor", "min_lr": "min_lr"}),
}


def constructor(named: NamedSchedule | None) -> str:
    """``scheduler = CosineAnnealingLR(optimizer, T_max=900, eta_min=0)``.

    A schedule without a torch class of its own is written as the canonical call in a comment.
    """
    if named is None:
        return "scheduler = ...  # the schedule of this log"
    values = named.parameters()
    if named.name == "constant" and "warmup" not in values:
        return f"# no scheduler: the LR stays at {shown(values['lr'])}"
    if named.name == "linear":
        top, end = values["lr"], values["end_lr"]
        share = end / top if isinstance(top, float) and isinstance(end, float) and top else 0.0
        steps = {"start_factor": 1.0, "end_factor": share, "total_iters": values["total_steps"]}
        return f"scheduler = {call('LinearLR', **steps)}"
    if named.name not in _CLASSES:
        arguments = ", ".join(f"{k}={shown(v)}" for k, v in values.items())
        return f"scheduler = ...  # {named.name}({arguments})"
    cls, names = _CLASSES[named.name]
    return f"scheduler = {call(cls, **{names[k]: v for k, v in values.items() if k in names})}"


def call(cls: str, **arguments: object) -> str:
    """A scheduler's constructor on ``optimizer``."""
    return f"{cls}({', '.join(['optimizer', *(f'{k}={shown(v)}' for k, v in arguments.items())])})"


def plain(name: str) -> str:
    """A name out of a log on one line."""
    return "".join(c if c.isprintable() else "?" for c in name)


def shown(value: object) -> str:
    """A Python literal with at most six digits."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def unified(before: Sequence[str], after: Sequence[str]) -> str:
    """A unified diff of two pieces of a training script; empty where they are the same."""
    lines = difflib.unified_diff(before, after, "train.py", "train.py", lineterm="", n=5)
    return "\n".join(lines)
