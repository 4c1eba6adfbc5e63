"""A training before it starts: its steps, the schedule that fits them, where the peak will be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lrdoctor.errors import ConfigError
from lrdoctor.horizon import Counts, Explanation, Plan, explain_ratio, plan
from lrdoctor.intent import read_intent
from lrdoctor.key_points import lr_at, peak_of
from lrdoctor.plugins import discover
from lrdoctor.protocols import NamedSchedule
from lrdoctor.schedules._build import from_parameters
from lrdoctor.schedules._canonical import names_of
from lrdoctor.schedules._parse import parse_call
from lrdoctor.types import Intent, Run, Scalar, _Value

USUAL_WARMUP = 0.1
# Horizon parameter of each family, and whether a warm-up before it is part of that horizon.
_HORIZON = {
    "onecycle": ("total_steps", True),
    "cosine": ("T_max", False),
    "cosine_restarts": ("T_0", False),
    "linear": ("total_steps", False),
    "polynomial": ("total_steps", False),
}
_NEEDED = {
    "dataset_size": "the number of training samples: --dataset",
    "batch_size": "the batch size of one device: --batch",
    "epochs": "the number of epochs: --epochs",
}
# Errors of an observed peak: anywhere in a whole epoch, or as exact as its decimals.
_HALF_EPOCH, _HALF_DECIMAL, _LEAST = 0.5, 0.05, 0.01


@dataclass(frozen=True, slots=True)
class Planned(_Value):
    """One way of rounding: counts and, where one was asked for, the schedule that fits them.

    ``peak`` is the step of the largest LR; LRs are shares of the peak where none was given.
    """

    counts: Counts
    named: NamedSchedule | None
    peak: int | None
    first_lr: float | None
    top_lr: float | None
    last_lr: float | None

    @property
    def peak_epoch(self) -> float | None:
        """Epochs done when the step of the peak ends."""
        return None if self.peak is None else (self.peak + 1) / self.counts.steps_per_epoch


@dataclass(frozen=True, slots=True)
class TrainingPlan(_Value):
    """A training with the last incomplete batch dropped and kept; ``relative`` without an LR."""

    intent: Intent
    drop_last: Planned
    keep_last: Planned
    relative: bool


def make_plan(
    flags: Mapping[str, str], site: Mapping[str, str], schedule: str | None = None
) -> TrainingPlan:
    """The plan for the numbers in ``flags``, else in ``site``, else defaults (one device, no
    accumulation).

    Both map expectation keys (``lrdoctor.intent.EXPECT_KEYS``) to texts; ``schedule`` is a name or
    an expression without its horizon. Raises ``ConfigError`` for what is missing or wrong.
    """
    intent = _intent({**_without_rivals(site, flags), **flags})
    for field, what in _NEEDED.items():
        if getattr(intent, field) is None:
            raise ConfigError(f"plan needs {what}, or {field} under [expect] in lrdoctor.toml")
    name, given = parse_call(schedule) if schedule else (intent.scheduler, {})
    arguments: dict[str, Any] = {**intent.arguments, **given, **_intent(flags).arguments}
    counts = _count(intent)
    values = {} if name is None else _values(name, arguments, intent)
    made = [_planned(c, name, values, intent) for c in (counts.drop_last, counts.keep_last)]
    known = replace(intent, scheduler=name, arguments=arguments)
    return TrainingPlan(known, made[0], made[1], bool(values) and _top(name) not in values)


def explain_peak(planned: Planned, intent: Intent, observed: str) -> tuple[Explanation, ...] | None:
    """Why the peak was seen in epoch ``observed`` ("13": anywhere in it; "13.4": there).

    None where that is where it was planned. Raises ``ConfigError`` without a planned peak and for
    what is not a number.
    """
    expected = planned.peak_epoch
    if expected is None:
        raise ConfigError("an observed peak needs a planned one: give --schedule")
    seen, error = _observed(observed)
    if abs(seen - expected) <= max(error, _LEAST * expected):
        return None
    known = replace(intent, total_steps=planned.counts.total_steps)
    tolerance = max(error / seen, _LEAST)
    return explain_ratio(seen, expected, known, peak=True, tolerance=tolerance)


def _observed(text: str) -> tuple[float, float]:
    """Middle and half width of the stretch that an observed epoch names."""
    try:
        value = float(text)
    except ValueError:
        raise ConfigError(f"the observed peak must be an epoch, got {text!r}") from None
    if not 0 <= value < 1e9:
        raise ConfigError(f"the observed peak must be an epoch, got {text!r}")
    if "." in text:
        return max(value, _HALF_DECIMAL), _HALF_DECIMAL
    return value + _HALF_EPOCH, _HALF_EPOCH


def _intent(expect: Mapping[str, str]) -> Intent:
    return read_intent(Run("plan", (), "plan", "step", {}), expect)


def _without_rivals(site: Mapping[str, str], flags: Mapping[str, str]) -> dict[str, str]:
    """The site's numbers without those that a flag states in another way."""
    rivals = {"lr": ("max_lr",), "warmup_steps": ("warmup_ratio", "warmup_epochs")}
    rivals["warmup_ratio"] = ("warmup_steps", "warmup_epochs")
    beaten = {rival for flag in flags for rival in rivals.get(flag, ())}
    return {k: v for k, v in site.items() if k not in beaten}


def _count(intent: Intent) -> Plan:
    assert intent.dataset_size and intent.batch_size and intent.epochs
    counts = plan(
        intent.dataset_size,
        intent.batch_size,
        accumulation=intent.accumulation or 1,
        devices=intent.devices or 1,
        epochs=intent.epochs,
    )
    if not counts.drop_last.steps_per_epoch:
        raise ConfigError(
            f"{intent.dataset_size:,} samples are fewer than one optimizer step takes "
            f"({intent.batch_size:,} per batch, {intent.accumulation or 1} batches, "
            f"{intent.devices or 1} devices)"
        )
    return counts


def _top(name: str | None) -> str:
    return "max_lr" if name in ("onecycle", "cyclic") else "lr"


def _values(name: str, arguments: Mapping[str, Any], intent: Intent) -> dict[str, Any]:
    """The schedule's parameters as far as they are known; a configured LR is the largest one."""
    valid = names_of(discover("schedules")[name])
    values = {k: v for k, v in arguments.items() if k in valid}
    top = _top(name)
    lr = next((arguments[k] for k in ("max_lr", "lr") if k in arguments), intent.lr)
    if top not in values and lr is not None:
        values[top] = lr
    return values


def _planned(
    counts: Counts, name: str | None, values: Mapping[str, Any], intent: Intent
) -> Planned:
    if name is None:
        return Planned(counts, None, None, None, None, None)
    total = counts.total_steps
    complete = {_top(name): 1.0, **values}
    if "warmup" not in complete and name != "onecycle":
        complete["warmup"] = _warmup(intent.arguments, counts)
    horizon, whole = _HORIZON.get(name, ("", True))
    if horizon and horizon not in complete:
        complete[horizon] = total if whole else total - float(complete.get("warmup", 0))
    named = from_parameters(name, complete)
    peak = peak_of(named, total)
    first, top, last = lr_at(named, [0, peak, total - 1]).tolist()
    return Planned(counts, named, peak, first, top, last)


def _warmup(arguments: Mapping[str, Scalar], counts: Counts) -> int:
    """The configured warm-up in optimizer steps; 0 where there is none."""
    for key, unit in (
        ("warmup_steps", 1),
        ("warmup_ratio", counts.total_steps),
        ("warmup_epochs", counts.steps_per_epoch),
    ):
        value = arguments.get(key)
        if isinstance(value, int | float):
            return round(value * unit)
    return 0
