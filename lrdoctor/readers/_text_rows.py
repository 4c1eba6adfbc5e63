"""Gathers the numbers of a console log line by line, each at the position printed last."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lrdoctor.readers._collect import Collector, scalar
from lrdoctor.readers._printed import Printed
from lrdoctor.readers._text_axis import Cursor, Rows
from lrdoctor.readers._text_position import position
from lrdoctor.readers._text_tokens import clean, headline, numbers, wall_time
from lrdoctor.roles_names import names_loss, names_lr
from lrdoctor.types import Scalar

LONGEST_LINE = 32 << 10
"""Characters; a longer line is a dump of data, not a row of a log."""

_SETTING = re.compile(r"\s{0,40}([A-Za-z_][\w.-]{0,60})\s{0,8}[:=]\s{0,8}(\S.{0,200})")
_MOST_SETTINGS = 2000


@dataclass
class Signal:
    """A loss or an LR: how often it was printed, at a known position and on a timed line."""

    is_lr: bool
    count: int = 0
    placed: int = 0
    timed: int = 0
    printed: Printed = field(default_factory=Printed)


class TextRows:
    """What the lines read so far have said.

    The step of a point in ``columns`` is its row, since the axis is known only at the end.
    ``settings`` are the lines "name: word" before training begins.
    """

    def __init__(self) -> None:
        self.columns = Collector()
        self.rows = Rows()
        self.cursor = Cursor()
        self.settings: dict[str, Scalar] = {}
        self.signals: dict[str, Signal] = {}
        self.overlong = 0
        self.cut: str | None = None
        self._names: dict[str, Signal | None] = {}
        self._latest: dict[str, str] = {}
        self._section = ""
        self._record: set[str] = set()
        self._records = 0
        self._time: float | None = None

    def take(self, line: str) -> None:
        """Adds one line. Only the last line can be ``cut``: it names a tag whose number may be."""
        self.cut = None
        if len(line) > LONGEST_LINE:
            self.overlong += 1
            return
        line = clean(line)
        here = position(line)
        if here is not None:
            self.cursor.move(here)
            self._section = ""
        found = numbers(line, self._section)
        if found:
            self._add(line, found, alone=here is None and len(found) == 1)
        elif (section := headline(line)) is not None:
            self._section = section
        elif not self.signals and not self.cursor.known:
            self._set(line)

    def _add(self, line: str, found: list[tuple[str, str]], alone: bool) -> None:
        now = wall_time(line)
        self._time = self._time if now is None else now
        if any(tag in self._record for tag, _ in found):
            self._records += 1
            self._record.clear()
        row = len(self.rows)
        self.rows.append(self.cursor, self._records, self._time, alone)
        for tag, text in found:
            if tag in self._record:
                continue  # printed twice in one line: the first is the current value
            self._record.add(tag)
            self.columns.add(tag, row, float(text), order=row)
            signal = self._signal(tag)
            if signal is not None:
                signal.count += 1
                signal.placed += self.cursor.known
                signal.timed += self.cursor.known and now is not None
                if signal.is_lr:
                    signal.printed.add(text)
        last_tag, last = found[-1]
        if line.endswith(last) and len(last) < len(self._latest.get(last_tag, "")):
            self.cut = last_tag
        self._latest.update(found)

    def _signal(self, tag: str) -> Signal | None:
        if tag not in self._names:
            is_lr = names_lr(tag)
            signal = Signal(is_lr) if is_lr or names_loss(tag) else None
            self._names[tag] = signal
            if signal is not None:
                self.signals[tag] = signal
        return self._names[tag]

    def _set(self, line: str) -> None:
        found = _SETTING.fullmatch(line)
        if found and len(self.settings) < _MOST_SETTINGS:
            self.settings.setdefault(found[1], scalar(found[2].rstrip(" ,").strip("'\"")))
