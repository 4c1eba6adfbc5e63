"""What the configuration says was meant, from hyper-parameters of any framework and the user."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrdoctor.errors import ConfigError, did_you_mean
from lrdoctor.intent_names import (
    ARGUMENT_NAMES,
    FIELD_NAMES,
    SCHEDULER_ARGUMENT_NAMES,
    WHOLE_NUMBERS,
    canonical_argument,
    canonical_schedule,
    count_of,
    last_part,
    literal,
    names_schedule,
    number,
    of_other_phase,
    of_scheduler,
    parts,
)
from lrdoctor.types import Intent, Run, Scalar

_SYNONYMS = {"steps_per_epoch": "batches_per_epoch"}
_ARGUMENTS = tuple(dict.fromkeys((*ARGUMENT_NAMES, *SCHEDULER_ARGUMENT_NAMES)))
EXPECT_KEYS = tuple(dict.fromkeys(("scheduler", *FIELD_NAMES, *_SYNONYMS, *_ARGUMENTS)))
_PLATEAU_ARGUMENTS = frozenset({"patience", "factor", "threshold", "threshold_mode", "mode"})
# Settings of one field that disagree are worth a word, except LRs: several of them are the rule.
_COMPARED = frozenset({*FIELD_NAMES} - {"lr", "batch_size"})
_LOGGED_LENGTHS = ("total_steps", "max_steps", "total_epochs", "max_epochs")


@dataclass(frozen=True, slots=True)
class _Setting:
    key: str
    value: Scalar
    source: str

    def __str__(self) -> str:
        return f"{self.source}: {self.key}"


_WORDS = frozenset(
    {"anneal_strategy", "interval", "mode", "monitor", "three_phase", "threshold_mode"}
)
_LARGEST = 1e15  # of any length, size or rate; beyond, whole numbers are not exact
_SHARES = frozenset({"pct_start", "warmup_ratio"})


def read_intent(run: Run, expect: Mapping[str, str] | None = None) -> Intent:
    """What was meant, from the run's hyper-parameters, overridden by ``expect``.

    ``expect`` maps ``EXPECT_KEYS`` to texts. Raises ``ConfigError`` for an unknown key or a value
    that is not a number where one is needed. ``Intent.sources`` says where each field was read,
    which other setting contradicts it, and how it was computed where it is derived.
    """
    settings = tuple(_settings(run))
    known: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name in FIELD_NAMES:
        _read_field(name, settings, known, sources)
    arguments = _read_schedule(settings, known, sources)
    _apply_expect(expect or {}, known, arguments, sources)
    _derive(known, arguments, sources)
    return Intent(**known, arguments=arguments, sources=sources)


def _settings(run: Run) -> Iterator[_Setting]:
    """Hyper-parameters, lists flattened by position joined again ("[30, 60]"), and constants that
    a trainer logs with every row (``total_steps``)."""
    lists: dict[str, list[Scalar]] = {}
    for key, value in run.hparams.items():
        source = run.hparam_sources.get(key, "hyper-parameters").rsplit("/", 1)[-1]
        name, dot, index = key.rpartition(".")
        if dot and index.isdigit():
            lists.setdefault(f"{source}: {name}", []).append(value)
        yield _Setting(key, value, source)
    for place, values in lists.items():
        source, name = place.split(": ", 1)
        yield _Setting(name, str(values), source)
    for tag, series in run.series.items():
        finite = series.finite().value
        if last_part(tag) in _LOGGED_LENGTHS and len(finite) > 1 and np.ptp(finite) == 0:
            yield _Setting(tag, float(finite[0]), "logged series")


def _read_field(
    name: str, settings: tuple[_Setting, ...], known: dict[str, Any], sources: dict[str, str]
) -> None:
    """Sets one field from the most trusted setting, and says which others disagree."""
    names = FIELD_NAMES[name]
    found = [
        (names.index(last_part(s.key)), len(parts(s.key)), s, value)
        for s in settings
        if last_part(s.key) in names
        if not of_scheduler(s.key) and not of_other_phase(s.key)
        if (value := _field_value(name, s.value)) is not None
    ]
    if not found:
        return
    found.sort(key=lambda entry: entry[:2])
    *_, best, value = found[0]
    others = dict.fromkeys(f"{s} says {v:g}" for *_, s, v in found[1:] if v != value)
    known[name] = value
    contradiction = "; but " + ", ".join(others) if others and name in _COMPARED else ""
    sources[name] = f"{best}{contradiction}"


def _field_value(name: str, raw: Scalar) -> float | int | None:
    """The value where it makes sense: -1 and 0 stand for "no limit" or "off", and so do numbers
    beyond ``_LARGEST``."""
    value = count_of(raw) if name == "devices" else number(raw)
    if value is None or not 0 < value <= _LARGEST:
        return None
    if name in WHOLE_NUMBERS:
        return int(value) if value.is_integer() else None
    return value


def _read_schedule(
    settings: tuple[_Setting, ...], known: dict[str, Any], sources: dict[str, str]
) -> dict[str, Scalar]:
    """Sets the scheduler's name; returns its arguments under canonical names."""
    named = [(s, canonical_schedule(s.value)) for s in settings if names_schedule(s.key)]
    named = [(s, name) for s, name in named if name is not None]
    # A list of schedulers starts with a warm-up, which is a linear or constant one.
    main = [pair for pair in named if pair[1] not in ("linear", "constant")] or named
    if main:
        known["scheduler"], sources["scheduler"] = main[0][1], str(main[0][0])
    arguments: dict[str, Scalar] = {}
    for setting in settings:
        name = canonical_argument(setting.key)
        if name and setting.value is not None and name not in arguments:
            if of_other_phase(setting.key):
                continue
            arguments[name], sources[name] = literal(setting.value), str(setting)
    _read_framework(settings, known, arguments, sources)
    return arguments


def _read_framework(
    settings: tuple[_Setting, ...],
    known: dict[str, Any],
    arguments: dict[str, Scalar],
    sources: dict[str, str],
) -> None:
    """What ultralytics and nanoGPT say by switches, and bare arguments of a plateau scheduler."""
    by_name = {last_part(s.key): s for s in settings}
    if "lrf" in arguments and "scheduler" not in known:
        cos_lr = by_name.get("cos_lr")
        if cos_lr is not None:
            known["scheduler"] = "cosine" if cos_lr.value in (True, "True", "true") else "linear"
            sources["scheduler"] = str(cos_lr)
        if str(getattr(by_name.get("optimizer"), "value", "")).lower() == "auto":
            # ultralytics then picks its own LR and ignores lr0.
            known.pop("lr", None)
            sources.pop("lr", None)
    decay_lr = by_name.get("decay_lr")
    if decay_lr is not None and "lr_decay_iters" in arguments and "scheduler" not in known:
        known["scheduler"] = "cosine" if decay_lr.value in (True, "True") else "constant"
        sources["scheduler"] = str(decay_lr)
    if known.get("scheduler") == "reduce_on_plateau":
        for name in _PLATEAU_ARGUMENTS & by_name.keys() - arguments.keys():
            arguments[name], sources[name] = literal(by_name[name].value), str(by_name[name])


def _apply_expect(
    expect: Mapping[str, str],
    known: dict[str, Any],
    arguments: dict[str, Scalar],
    sources: dict[str, str],
) -> None:
    for key, text in expect.items():
        if key not in EXPECT_KEYS:
            hint = did_you_mean(key, EXPECT_KEYS)
            raise ConfigError(f"unknown expectation {key!r}{hint}; valid: {', '.join(EXPECT_KEYS)}")
        name = _SYNONYMS.get(key, key)
        if name == "scheduler":
            known[name] = _expected_schedule(text)
        elif name in FIELD_NAMES:
            known[name] = _expected_number(name, key, text)
        else:
            arguments[name] = _expected_argument(name, key, text)
        sources[name] = f"expected {key}={text}"
    if "epochs" in expect and "total_steps" not in expect:
        # The user's epochs outrank a number of steps from the configuration.
        known.pop("total_steps", None)
        sources.pop("total_steps", None)


def _expected_schedule(text: str) -> str:
    name = canonical_schedule(text)
    if name is None:
        raise ConfigError(f"expected scheduler={text}: not a schedule known here, such as onecycle")
    return name


def _expected_number(name: str, key: str, text: str) -> float | int:
    value = _field_value(name, text)
    if value is None:
        kind = "a whole number above 0" if name in WHOLE_NUMBERS else "a number above 0"
        raise ConfigError(f"expected {key}={text}: {key} must be {kind}")
    return value


def _expected_argument(name: str, key: str, text: str) -> Scalar:
    """A scheduler's argument: a number, several of them with commas, or one of few words."""
    if name in _WORDS:
        return literal(text)
    values = [number(part) for part in text.strip("[]() ").split(",")]
    if name in _SHARES and not all(v is not None and 0 <= v <= 1 for v in values):
        raise ConfigError(f"expected {key}={text}: {key} must be a share from 0 to 1")
    if None in values:
        raise ConfigError(f"expected {key}={text}: {key} must be a number")
    return literal(text)


def _derive(known: dict[str, Any], arguments: dict[str, Scalar], sources: dict[str, str]) -> None:
    """Completes what follows from the rest, only where every factor is known."""
    size, batch, devices = (known.get(k) for k in ("dataset_size", "batch_size", "devices"))
    if "batches_per_epoch" not in known and size and batch and devices:
        known["batches_per_epoch"] = math.ceil(math.ceil(size / devices) / batch)
        sources["batches_per_epoch"] = "dataset_size / devices / batch_size, rounded up"
    epochs, batches = known.get("epochs"), known.get("batches_per_epoch")
    accumulation = known.get("accumulation")
    if epochs and batches and accumulation:
        total = round(epochs * math.ceil(batches / accumulation))
        if "total_steps" not in known:
            known["total_steps"] = total
            sources["total_steps"] = "epochs x batches_per_epoch / accumulation, rounded up"
        elif known["total_steps"] != total:
            sources["total_steps"] += f"; but epochs x batches_per_epoch / accumulation is {total}"
    rate, lrf = known.get("lr"), number(arguments.get("lrf"))
    if rate and lrf is not None and "end_lr" not in arguments:
        arguments["end_lr"] = rate * lrf
        sources["end_lr"] = "lr0 x lrf"
