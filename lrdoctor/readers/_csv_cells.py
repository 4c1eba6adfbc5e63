"""Splits CSV text into columns of numbers, tolerating what real files contain."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from lrdoctor.readers._table import Column, Table, looks_like_log, without_filler
from lrdoctor.readers._text import (
    Lines,
    check_numbers,
    display_name,
    is_missing,
    parse_number,
)
from lrdoctor.types import Array, IntArray, Note

_DELIMITERS = ",\t;|"
_BLOCK = 1 << 16  # cells held as text at a time
_PREAMBLE = 20  # comment lines before a header


@dataclass(frozen=True, slots=True)
class Header:
    """Column names, the delimiter (" " for any run of blanks), and which line has them."""

    names: tuple[str, ...]
    delimiter: str
    line: int


def split_line(line: str, delimiter: str) -> list[str]:
    """The cells of one line; padding is removed, quotes are understood within the line."""
    if delimiter == " ":
        return line.split()
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        cells = line.split(delimiter)
    return [cell.strip() for cell in cells]


def split_header(lines: Sequence[str]) -> Header | None:
    """The header: the first line, or behind or in comment lines ("# epoch,loss")."""
    for index, line in enumerate(lines[:_PREAMBLE]):
        text = line.lstrip("\ufeff")
        header = _as_header(text.lstrip("# \t") if text.startswith("#") else text, index)
        if not text.startswith("#"):
            return header
        if header is not None and looks_like_log(header.names):
            return header
    return None


def _as_header(text: str, line: int) -> Header | None:
    delimiter = max(_DELIMITERS, key=text.count)
    delimiter = delimiter if delimiter in text else " "
    names = split_line(text, delimiter)
    if len(names) < 2 or all(parse_number(n) is not None for n in names if n):
        return None
    return Header(tuple(_unique(names)), delimiter, line)


def _unique(names: Sequence[str]) -> Iterator[str]:
    """The names, a repeated one numbered: "loss", "loss.1"."""
    seen = Counter[str]()
    for name in names:
        yield f"{name}.{seen[name]}" if seen[name] else name
        seen[name] += 1


# ---------------------------------------------------------------------------- rows


@dataclass
class Cells:
    """The numbers of a table as its blocks come in, and what else its cells were."""

    names: tuple[str, ...]
    rows: int = 0
    forks: list[tuple[int, int]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    text: Counter[str] = field(default_factory=Counter)
    ragged: int = 0
    numbers: int = 0
    _parts: dict[str, list[tuple[IntArray, Array]]] = field(default_factory=dict)

    def add(self, name: str, row: IntArray, value: Array) -> None:
        """Appends numbers of one column; ``row`` counts from the start of the table."""
        self.numbers += len(row)
        if len(row):
            self._parts.setdefault(name, []).append((row, value))

    def drop_last_cell(self) -> None:
        """Forgets the last number of the last row, which may lack its last digits."""
        for name in reversed(self.names):
            row, value = self._parts.get(name, [(np.zeros(0, np.int64), np.zeros(0))])[-1]
            if len(row) and row[-1] == self.rows - 1:
                self._parts[name][-1] = (row[:-1], value[:-1])
                return

    def table(self, file: str) -> tuple[Table, tuple[Note, ...]]:
        """All columns with numbers, and notes on what was left out."""
        columns: dict[str, Column] = {}
        filled: list[str] = []
        for name in self.names:
            if name in self._parts:
                arrays = zip(*self._parts.pop(name), strict=True)
                columns[name], had_filler = without_filler(Column(*map(np.concatenate, arrays)))
                filled += [name] if had_filler else []
        notes = (*self.notes, *self._said(file, columns, filled))
        return Table(columns, self.rows, tuple(self.forks)), notes

    def _said(self, file: str, columns: dict[str, Column], filled: list[str]) -> Iterator[Note]:
        texts = [n for n in self.names if n in self.text and n not in columns]
        if texts:
            yield Note("text-columns", f"columns of text left out: {_listed(texts)}", file)
        unreadable = sum(count for name, count in self.text.items() if name in columns)
        if unreadable:
            yield Note("unreadable", f"{unreadable} cells that are no numbers left out", file)
        if self.ragged:
            message = f"{self.ragged} rows have more or fewer cells than the header"
            yield Note("ragged", message, file)
        if filled:
            message = f"NaN that only fills rows without a value left out: {_listed(filled)}"
            yield Note("filler", message, file)


def _listed(names: Sequence[str], limit: int = 8) -> str:
    shown = ", ".join(display_name(n, 60) for n in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def parse_rows(file: str) -> Cells:
    """The whole file, a block of rows at a time. Raises ``ReadError`` where it cannot be opened."""
    lines = Lines(file)
    texts = (text for _, text in lines)
    header = _first_header(texts)
    if header is None:
        return Cells((), notes=lines.notes)
    cells = Cells(header.names)
    block: list[list[str]] = []
    most_rows = max(_BLOCK // len(header.names), 1)
    for text in texts:
        row = split_line(text, header.delimiter)
        if tuple(row) == header.names:
            _header_again(cells, cells.rows + len(block), file)
            row = []
        block.append(row)
        if len(block) == most_rows:
            _add_block(cells, block, header.delimiter)
            check_numbers(file, cells.numbers + cells.rows)
            block = []
    if block and 0 < len(block[-1]) < len(header.names):
        # Cut off while it was written: "0.05" may have been going to be "0.0512".
        del block[-1][-1]
    _add_block(cells, block, header.delimiter)
    check_numbers(file, cells.numbers + cells.rows)
    above = lines.kept - cells.rows
    cells.forks += [(max(a - above, 0), max(b - above, 0)) for a, b in lines.forks]
    cells.notes[:0] = lines.notes
    return cells


def _first_header(texts: Iterator[str]) -> Header | None:
    seen: list[str] = []
    for text in texts:
        seen.append(text)
        header = split_header(seen)
        if header is not None or not text.lstrip("\ufeff").startswith("#"):
            return header
        if len(seen) == _PREAMBLE:
            break
    return None


def _header_again(cells: Cells, row: int, file: str) -> None:
    cells.forks.append((row + 1, 0))
    message = f"the header comes again at row {row}: the file was appended to"
    cells.notes.append(Note("header-again", message, file))


def _add_block(cells: Cells, block: list[list[str]], delimiter: str) -> None:
    width = len(cells.names)
    cells.ragged += sum(len(row) not in (0, width) for row in block)
    columns = zip_longest(*(row[:width] for row in block), fillvalue="")
    for name, column in zip(cells.names, columns, strict=False):
        texts = [c.replace(",", ".") for c in column] if delimiter == ";" else column
        row, value, strange = numbers(texts)
        cells.add(name, row + cells.rows, value)
        if strange:
            cells.text[name] += strange
    cells.rows += len(block)


def numbers(cells: Sequence[str]) -> tuple[IntArray, Array, int]:
    """Where there are numbers, which, and how many cells are neither number nor missing."""
    filled = [i for i, cell in enumerate(cells) if cell]
    present = cells if len(filled) == len(cells) else [cells[i] for i in filled]
    try:
        return np.array(filled, dtype=np.int64), np.array(list(map(float, present))), 0
    except ValueError:
        parsed = [(i, parse_number(c)) for i, c in zip(filled, present, strict=True)]
    good = [(i, v) for i, v in parsed if v is not None]
    strange = sum(v is None and not is_missing(cells[i]) for i, v in parsed)
    rows = np.array([i for i, _ in good], dtype=np.int64)
    return rows, np.array([v for _, v in good], dtype=np.float64), strange
