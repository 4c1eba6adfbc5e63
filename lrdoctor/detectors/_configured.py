"""The schedule that a configuration writes down, in the steps its own scheduler counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrdoctor.detectors._context import real
from lrdoctor.errors import ConfigError
from lrdoctor.protocols import NamedSchedule
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import Case, Intent, Scalar

# Arguments that tell a family where no scheduler is named.
_TELLING = (("milestones", "multistep"), ("step_size", "step"), ("T_max", "cosine"))
# The default of StepLR and MultiStepLR.
_TORCH_GAMMA = 0.1
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SWITCHES = frozenset({
    "use_scheduler", "use_lr_scheduler", "lr_scheduler_enabled", "scheduler_enabled",
    "enable_scheduler", "scheduler.enabled", "lr_scheduler.enabled", "decay_lr",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Configured:
    """A schedule as configured; its time counts scheduler steps, batches or epochs alike.

    ``number`` is the configured length that decides which (T_max, step_size, the first milestone)
    under ``label``; ``given`` is False where it was taken from the number of epochs. An exponential
    has none.
    """

    named: NamedSchedule
    label: str
    number: float | None
    given: bool


def configured(intent: Intent, lr: float, length: float | None) -> Configured | None:
    """The configured schedule from ``lr`` on; ``length`` where it names no length of its own.

    None where no family with a form of its own is named or a number is missing.
    """
    name = family(intent)
    made = None if name is None else _arguments(name, intent.arguments, lr, length)
    if name is None or made is None:
        return None
    values, label, given = made
    try:
        named = from_parameters(name, {"lr": lr, **values})
    except ConfigError:
        return None
    number = values.get(label)
    first = number[0] if isinstance(number, list) else number
    return Configured(named, label, real(first), given)


def family(intent: Intent) -> str | None:
    """The configured schedule's name, else the one that its arguments tell."""
    if intent.scheduler is not None:
        return intent.scheduler
    return next((n for key, n in _TELLING if key in intent.arguments), None)


def switched_off(case: Case) -> bool:
    """Whether a setting says that the scheduler is not used."""
    return any(
        key.lower() in _SWITCHES and str(value).lower() in ("false", "0", "none", "off", "no")
        for key, value in case.run.hparams.items()
    )


def milestones_of(value: object) -> list[float]:
    """Milestones from one number or text such as "[30, 60]", ascending."""
    return sorted({float(number) for number in _NUMBER.findall(str(value))})


def _arguments(
    name: str, given: Mapping[str, Scalar], lr: float, length: float | None
) -> tuple[dict[str, Any], str, bool] | None:
    """Canonical parameters, which of them is the length, and whether it was given."""
    gamma = real(given.get("gamma"))
    drop = _TORCH_GAMMA if gamma is None else gamma
    if name == "step":
        size = real(given.get("step_size"))
        return ({"step_size": size, "gamma": drop}, "step_size", True) if size else None
    if name == "multistep":
        stones = milestones_of(given.get("milestones"))
        return ({"milestones": stones, "gamma": drop}, "milestones", True) if stones else None
    if name == "exponential":
        return ({"gamma": gamma}, "gamma", True) if gamma and 0 < gamma < 1 else None
    if name in ("linear", "polynomial", "cosine"):
        return _decay(name, given, lr, length)
    return None


def _decay(
    name: str, given: Mapping[str, Scalar], lr: float, length: float | None
) -> tuple[dict[str, Any], str, bool] | None:
    label = "T_max" if name == "cosine" else "total_steps"
    keys = (label,) if name == "cosine" else ("total_steps", "total_iters", "decay_steps")
    own = next((v for k in keys if (v := real(given.get(k)))), None)
    span = own or length
    if not span or not np.isfinite(span):
        return None
    floors = (real(given.get(k)) for k in ("eta_min", "end_lr", "min_lr"))
    floor = next((f for f in floors if f is not None), 0.0)
    factor = real(given.get("end_factor"))
    if name == "linear" and factor is not None and 0 <= factor < 1:
        floor = factor * lr
    values: dict[str, Any] = {label: span, "eta_min" if name == "cosine" else "end_lr": floor}
    if name == "polynomial":
        power = real(given.get("power"))
        values["power"] = 1.0 if power is None else power
    return values, label, own is not None
