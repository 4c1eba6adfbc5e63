"""Gathers values tag by tag into raw series, at 32 bytes a point and a bounded number of tags."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from lrdoctor.readers._text import display_name, parse_number
from lrdoctor.types import Note, RawSeries, Scalar

MAX_TAGS = 20_000
"""More tags than any real run has; a file with more has put data into its names."""

_MAX_DEPTH = 20
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "none": None, "null": None, "": None}
_INTEGER = re.compile(r"[-+]?\d{1,18}")
_NUMBER_STARTS = frozenset("+-.0123456789")
_Columns: TypeAlias = "tuple[array[int], array[float], array[float], array[int]]"


class Collector:
    """Points in file order. ``order`` counts the records before a point where that is known."""

    def __init__(self) -> None:
        self._columns: dict[str, _Columns] = {}
        self._aliases: dict[str, _Columns] = {}
        self.numbers = 0
        self._refused = 0

    def add(
        self, tag: str, step: int, value: float, wall_time: float = math.nan, order: int = -1
    ) -> None:
        """Appends one point, ``wall_time`` in Unix seconds; not of tags beyond ``MAX_TAGS``."""
        columns = self._aliases.get(tag)
        if columns is None:
            if len(self._aliases) >= MAX_TAGS:
                self._refused += 1
                return
            empty = (array("q"), array("d"), array("d"), array("q"))
            columns = self._columns.setdefault(display_name(tag), empty)
            self._aliases[tag] = columns
        self.numbers += 1
        columns[0].append(step)
        columns[1].append(value)
        columns[2].append(wall_time)
        columns[3].append(order)

    def __bool__(self) -> bool:
        return bool(self._columns)

    def series(self) -> tuple[RawSeries, ...]:
        """One series per tag, in the order of first appearance."""
        return tuple(_series(tag, *columns) for tag, columns in self._columns.items())

    def notes(self, file: str) -> tuple[Note, ...]:
        """Says how many points were left out, where any were."""
        if not self._refused:
            return ()
        message = f"{self._refused} values of tags beyond the first {MAX_TAGS} left out"
        return (Note("too-many-tags", message, file),)


def _series(
    tag: str, step: array[int], value: array[float], wall_time: array[float], order: array[int]
) -> RawSeries:
    wall, records = np.array(wall_time), np.array(order, dtype=np.int64)
    return RawSeries(
        tag,
        np.array(step, dtype=np.int64),
        np.array(value),
        None if np.isnan(wall).all() else wall,
        None if (records < 0).all() else records,
    )


def number(value: object) -> float | None:
    """A JSON value as a float: numbers, and NaN and infinities written as text; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        written = parse_number(value)
        return None if written is None or math.isfinite(written) else written
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def flatten(value: object, prefix: str = "") -> dict[str, Scalar]:
    """Nested mappings and lists as scalars under dotted names: ``{"optimizer.lr": 0.1}``.

    List entries are named by position. Anything nested deeper than 20 levels is left out.
    """
    found: dict[str, Scalar] = {}
    pending: list[tuple[str, object, int]] = [(prefix, value, 0)]
    while pending:
        name, item, depth = pending.pop()
        if isinstance(item, Mapping | list):
            inner = item.items() if isinstance(item, Mapping) else enumerate(item)
            if depth < _MAX_DEPTH:
                children = [(f"{name}.{k}" if name else str(k), v, depth + 1) for k, v in inner]
                pending += reversed(children)
        elif item is None or isinstance(item, str | int | float):
            found[display_name(name)] = item
    return found


def scalar(text: str) -> Scalar:
    """The setting a text stands for: True, False, None, an int, a float, else the text itself."""
    cell = text.strip()
    if cell.lower() in _WORDS:
        return _WORDS[cell.lower()]
    if _INTEGER.fullmatch(cell):
        return int(cell)
    found = parse_number(cell) if cell[:1] in _NUMBER_STARTS else None
    return cell if found is None else found
