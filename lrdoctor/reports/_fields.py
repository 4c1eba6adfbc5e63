"""Typed access to parsed JSON: a wrong or missing field is named with its whole path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from lrdoctor.errors import ConfigError
from lrdoctor.types import Scalar

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
_SPECIAL = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object at ``path`` ("runs[2].steps"). Every method raises ``ConfigError``."""

    values: dict[str, Any]
    path: str = ""

    def place(self, key: str) -> str:
        """The path of a field."""
        return f"{self.path}.{key}" if self.path else key

    def wrong(self, key: str, wanted: str) -> NoReturn:
        """Raises for a field that is not what the contract says."""
        got = repr(self.values.get(key))
        short = got if len(got) <= 40 else got[:39] + "…"
        raise ConfigError(f"{self.place(key)}: expected {wanted}, got {short}")

    def get(self, key: str, wanted: str, *kinds: type, default: Any = _MISSING) -> Any:
        """A field of one of ``kinds``; ``default`` where the report lacks it."""
        if key not in self.values:
            if default is _MISSING:
                raise ConfigError(f"{self.place(key)} is missing")
            return default
        value = self.values[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self.wrong(key, wanted)
        return value

    def text(self, key: str, default: Any = _MISSING) -> str:
        """A string."""
        return str(self.get(key, "a string", str, default=default))

    def text_or_none(self, key: str) -> str | None:
        """A string or null; null where it is absent."""
        value = self.get(key, "a string or null", str, type(None), default=None)
        return None if value is None else str(value)

    def integer(self, key: str, default: Any = _MISSING) -> int:
        """An integer; a number without fraction will do."""
        value = self.number(key, default)
        if not value.is_integer():
            self.wrong(key, "an integer")
        raw = self.values.get(key)
        return raw if isinstance(raw, int) else int(value)

    def integer_or_none(self, key: str) -> int | None:
        """An integer or null; null where it is absent."""
        return None if self.values.get(key) is None else self.integer(key)

    def number(self, key: str, default: Any = _MISSING) -> float:
        """A number, or one of the strings "nan", "inf", "-inf"."""
        value = self.get(key, "a number", int, float, str, default=default)
        return _number(value) if _is_number(value) else self.wrong(key, "a number")

    def number_or_none(self, key: str) -> float | None:
        """A number or null; null where it is absent."""
        return None if self.values.get(key) is None else self.number(key)

    def truth_or_none(self, key: str) -> bool | None:
        """True, false or null."""
        value: bool | None = self.get(key, "true, false or null", bool, type(None))
        return value

    def choice(self, key: str, kind: type[E]) -> E:
        """One of the values of an enumeration."""
        text = self.text(key)
        if text not in list(kind):
            self.wrong(key, " | ".join(kind))
        return kind(text)

    def texts(self, key: str, default: Any = _MISSING) -> tuple[str, ...]:
        """A list of strings."""
        values = self.get(key, "a list of strings", list, default=default)
        if not all(isinstance(value, str) for value in values):
            self.wrong(key, "a list of strings")
        return tuple(values)

    def numbers(self, key: str) -> list[float]:
        """A list of numbers."""
        values = self.get(key, "a list of numbers", list)
        if not all(map(_is_number, values)):
            self.wrong(key, "a list of numbers")
        return [_number(value) for value in values]

    def pair(self, key: str) -> tuple[float, float] | None:
        """An interval as two numbers, or null."""
        if self.values.get(key) is None:
            return None
        values = self.numbers(key)
        if len(values) != 2:
            self.wrong(key, "two numbers")
        return values[0], values[1]

    def inner(self, key: str) -> Fields:
        """The object in a field."""
        return Fields(self.get(key, "an object", dict), self.place(key))

    def items(self, key: str, default: Any = _MISSING) -> Iterator[Fields]:
        """The objects of a list."""
        for index, value in enumerate(self.get(key, "a list of objects", list, default=default)):
            if not isinstance(value, dict):
                self.wrong(key, "a list of objects")
            yield Fields(value, f"{self.place(key)}[{index}]")

    def mapping(
        self, key: str, read: Callable[[Fields], T], default: Any = _MISSING
    ) -> dict[str, T]:
        """An object whose values are objects, each read by ``read``."""
        outer = self.get(key, "an object", dict, default=default)
        return {name: read(Fields(outer, self.place(key)).inner(name)) for name in outer}

    def strings(self, key: str) -> dict[str, str]:
        """An object whose values are strings; empty where it is absent."""
        inner = Fields(self.get(key, "an object", dict, default={}), self.place(key))
        return {name: inner.text(name) for name in inner.values}

    def scalars(self, key: str) -> dict[str, Scalar]:
        """An object of strings, numbers, truth values and nulls; empty where it is absent."""
        inner = Fields(self.get(key, "an object", dict, default={}), self.place(key))
        kinds = (str, int, float, bool, type(None))
        return {name: inner.get(name, "a plain value", *kinds) for name in inner.values}

    def parameters(self, key: str) -> dict[str, Any]:
        """Parameters of a schedule or shape: plain values, or lists of numbers."""
        inner = Fields(self.get(key, "an object", dict), self.place(key))
        return {name: inner._parameter(name) for name in inner.values}

    def _parameter(self, name: str) -> Any:
        value = self.values[name]
        if isinstance(value, list):
            return tuple(self.numbers(name))
        self.get(name, "a plain value", str, int, float, bool, type(None))
        return _SPECIAL.get(value, value) if isinstance(value, str) else value


def _is_number(value: object) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool) and value.bit_length() < 1024  # else no float
    return isinstance(value, float) or (isinstance(value, str) and value in _SPECIAL)


def _number(value: Any) -> float:
    return _SPECIAL[value] if isinstance(value, str) else float(value)
