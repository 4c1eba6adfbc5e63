"""The canonical parameter names of the JSON report, to and from the fields of a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from lrdoctor.errors import ConfigError
from lrdoctor.schedules._warmup import Warmup
from lrdoctor.types import Scalar

Parameters = Mapping[str, Scalar | tuple[float, ...]]

# A field cannot be called ``lr`` beside the method of that name.
_FIELD_OF = {"lr": "peak_lr"}
_NAME_OF = {field: name for name, field in _FIELD_OF.items()}
_WARMUP_FIELDS = {
    "warmup": "length",
    "warmup_start_lr": "start_lr",
    "warmup_shape": "shape",
    "warmup_overlap": "overlap",
    "warmup_echo": "echo",
}
_ONLY_WHERE_SET = ("warmup_overlap", "warmup_echo")
# Positions and lengths on the x axis, shown as integers where they are whole.
_POSITIONS = frozenset(
    {"T_max", "T_0", "T_mult", "total_steps", "step_size", "milestones", "timescale"}
    | {"decay_start", "decay_steps", "reductions", "step_size_up", "step_size_down"}
    | {"warmup", "interval"}
)


def optional() -> dict[str, bool]:
    """Metadata of a field that the canonical parameters mention only when it is not its default."""
    return {"optional": True}


def parameters_of(schedule: Any) -> dict[str, Scalar | tuple[float, ...]]:
    """Canonical parameters of a schedule dataclass, warm-up last."""
    result: dict[str, Scalar | tuple[float, ...]] = {}
    for item in fields(schedule):
        value = getattr(schedule, item.name)
        if item.name == "warmup" or (item.metadata.get("optional") and value == item.default):
            continue
        name = _NAME_OF.get(item.name, item.name)
        result[name] = _shown(name, value)
    if schedule.warmup is not None:
        for name, attribute in _WARMUP_FIELDS.items():
            value = getattr(schedule.warmup, attribute)
            if value or name not in _ONLY_WHERE_SET:
                result[name] = _shown(name, value)
    return result


def names_of(cls: type[Any]) -> tuple[str, ...]:
    """The canonical parameters that a schedule class takes, those of its warm-up last."""
    own = (_NAME_OF.get(f.name, f.name) for f in fields(cls) if f.name != "warmup")
    return (*own, *_WARMUP_FIELDS)


def fields_from(cls: type[Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor arguments of ``cls`` from canonical parameters.

    Raises ``ConfigError`` for an unknown or missing name (it lists the valid ones) and for a value
    of the wrong kind.
    """
    valid = {_NAME_OF.get(f.name, f.name): f for f in fields(cls) if f.name != "warmup"}
    known = names_of(cls)
    for name in parameters:
        if name not in known:
            raise ConfigError(f"{cls.name} has no parameter {name!r}; valid: {', '.join(known)}")
    required = [n for n, f in valid.items() if f.default is MISSING]
    missing = [name for name in required if name not in parameters]
    if missing:
        raise ConfigError(f"{cls.name} needs {', '.join(missing)}; valid: {', '.join(known)}")
    own = {
        _FIELD_OF.get(name, name): _value(name, parameters[name], str(item.type))
        for name, item in valid.items()
        if name in parameters
    }
    return {**own, "warmup": _warmup(parameters)}


def _warmup(parameters: Mapping[str, Any]) -> Warmup | None:
    given = {a: parameters[n] for n, a in _WARMUP_FIELDS.items() if n in parameters}
    length = given.get("length")
    if length is None or _value("warmup", length) == 0:
        return None
    return Warmup(
        _value("warmup", length),
        _value("warmup_start_lr", given.get("start_lr", 0.0)),
        str(given.get("shape", "linear")),
        bool(given.get("overlap", False)),
        bool(given.get("echo", False)),
    )


def _value(name: str, value: Any, kind: str = "float") -> Any:
    """The value as a field of this kind holds it: numbers as floats, lists as tuples of them."""
    if kind == "bool" and not isinstance(value, bool):
        raise ConfigError(f"{name} must be true or false, got {value!r}")
    if kind in ("str", "bool"):
        return value
    try:
        if kind.startswith("tuple"):
            return tuple(float(item) for item in value)
        return float(value)
    except (TypeError, ValueError, OverflowError):
        wanted = "a list of numbers" if kind.startswith("tuple") else "a number"
        raise ConfigError(f"{name} must be {wanted}, got {value!r}") from None


def _shown(name: str, value: Any) -> Any:
    if name not in _POSITIONS:
        return value
    if isinstance(value, tuple):
        return tuple(_shown(name, item) for item in value)
    return int(value) if float(value).is_integer() else value
