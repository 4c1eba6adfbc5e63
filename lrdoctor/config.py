"""The site configuration: ``lrdoctor.toml``, or ``[tool.lrdoctor]`` in a ``pyproject.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from lrdoctor.errors import ConfigError, did_you_mean, toml_line
from lrdoctor.gate import FAIL_ON
from lrdoctor.intent import EXPECT_KEYS, read_intent
from lrdoctor.intent_names import number as as_number
from lrdoctor.roles import IGNORE
from lrdoctor.types import Role, Run, Severity, _freeze, _Value
from lrdoctor.verdict import Suppression

FILE_NAME = "lrdoctor.toml"
_PYPROJECT = "pyproject.toml"
_SECTION = ("tool", "lrdoctor")
_RULE_KEYS = ("severity", "enabled", "reason", "thresholds")
_SUPPRESS_KEYS = ("rule", "runs", "reason", "until")

_NOTHING_LOGGED = Run("", (), "", "", {})

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Config(_Value):
    """Everything a site may set; the defaults where there is no file.

    ``fail_on`` is a severity or "never", ``jobs`` None for one process per core where that pays.
    ``roles`` maps tags to roles, ``expect`` intent keys to texts, ``rules`` rule names or codes to
    what is changed in them. ``rules_dirs`` are absolute. ``baseline`` is the path of the file of
    known findings. ``path`` is the file that was read.
    """

    path: str | None = None
    fail_on: str = str(Severity.ERROR)
    baseline: str | None = None
    jobs: int | None = None
    exclude: tuple[str, ...] = ()
    rules_dirs: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    expect: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    suppressions: tuple[Suppression, ...] = ()

    def __post_init__(self) -> None:
        _freeze(self, roles=self.roles, expect=self.expect, rules=self.rules)

    def active_suppressions(self, today: date) -> tuple[Suppression, ...]:
        """Those without an end, and those that end after ``today``."""
        return tuple(s for s in self.suppressions if not _expired(s, today))

    def expired_suppressions(self, today: date) -> tuple[Suppression, ...]:
        """Those whose ``until`` has come: reported, so that they do not stay for ever."""
        return tuple(s for s in self.suppressions if _expired(s, today))


def load_config(path: Path | None, cwd: Path) -> Config:
    """The configuration in ``path``, or in the first file found from ``cwd`` upward, or none.

    In each folder ``lrdoctor.toml`` comes before a ``pyproject.toml`` that has ``[tool.lrdoctor]``.
    Raises ``ConfigError`` with file and line for TOML that does not parse, and for unknown keys,
    wrong types and values.
    """
    if path is not None:
        return _read(path, required=True) or Config(path=str(path))
    for folder in (cwd, *cwd.parents):
        for name in (FILE_NAME, _PYPROJECT):
            found = _read(folder / name, required=False) if (folder / name).is_file() else None
            if found is not None:
                return found
    return Config()


def line_in(path: str, *place: str | int) -> int | None:
    """The 1-based line of a configuration file that sets the key at ``place``, where known."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    section: Place = _SECTION if Path(path).name == _PYPROJECT else ()
    return _line_of(text, (*section, *place))


def _expired(suppression: Suppression, today: date) -> bool:
    return suppression.until is not None and today.isoformat() >= suppression.until


def _read(path: Path, required: bool) -> Config | None:
    """The configuration in one file; None for a ``pyproject.toml`` that says nothing of us."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", str(path)) from error
    section: Place = _SECTION if path.name == _PYPROJECT else ()
    if section and not required and "lrdoctor" not in text:
        return None
    try:
        table: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", str(path), toml_line(error, text)) from error
    for key in section:
        table = table.get(key) if isinstance(table, dict) else None
        if table is None:
            return None
    return _Parser(path, text, section).config(table)


@dataclass(frozen=True, slots=True)
class _Parser:
    """Checks one table; knows where each key stands, for the error messages."""

    path: Path
    text: str
    section: Place

    def config(self, table: Mapping[str, Any]) -> Config:
        readers: dict[str, Callable[[str, Any], Any]] = {
            "fail_on": lambda key, value: self.choice(value, FAIL_ON, key),
            "baseline": self.file,
            "jobs": self.count,
            "exclude": self.texts,
            "rules_dirs": self.folders,
            "roles": self.roles,
            "expect": self.expect,
            "rules": self.rules,
            "suppress": self.suppressions,
        }
        self.keys(table, readers)
        values = {key: readers[key](key, value) for key, value in table.items()}
        values["suppressions"] = values.pop("suppress", ())
        return Config(path=str(self.path), **values)

    def fail(self, reason: str, *place: str | int) -> NoReturn:
        raise ConfigError(reason, str(self.path), _line_of(self.text, (*self.section, *place)))

    def keys(self, table: Any, valid: Collection[str], *place: str | int) -> None:
        if not isinstance(table, dict):
            self.fail(f"{_dotted(place) or 'the configuration'} must be a table", *place)
        for key in table:
            if key not in valid:
                hint = did_you_mean(key, valid) or f" (valid: {', '.join(valid)})"
                self.fail(f"unknown key {_dotted((*place, key))!r}{hint}", *place, key)

    def choice(self, value: Any, valid: Collection[str], *place: str | int) -> str:
        if value not in valid:
            self.fail(f"{_dotted(place)} = {value!r} must be one of {', '.join(valid)}", *place)
        return str(value)

    def count(self, key: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self.fail(f"{key} = {value!r} must be a whole number, at least 1", key)
        return value

    def text_at(self, value: Any, *place: str | int) -> str:
        if not isinstance(value, str) or not value.strip():
            self.fail(f"{_dotted(place)} must be a text that is not empty", *place)
        return value

    def texts(self, *place_and_value: Any) -> tuple[str, ...]:
        *place, value = place_and_value
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            self.fail(f"{_dotted(place)} must be a list of texts", *place)
        return tuple(value)

    def file(self, key: str, value: Any) -> str:
        return str(self.path.parent / self.text_at(value, key))

    def folders(self, key: str, value: Any) -> tuple[str, ...]:
        found = tuple(self.path.resolve().parent / name for name in self.texts(key, value))
        for folder in found:
            if not folder.is_dir():
                self.fail(f"{key}: no folder {folder}", key)
        return tuple(map(str, found))

    def roles(self, key: str, table: Any) -> dict[str, str]:
        self.keys(table, (*map(str, Role), IGNORE), key)
        tags = {
            role: (value,) if isinstance(value, str) else self.texts(key, role, value)
            for role, value in table.items()
        }
        return {tag: role for role, given in tags.items() for tag in given}

    def expect(self, key: str, table: Any) -> dict[str, str]:
        self.keys(table, EXPECT_KEYS, key)
        for name, value in table.items():
            if not isinstance(value, str | int | float | list):
                self.fail(f"{key}.{name} must be a number or a text", key, name)
            try:
                read_intent(_NOTHING_LOGGED, {name: str(value)})
            except ConfigError as error:
                self.fail(error.reason, key, name)
        return {name: str(value) for name, value in table.items()}

    def rules(self, key: str, table: Any) -> dict[str, dict[str, Any]]:
        if not isinstance(table, dict):
            self.fail(f"{key} must be a table", key)
        for name, change in table.items():
            self.rule(change, key, name)
        return dict(table)

    def rule(self, change: Any, *place: str) -> None:
        """Checks one override; whether the rule and its thresholds exist is the rulebook's."""
        self.keys(change, _RULE_KEYS, *place)
        if "severity" in change:
            self.choice(change["severity"], tuple(Severity), *place, "severity")
        if not isinstance(change.get("enabled", True), bool):
            self.fail(f"{_dotted(place)}.enabled must be true or false", *place, "enabled")
        if change.get("enabled") is False:
            self.text_at(change.get("reason"), *place, "reason")
        thresholds = change.get("thresholds", {})
        if not isinstance(thresholds, dict):
            self.fail(f"{_dotted(place)}.thresholds must be a table", *place, "thresholds")
        for name, value in thresholds.items():
            if isinstance(value, str) or as_number(value) is None:
                at = (*place, "thresholds", name)
                self.fail(f"{_dotted(at)} must be a number", *at)

    def suppressions(self, key: str, entries: Any) -> tuple[Suppression, ...]:
        if not isinstance(entries, list):
            self.fail("suppressions are written [[suppress]], one table each", key)
        return tuple(self.suppression(key, i, entry) for i, entry in enumerate(entries))

    def suppression(self, key: str, index: int, entry: Any) -> Suppression:
        self.keys(entry, _SUPPRESS_KEYS, key, index)
        until = entry.get("until")
        return Suppression(
            rule=self.text_at(entry.get("rule"), key, index, "rule"),
            reason=self.text_at(entry.get("reason"), key, index, "reason"),
            runs=self.text_at(entry.get("runs", "*"), key, index, "runs"),
            until=None if until is None else self.day(until, key, index, "until"),
        )

    def day(self, value: Any, *place: str | int) -> str:
        try:
            return date.fromisoformat(str(value)).isoformat()
        except ValueError:
            self.fail(
                f"{_dotted(place)} = {str(value)!r} must be a date such as 2030-01-31", *place
            )


def _dotted(place: Collection[str | int]) -> str:
    return ".".join(str(part) for part in place)


def _line_of(text: str, place: Place) -> int | None:
    """The 1-based line that sets the key at ``place``; the nearest table where it is missing."""
    lines = tuple(_places(text))
    for length in range(len(place), 0, -1):
        for number, at in lines:
            if at[:length] == place[:length]:
                return number
    return None


def _places(text: str) -> Iterator[tuple[int, Place]]:
    """Line and full key of every table header and assignment; array tables count from 0."""
    table: Place = ()
    seen: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*(\[\[?)([^\[\]]+)\]", line)
        setting = re.match(r"\s*([^\s#=\[\]{},][^#=\[\]{},]*?)\s*=", line)
        if header:
            table = _split(header[2])
            if header[1] == "[[":
                seen[table] = seen.get(table, -1) + 1
                table = (*table, seen[table])
            yield number, table
        elif setting:
            yield number, (*table, *_split(setting[1]))


def _split(dotted: str) -> Place:
    parts = re.findall(r"\"[^\"]*\"|'[^']*'|[^.\s]+", dotted)
    return tuple(part.strip("\"'") for part in parts)
