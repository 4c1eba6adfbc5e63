"""Loads rule files: TOML in, checked rules and their detectors out."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from lrdoctor.errors import RuleError, did_you_mean, toml_line
from lrdoctor.intent_names import number
from lrdoctor.messages import COMMON_PLACEHOLDERS, placeholders
from lrdoctor.plugins import discover
from lrdoctor.protocols import Detector
from lrdoctor.resources import data_dir
from lrdoctor.types import Confidence, Severity, _freeze, _Value
from lrdoctor.verdict import Rule, Threshold

_TEXTS = ("code", "name", "title", "detector", "message", "why", "harmless")
_LISTS = ("fixes", "references")
_OPTIONAL = ("explained_by",)
_TABLES = ("thresholds", "examples")
_KEYS = frozenset({*_TEXTS, *_LISTS, *_OPTIONAL, *_TABLES, "severity", "confidence"})
_OVERRIDES = frozenset({"severity", "enabled", "reason", "thresholds"})
_CODE = re.compile(r"[A-Z]{3,8}\d{3}")


@dataclass(frozen=True, slots=True)
class Rulebook(_Value):
    """The rules in force, a detector for each code, and a digest of both.

    ``disabled`` maps the code of each rule switched off to the reason given.
    """

    rules: tuple[Rule, ...]
    detectors: Mapping[str, Detector]
    disabled: Mapping[str, str]
    digest: str

    def __post_init__(self) -> None:
        _freeze(self, detectors=self.detectors, disabled=self.disabled)

    def find(self, label: str) -> Rule | None:
        """The rule of this code or name."""
        return next(
            (r for r in self.rules if label.casefold() in (r.code.casefold(), r.name)), None
        )

    def labels(self) -> list[str]:
        """Code and name of every rule."""
        return [label for r in self.rules for label in (r.code, r.name)]


def load_rulebook(
    dirs: Sequence[str | Path] = (), overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> Rulebook:
    """The built-in rules, those of further folders, with site overrides by rule name or code.

    An override may set ``severity``, ``thresholds``, or ``enabled = false`` with a ``reason``.
    Raises ``RuleError`` with file and line for anything unknown, missing or inconsistent.
    """
    paths = [path for folder in (data_dir("rules"), *dirs) for path in _rule_files(Path(folder))]
    rules: dict[str, Rule] = {}
    for path in paths:
        rule = _read_rule(path)
        for other in rules.values():
            if rule.code == other.code or rule.name == other.name:
                raise RuleError(f"{rule.code} {rule.name} is defined twice", str(path))
        rules[rule.code] = rule
    _check_causes(tuple(zip(rules.values(), paths, strict=True)))
    changed, disabled = _override(rules, overrides or {})
    ordered = tuple(sorted(changed.values(), key=lambda r: r.code))
    return Rulebook(
        rules=ordered,
        detectors={rule.code: _detector(rule) for rule in ordered},
        disabled=disabled,
        digest=_digest(ordered, disabled),
    )


def _check_causes(files: Sequence[tuple[Rule, Path]]) -> None:
    """Raises ``RuleError`` where ``explained_by`` names no rule, or goes round in a circle."""
    causes = {rule.name: rule.explained_by for rule, _ in files}
    for rule, path in files:
        reason = _cause_problem(rule, causes)
        if reason is not None:
            line = _line_of(path.read_text(encoding="utf-8"), "explained_by")
            raise RuleError(reason, str(path), line)


def _cause_problem(rule: Rule, causes: Mapping[str, Sequence[str]]) -> str | None:
    for name in rule.explained_by:
        if name not in causes:
            return f"explained_by names an unknown rule {name!r}{did_you_mean(name, causes)}"
    if rule.name in _ancestors(rule.name, causes):
        return f"explained_by leads back to {rule.name!r}: an effect cannot explain its cause"
    return None


def _ancestors(name: str, causes: Mapping[str, Sequence[str]]) -> frozenset[str]:
    found: set[str] = set()
    todo = list(causes[name])
    while todo:
        cause = todo.pop()
        if cause not in found:
            found.add(cause)
            todo += causes.get(cause, ())
    return frozenset(found)


def _rule_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise RuleError("no such folder of rules", str(folder))
    return sorted(folder.rglob("*.toml"))


def _read_rule(path: Path) -> Rule:
    if not path.is_file():
        raise RuleError("not a regular file", str(path))
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"cannot be read: {error}", str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"not valid TOML: {error}", str(path), toml_line(error, text)) from error
    problem = next(_problems(table, path), None)
    if problem is not None:
        key, reason = problem
        raise RuleError(reason, str(path), _line_of(text, key))
    texts: dict[str, Any] = {key: table[key].strip() for key in _TEXTS}
    lists: dict[str, Any] = {key: tuple(table[key]) for key in _LISTS}
    return Rule(
        **texts,
        **lists,
        category=path.parent.name,
        severity=Severity(table["severity"]),
        confidence=Confidence(table["confidence"]),
        thresholds={
            name: Threshold(float(t["value"]), t["unit"], t["source"])
            for name, t in table["thresholds"].items()
        },
        fires=table["examples"]["fires"],
        quiet=table["examples"]["quiet"],
        explained_by=tuple(table.get("explained_by", ())),
    )


def _problems(table: Mapping[str, Any], path: Path) -> Iterator[tuple[str, str]]:
    """What is wrong with a rule file: pairs of the key to point at and the reason."""
    yield from _key_problems(table)
    yield from _text_problems(table, path)
    yield from _threshold_problems(table)
    yield from _plugin_problems(table)


def _key_problems(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in table:
        if key not in _KEYS:
            yield key, f"unknown key {key!r}{did_you_mean(key, _KEYS)}"
    for key in sorted(_KEYS - set(_OPTIONAL)):
        if key not in table:
            yield "", f"missing key {key!r}"
    for key in _TABLES:
        if not isinstance(table[key], dict):
            yield key, f"{key} must be a table"


def _text_problems(table: Mapping[str, Any], path: Path) -> Iterator[tuple[str, str]]:
    for key in _TEXTS:
        if not isinstance(table[key], str) or not table[key].strip():
            yield key, f"{key} must be a non-empty text"
    for key in (*_LISTS, *(k for k in _OPTIONAL if k in table)):
        if not isinstance(table[key], list) or not all(isinstance(x, str) for x in table[key]):
            yield key, f"{key} must be a list of texts"
    if not _CODE.fullmatch(table["code"]):
        yield "code", f"code {table['code']!r} must be letters and three digits, such as LRD401"
    if table["name"] != path.stem:
        yield "name", f"name {table['name']!r} must equal the file name {path.stem!r}"
    for key, scale in (("severity", Severity), ("confidence", Confidence)):
        choices = [str(member) for member in scale]
        if table[key] not in choices:
            yield key, f"{key} {table[key]!r} must be one of {', '.join(choices)}"
    if set(table["examples"]) != {"fires", "quiet"}:
        yield "examples", "[examples] must name one sample that fires and one that stays quiet"


def _threshold_problems(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, entry in table["thresholds"].items():
        where = f"thresholds.{name}"
        if not isinstance(entry, dict) or set(entry) != {"value", "unit", "source"}:
            yield where, f"threshold {name!r} must have value, unit and source, nothing else"
        elif isinstance(entry["value"], str) or number(entry["value"]) is None:
            yield where, f"threshold {name!r}: value must be a number"


def _plugin_problems(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    detectors, fixes = discover("detectors"), discover("fixes")
    if table["detector"] not in detectors:
        hint = did_you_mean(table["detector"], detectors)
        yield "detector", f"unknown detector {table['detector']!r}{hint}"
        return
    for name in table["fixes"]:
        if name not in fixes:
            yield "fixes", f"unknown fix {name!r}{did_you_mean(name, fixes)}"
    detector = detectors[table["detector"]]
    wanted = {f.name for f in fields(detector)}
    for name in sorted(wanted ^ set(table["thresholds"])):
        state = "lacks" if name in wanted else "has no field for"
        yield f"thresholds.{name}", f"threshold {name!r}: detector and rule differ (one {state} it)"
    try:
        used = placeholders(table["message"])
    except ValueError as error:
        yield "message", f"message has broken braces: {error}"
        return
    for name in sorted(used - detector.measures - COMMON_PLACEHOLDERS):
        hint = did_you_mean(name, detector.measures)
        yield "message", f"message refers to {{{name}}}, which is not measured{hint}"


def _override(
    rules: Mapping[str, Rule], overrides: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Rule], dict[str, str]]:
    changed, disabled = dict(rules), {}
    for label, table in overrides.items():
        rule = next((r for r in rules.values() if label in (r.code, r.name)), None)
        if rule is None:
            names = [n for r in rules.values() for n in (r.name, r.code)]
            raise RuleError(f"[rules.{label}]: no such rule{did_you_mean(label, names)}")
        unknown = set(table) - _OVERRIDES
        if unknown:
            valid = ", ".join(sorted(_OVERRIDES))
            raise RuleError(f"[rules.{label}]: unknown key {min(unknown)!r}; valid: {valid}")
        if table.get("enabled", True) is False:
            if not table.get("reason"):
                raise RuleError(f"[rules.{label}]: enabled = false needs a reason")
            disabled[rule.code] = str(table["reason"])
        changed[rule.code] = _overridden(rule, label, table)
    return changed, disabled


def _overridden(rule: Rule, label: str, table: Mapping[str, Any]) -> Rule:
    thresholds = dict(rule.thresholds)
    for name, value in table.get("thresholds", {}).items():
        if name not in thresholds:
            hint = did_you_mean(name, thresholds)
            raise RuleError(f"[rules.{label}]: unknown threshold {name!r}{hint}")
        if isinstance(value, str) or number(value) is None:
            raise RuleError(f"[rules.{label}]: threshold {name!r} must be a number")
        thresholds[name] = replace(
            thresholds[name], value=float(value), source="site configuration"
        )
    severity = table.get("severity", rule.severity)
    if severity not in list(Severity):
        raise RuleError(f"[rules.{label}]: severity {severity!r} is none of info, warning, error")
    return replace(rule, severity=Severity(severity), thresholds=thresholds)


def _detector(rule: Rule) -> Detector:
    made: Detector = discover("detectors")[rule.detector](
        **{name: threshold.value for name, threshold in rule.thresholds.items()}
    )
    return made


def _digest(rules: Sequence[Rule], disabled: Mapping[str, str]) -> str:
    body = [
        [r.code, r.name, r.severity, r.confidence, r.detector, r.message, *r.fixes]
        + [[name, t.value] for name, t in sorted(r.thresholds.items())]
        + [list(r.explained_by), _outside_source(r.detector)]
        for r in rules
        if r.code not in disabled
    ]
    return "sha256:" + hashlib.sha256(json.dumps(body).encode()).hexdigest()


def _outside_source(detector: str) -> str:
    """Hash of the file of another package's detector: its judgement changes with it, while the
    built-in ones change with the version of lrdoctor. Empty for those."""
    module = discover("detectors")[detector].__module__
    file = getattr(sys.modules.get(module), "__file__", None)
    if module.startswith("lrdoctor.") or file is None:
        return ""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _line_of(text: str, key: str) -> int | None:
    """The 1-based line that sets ``key`` or opens its table."""
    pattern = re.compile(rf"\s*(\[{re.escape(key)}\]|{re.escape(key)}\s*=)")
    lines = enumerate(text.splitlines(), start=1)
    return next((number for number, line in lines if key and pattern.match(line)), None)
