"""Schedules as people type them: ``onecycle(max_lr=0.1, total_steps=90*1251, pct_start=0.2)``."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Collection
from typing import NoReturn

from lrdoctor.errors import ConfigError
from lrdoctor.plugins import discover
from lrdoctor.protocols import NamedSchedule
from lrdoctor.schedules._build import from_parameters
from lrdoctor.schedules._canonical import names_of

Value = float | int | bool | str | list[float | int]

_LONGEST = 2000  # characters; Python's parser may exhaust the stack on deeply nested text
_LARGEST = 1e300
_EXAMPLE = "cosine(lr=0.1, T_max=900)"
_WORDS = {"true": True, "false": False}


def parse_schedule(text: str) -> NamedSchedule:
    """The schedule that an expression with canonical names describes; nothing is evaluated.

    Raises ``ConfigError`` for text of another form, an unknown name or argument (it lists the
    valid ones), a missing argument and a value out of range.

    >>> parse_schedule("multistep(lr=0.1, milestones=[30, 60])").lr([59, 60]).round(4).tolist()
    [0.01, 0.001]
    """
    return from_parameters(*parse_call(text))


def parse_call(text: str) -> tuple[str, dict[str, Value]]:
    """Name and arguments of an expression, both known, some perhaps missing; a bare name has none.

    Values are numbers (``1_000``, ``1e-3``, products and quotients such as ``90*1251``), words
    with or without quotes, and lists of numbers. Raises ``ConfigError``.
    """
    node = _parsed(text)
    name = node.func if isinstance(node, ast.Call) else node
    if not isinstance(name, ast.Name):
        _fail(text, f"a schedule is written like {_EXAMPLE}")
    known = discover("schedules")
    if name.id not in known:
        raise ConfigError(unknown("schedule", name.id, known))
    return name.id, _arguments(text, node, name.id, names_of(known[name.id]))


def unknown(what: str, name: str, valid: Collection[str]) -> str:
    """The message for a name that is not one of ``valid``, with the likeliest slip."""
    plain = {v.lower().replace("_", ""): v for v in valid}
    asked = name.lower().replace("_", "")
    starts = sorted((p for p in plain if asked.startswith(p)), key=len, reverse=True)
    close = starts or difflib.get_close_matches(asked, plain, n=1, cutoff=0.5)
    hint = f" (did you mean {plain[close[0]]!r}?)" if close else ""
    return f"unknown {what} {name!r}{hint}; valid: {', '.join(valid)}"


def _parsed(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise ConfigError(f"a schedule takes at most {_LONGEST} characters, got {len(text)}")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        _fail(text, f"a schedule is written like {_EXAMPLE}")


def _arguments(text: str, node: ast.expr, of: str, valid: Collection[str]) -> dict[str, Value]:
    if not isinstance(node, ast.Call):
        return {}
    if node.args or any(k.arg is None for k in node.keywords):
        _fail(text, f"every argument needs its name, as in {_EXAMPLE}")
    found: dict[str, Value] = {}
    for keyword in node.keywords:
        name = str(keyword.arg)
        if name not in valid:
            raise ConfigError(unknown(f"{of} argument", name, valid))
        if name in found:
            _fail(text, f"{name} is given twice")
        found[name] = _value(text, keyword.value)
    return found


def _value(text: str, node: ast.expr) -> Value:
    if isinstance(node, ast.Name):
        return _WORDS.get(node.id.lower(), node.id)
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bool):
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        return [_number(text, item) for item in node.elts]
    return _number(text, node)


def _number(text: str, node: ast.expr) -> float | int:
    """A literal, its negative, or a product or quotient of such."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value: float | int = node.value  # type: ignore[assignment]
        if abs(value) < _LARGEST:
            return value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(text, node.operand)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        left, right = _number(text, node.left), _number(text, node.right)
        if isinstance(node.op, ast.Mult):
            return left * right
        if right:
            return left / right
    _fail(text, f"{ast.unparse(node)} is not a number, a word in quotes or a list of numbers")


def _fail(text: str, reason: str) -> NoReturn:
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    raise ConfigError(f"schedule {shown!r}: {reason}")
