"""Gathers JSON records (one per row) into a table."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lrdoctor.readers._table import Column, Table
from lrdoctor.readers._text import parse_number
from lrdoctor.types import Scalar

MAX_COLUMNS = 20_000
_MAX_LIST = 16  # longer lists are data, not one LR per param group
_MAX_DEPTH = 5
_MAX_DIGITS = 300


def _integer(digits: str) -> int | float:
    """A whole number that cannot hold the interpreter up, however many digits it has."""
    return (
        int(digits) if len(digits) < _MAX_DIGITS else float("-inf" if digits[0] == "-" else "inf")
    )


_DECODER = json.JSONDecoder(parse_int=_integer)


def decode(text: str) -> Any:
    """One JSON value; NaN and Infinity are allowed. Raises ``ValueError`` (also for one nested
    too deeply, which Python's parser reports as a ``RecursionError``)."""
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


@dataclass
class Records:
    """Columns that grow by one row at a time, 16 bytes a number."""

    rows: int = 0
    numbers: int = 0
    text: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    _columns: dict[str, tuple[array[int], array[float]]] = field(default_factory=dict)

    def add(self, record: Mapping[str, Any]) -> None:
        """Appends one row: its numbers, those of nested records under dotted names."""
        self._walk("", record, 0)
        self.rows += 1

    def _walk(self, prefix: str, record: Mapping[str, Any], depth: int) -> None:
        for key, value in record.items():
            name = f"{prefix}{key}"
            # bool is an int; a flag is a number too.
            if isinstance(value, int | float):
                self._put(name, float(value))
            elif isinstance(value, str):
                number = parse_number(value)
                if number is None:
                    self.text.add(name)
                else:
                    self._put(name, number)
            elif isinstance(value, Mapping) and depth < _MAX_DEPTH:
                self._walk(f"{name}.", value, depth + 1)
            elif isinstance(value, list) and len(value) <= _MAX_LIST:
                self._walk(f"{name}.", {str(i): v for i, v in enumerate(value)}, depth + 1)

    def _put(self, name: str, value: float) -> None:
        column = self._columns.get(name)
        if column is None:
            if len(self._columns) >= MAX_COLUMNS:
                self.refused.add(name)
                return
            column = self._columns[name] = (array("q"), array("d"))
        if column[0] and column[0][-1] == self.rows:
            return
        self.numbers += 1
        column[0].append(self.rows)
        column[1].append(value)

    def table(self, forks: Iterable[tuple[int, int]] = ()) -> Table:
        """The rows so far."""
        columns = {
            name: Column(np.array(row, dtype=np.int64), np.array(value, dtype=np.float64))
            for name, (row, value) in self._columns.items()
        }
        return Table(columns, self.rows, tuple(forks))


def settings(value: object, prefix: str = "", depth: int = 0) -> dict[str, Scalar]:
    """Nested configuration as scalars under dotted names; list entries by position."""
    if isinstance(value, Mapping) or (isinstance(value, list) and len(value) <= _MAX_LIST):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        found: dict[str, Scalar] = {}
        for key, inner in items if depth < _MAX_DEPTH else ():
            found |= settings(inner, f"{prefix}.{key}" if prefix else str(key), depth + 1)
        return found
    if prefix and (value is None or isinstance(value, str | int | float)):
        return {prefix: value}
    return {}
