"""JSON documents: lists per column ({"loss": [...], "lr": [...]}), or a list of records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lrdoctor.errors import ReadError
from lrdoctor.readers._records import Records, decode, settings
from lrdoctor.readers._table import (
    CONTAINERS,
    Axis,
    Column,
    Table,
    find_axis,
    looks_like_log,
    raw_log,
)
from lrdoctor.readers._text import HEAD_BYTES, display_name, head_text, parse_number, read_document
from lrdoctor.types import Note, RawLog, RawSeries, Scalar

_MAX_DEPTH = 6
_LIST_KEY = re.compile(r'"([^"\\\\]{1,200})"\s*:\s*\[\s*(?:-?[\dIN]|null|"-?[\dIN])')
_NUMBER_KEY = re.compile(r'"([^"\\\\]{1,200})"\s*:\s*-?[\dIN]')
_RECORDS = re.compile(r'"\s*:\s*\[\s*\{|^\[\s*\{')
_ROW = re.compile(r"[0-9]{1,18}")
_WRAPPERS = frozenset({"history", "log", "logs", "metrics", "log_history"})
_CONFIGURATION = re.compile(r"(?:^|/)[^/]*(?:config|args|params|tokenizer|vocab)[^/]*\.json$")


@dataclass(frozen=True, slots=True)
class JsonColumns:
    """A whole JSON document with tables of numbers in it."""

    name: ClassVar[str] = "json_columns"
    patterns: ClassVar[tuple[str, ...]] = ("*.json",)
    priority: ClassVar[int] = 0

    def accepts(self, path: str, head: bytes) -> bool:
        """Whether it is a document with lists under, or records with, names such as loss and lr."""
        text = head_text(head).lstrip("\ufeff \t\r\n")
        if not text.startswith(("{", "[")) or _CONFIGURATION.search(path.lower()):
            return False
        if looks_like_log([*_LIST_KEY.findall(text), "row"]):
            return True
        records = _RECORDS.search(text)
        if records and looks_like_log(_NUMBER_KEY.findall(text, records.start())):
            return True
        # A long summary comes first and pushes the lists out of sight.
        numbers = [n.lower() for n in _NUMBER_KEY.findall(text)]
        goes_on = len(head) >= HEAD_BYTES
        return goes_on and looks_like_log(numbers) and any("loss" in n for n in numbers)

    def read(self, files: Sequence[str]) -> Iterator[RawLog]:
        """One raw log per file, all its tables on one axis. Raises ``ReadError``."""
        for file in files:
            yield _read(file)


def _read(file: str) -> RawLog:
    try:
        document = decode(read_document(file).lstrip("\ufeff"))
    except ValueError as error:
        where = getattr(error, "lineno", None)
        place = "" if where is None else f"line {where}: "
        reason = f"{place}not valid JSON ({getattr(error, 'msg', error)}); is the file cut off?"
        raise ReadError(display_name(file, 1000), reason) from error
    tables = list(_tables(document, "", 0))
    if not tables:
        reason = "no lists or records of numbers in this JSON document; not a training log?"
        raise ReadError(display_name(file, 1000), reason)
    main = max(tables, key=lambda found: found[1].rows)[1]
    axis = find_axis(main)
    logs = [
        _placed(file, prefix, table, _own_axis(tables, prefix) or axis) for prefix, table in tables
    ]
    series = {s.tag: s for log in reversed(logs) for s in log.series}
    if len(tables) > 1:
        # Rows of different tables have no common order.
        series = {tag: RawSeries(tag, s.step, s.value, s.wall_time) for tag, s in series.items()}
    return RawLog(
        file,
        "json_columns" if isinstance(document, dict) else "json_records",
        display_name(axis.name),
        tuple(series.values()),
        _settings(document),
        tuple(dict.fromkeys(note for log in logs for note in log.notes)),
    )


def _own_axis(tables: Sequence[tuple[str, Table]], prefix: str) -> Axis | None:
    """The axis of the object a table is in, where a list of it is one."""
    beside = (find_axis(table) for found, table in tables if found == prefix)
    return next((axis for axis in beside if axis.column is not None), None)


def _placed(file: str, prefix: str, table: Table, axis: Axis) -> RawLog:
    """One table on its own axis or, where it has none, on the rows of the given one."""
    own, rows = find_axis(table), len(axis.step)
    notes: tuple[Note, ...] = ()
    if own.column is None:
        own = axis
        if rows % table.rows:
            text = f"lists of {table.rows} values do not fit the {rows} rows; left out"
            return RawLog(file, "json_columns", axis.name, (), {}, (Note("no-step", text, file),))
        if table.rows != rows:
            # One value per evaluation beside one per step: an evaluation follows its steps.
            at = (np.arange(1, table.rows + 1) * rows) // table.rows - 1
            own = Axis(axis.name, axis.step[at])
            text = f"lists of {table.rows} values have no axis; spread over the {rows} rows"
            notes = (Note("spread", text, file),)
    columns = {f"{prefix}{name}": column for name, column in table.columns.items()}
    named = None if own.column is None else f"{prefix}{own.column}"
    placed = Axis(own.name, own.step, named, own.notes)
    return raw_log(file, "json_columns", Table(columns, table.rows), notes=notes, axis=placed)


def _settings(document: Any) -> dict[str, Scalar]:
    if not isinstance(document, Mapping):
        return {}
    found: dict[str, Scalar] = {}
    for key, value in document.items():
        if key in CONTAINERS:
            found |= settings(value)
        elif isinstance(value, str | int | float):
            found[str(key)] = value
    return found


# ---------------------------------------------------------------------------- tables


def _tables(value: Any, prefix: str, depth: int) -> Iterator[tuple[str, Table]]:
    """Every table in the document with the prefix of its tags."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        table = _of_records(value)
        if table is not None:
            yield prefix, table
    elif isinstance(value, Mapping):
        for table in _of_lists(value):
            yield prefix, table
        for key, inner in value.items():
            if isinstance(inner, Mapping | list) and key not in CONTAINERS:
                wrapped = key in _WRAPPERS or (depth == 0 and len(value) == 1)
                yield from _tables(inner, prefix if wrapped else f"{prefix}{key}.", depth + 1)


def _of_records(rows: Sequence[Any]) -> Table | None:
    records = Records()
    for row in rows:
        if isinstance(row, Mapping):
            records.add(row)
    table = records.table()
    return table if table.columns else None


def _of_lists(value: Mapping[str, Any]) -> Iterator[Table]:
    """The lists of numbers of one object, one table per length."""
    by_length: dict[int, dict[str, Column]] = {}
    for key, cells in value.items():
        listed = _as_list(cells)
        for name, column in _columns(str(key), listed or []):
            by_length.setdefault(len(listed or []), {})[name] = column
    for length, columns in by_length.items():
        yield Table(columns, length)


def _as_list(cells: Any) -> list[Any] | None:
    """A column as a list; pandas writes {"0": 0.5, "1": 0.4} for one."""
    if isinstance(cells, list):
        return cells
    if isinstance(cells, Mapping) and cells and all(map(_ROW.fullmatch, map(str, cells))):
        return [cells[k] for k in sorted(cells, key=int)]
    return None


def _columns(name: str, cells: Sequence[Any]) -> Iterator[tuple[str, Column]]:
    """The numbers of a list; of a list of short lists one column per position."""
    if cells and isinstance(cells[0], list):
        width = max((len(c) for c in cells if isinstance(c, list)), default=0)
        if width <= 16:
            for i in range(width):
                inner = [c[i] if isinstance(c, list) and i < len(c) else None for c in cells]
                yield from _columns(f"{name}.{i}", inner) if not isinstance(inner[0], list) else ()
        return
    numbers = [(i, _number(cell)) for i, cell in enumerate(cells)]
    known = [(i, n) for i, n in numbers if n is not None]
    if known and 2 * len(known) >= len([c for c in cells if c is not None]):
        row, value = zip(*known, strict=True)
        yield name, Column(np.array(row, dtype=np.int64), np.array(value, dtype=np.float64))


def _number(cell: Any) -> float | None:
    if isinstance(cell, int | float):
        return float(cell)
    return parse_number(cell) if isinstance(cell, str) else None
