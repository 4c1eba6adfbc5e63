"""Gathers the numbers of a console log line by line, each at the position printed last."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lrdoctor.readers._collect import MAX_TAGS, scalar
from lrdoctor.readers._printed import Printed
from lrdoctor.readers._text_axis import Cursor, Rows
from lrdoctor.readers._text_template import LineParser, Parsed
from lrdoctor.readers._text_tokens import clean, headline, wall_time
from lrdoctor.roles_names import names_loss, names_lr
from lrdoctor.types import Array, IntArray, Scalar

LONGEST_LINE = 32 << 10
"""Characters; a longer line is a dump of data, not a row of a log."""

_SETTING = re.compile(
    r"\s{0,40}([A-Za-z_][\w.-]{0,60})\s{0,8}[:=]\s{0,8}((?!dict\(|[({\[])\S.{0,200})"
)
MOST_SETTINGS = 2000
_BATCH, _MOST_KINDS = 4096, 256  # lines of a kind that are converted together, kinds that wait


class Points:
    """The numbers of one tag: ``row`` ascending, ``value``; how an LR was ``printed``."""

    def __init__(self, tag: str) -> None:
        self.printed = Printed() if names_lr(tag) else None
        self.is_signal = self.printed is not None or names_loss(tag)
        self._row = array("q")
        self._value = array("d")
        self._latest = ""

    def extend(self, rows: array[int], texts: tuple[str, ...]) -> None:
        """Adds numbers as printed, in the order of their rows."""
        self._row.extend(rows)
        self._value.extend(map(float, texts))
        self._latest = texts[-1]
        if self.printed is not None:
            self.printed.update(texts)

    def is_shorter(self, text: str) -> bool:
        """Whether ``text`` has fewer characters than the number before it."""
        return len(text) < len(self._latest)

    def columns(self) -> tuple[IntArray, Array]:
        """Row and value of each number, ``int64[n]`` ascending and ``float64[n]``."""
        row, value = np.array(self._row, dtype=np.int64), np.array(self._value)
        order = np.argsort(row, kind="stable")
        return row[order], value[order]


@dataclass
class _Pending:
    """Lines with the same tags that wait to be converted."""

    rows: array[int]
    texts: list[tuple[str, ...]]


class TextRows:
    """What the lines read so far have said; call ``finish`` before looking at ``points``.

    ``settings`` are the lines "name: word" before training begins, ``ambiguous`` the names among
    them that come with several values, ``unset`` how many lines came after ``MOST_SETTINGS`` of
    them. ``first_placed`` is the first
    row whose position is known; so is that of every row after it.
    """

    def __init__(self) -> None:
        self.rows = Rows()
        self.points: dict[str, Points] = {}
        self.cursor = Cursor()
        self.settings: dict[str, Scalar] = {}
        self.ambiguous: set[str] = set()
        self.first_placed: int | None = None
        self.lines = 0
        self.numbers = 0
        self.overlong = 0
        self.unset = 0
        self.refused = 0
        self.cut: str | None = None
        self._parser = LineParser()
        self._pending: dict[tuple[str, ...], _Pending] = {}
        self._section = ""
        self._record: set[str] = set()
        self._records = 0
        self._time: float | None = None
        self._last: tuple[str, Parsed] | None = None

    def take(self, line: str) -> None:
        """Adds one line."""
        self._last = None
        self.lines += bool(line.strip())
        if len(line) > LONGEST_LINE:
            self.overlong += 1
            return
        line = clean(line)
        parsed = self._parser.parse(line, self._section)
        if parsed.position is not None:
            self.cursor.move(parsed.position)
            if self._section:
                self._section = ""
                parsed = self._parser.parse(line)
        if parsed.tags:
            self._add(line, parsed)
        elif (section := headline(line)) is not None:
            self._section = section
        elif self.first_placed is None:
            self._set(line)

    def finish(self) -> None:
        """Converts what waits, and finds out whether the very last number is ``cut``."""
        last = self._last
        for tags in list(self._pending):
            if last is None or tags != last[1].tags:
                self._flush(tags)
        if last is not None:
            line, parsed = last
            tag, text = parsed.tags[-1], parsed.texts[-1]
            pending = self._pending[parsed.tags]
            before = pending.texts[-2][-1] if len(pending.texts) > 1 else ""
            known = self.points.get(tag)
            shorter = len(text) < len(before) if before else bool(known and known.is_shorter(text))
            self.cut = tag if shorter and line.endswith(text) else None
            self._flush(parsed.tags)

    def signals(self) -> Iterator[tuple[str, Points]]:
        """The tags that name a loss or an LR."""
        return ((tag, points) for tag, points in self.points.items() if points.is_signal)

    def _add(self, line: str, parsed: Parsed) -> None:
        now = wall_time(line)
        self._time = self._time if now is None else now
        if not self._record.isdisjoint(parsed.tags):
            self._records += 1
            self._record.clear()
        self._record.update(parsed.tags)
        row = len(self.rows)
        self.numbers += len(parsed.tags)
        if self.first_placed is None and self.cursor.known:
            self.first_placed = row
        alone = parsed.position is None and len(parsed.tags) == 1
        self.rows.append(self.cursor, self._records, self._time, alone)
        self._wait(parsed, row)
        self._last = line, parsed

    def _wait(self, parsed: Parsed, row: int) -> None:
        pending = self._pending.get(parsed.tags)
        if pending is not None and len(pending.texts) >= _BATCH:
            self._flush(parsed.tags)
            pending = None
        if pending is None:
            if len(self._pending) >= _MOST_KINDS:
                for tags in list(self._pending):
                    self._flush(tags)
            pending = self._pending[parsed.tags] = _Pending(array("q"), [])
        pending.rows.append(row)
        pending.texts.append(parsed.texts)

    def _flush(self, tags: tuple[str, ...]) -> None:
        pending = self._pending.pop(tags)
        for tag, texts in zip(tags, zip(*pending.texts, strict=True), strict=True):
            points = self.points.get(tag)
            if points is None:
                if len(self.points) >= MAX_TAGS:
                    self.refused += len(texts)
                    continue
                points = self.points[tag] = Points(tag)
            points.extend(pending.rows, texts)

    def _set(self, line: str) -> None:
        found = _SETTING.fullmatch(line)
        if found is None:
            return
        if len(self.settings) >= MOST_SETTINGS and found[1] not in self.settings:
            self.unset += 1
            return
        text = found[2].rstrip(" ,") if "(" in found[2] else found[2].rstrip(" ,)")
        value = scalar(text.strip("'\""))
        # A name with two values belongs to two things that the lines above it name.
        if self.settings.setdefault(found[1], value) != value:
            self.ambiguous.add(found[1])
