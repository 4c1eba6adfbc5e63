"""Console logs: nnU-Net, nanoGPT, DINO, MMEngine, Megatron, printed dicts of Hugging Face."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.errors import ReadError
from lrdoctor.readers._collect import MAX_TAGS
from lrdoctor.readers._text import (
    HEAD_BYTES,
    Lines,
    check_numbers,
    display_name,
    head_text,
    read_head,
)
from lrdoctor.readers._text_axis import Axis, find_axis
from lrdoctor.readers._text_rows import LONGEST_LINE, MOST_SETTINGS, TextRows
from lrdoctor.types import Array, IntArray, Note, RawLog, RawSeries, Scalar

_SNIFFED = 256 << 10  # bytes: some frameworks print their whole configuration first
_FEWEST = 3
# A setting's tag that comes in rows too, and this seldom alone, is alone where a restart printed
# the settings again.
_STRAY = 0.1


@dataclass(frozen=True, slots=True)
class TextLog:
    """Named numbers of lines that repeat, over the position that the lines print.

    What stands before the first position ("lr: 0.001", "batch_size: 32") becomes hparams. An LR
    that was printed with few digits gets a note "rounded_values" with its resolution.
    """

    name: ClassVar[str] = "text_log"
    patterns: ClassVar[tuple[str, ...]] = ("*.log", "*.txt", "*.out", "*.err", "*stdout*")
    priority: ClassVar[int] = -10
    head_bytes: ClassVar[int] = _SNIFFED

    def accepts(self, path: str, head: bytes) -> bool:
        """Whether a loss or an LR is printed again and again, looking past a long preamble."""
        text = head_text(head[:HEAD_BYTES])
        if not text or _is_log(text) or len(head) < HEAD_BYTES:
            return bool(text) and _is_log(text)
        if len(head) > HEAD_BYTES:
            return _is_log(head_text(head))
        for candidate in (path, f"{path}.gz"):
            try:
                return _is_log(head_text(read_head(candidate, _SNIFFED)))
            except ReadError:
                continue
        return False

    def read(self, files: Sequence[str]) -> Iterator[RawLog]:
        """One raw log per file."""
        for file in files:
            yield _read(file)


def _is_log(text: str) -> bool:
    """A loss or an LR comes three times at known positions.

    Once is enough for an LR with a time (nnU-Net's first epoch, when it was killed). Where no
    position is printed at all, the values must change and half of all lines hold numbers: prose
    about training has losses and LRs too.
    """
    log = _gather(re.split(r"\r\n?|\n", text))  # progress bars end lines with a lone CR
    timed = np.isfinite(np.array(log.rows.wall_time))
    for _, points in log.signals():
        rows, value = points.columns()
        if log.first_placed is None:
            changes = len(rows) >= _FEWEST and len(np.unique(value)) > 1
            if changes and 2 * len(log.rows) >= log.lines:
                return True
            continue
        placed = rows[rows >= log.first_placed]
        if len(placed) >= _FEWEST or (points.printed is not None and timed[placed].any()):
            return True
    return False


def _gather(lines: Iterable[str], file: str = "") -> TextRows:
    log = TextRows()
    for line in lines:
        log.take(line)
        check_numbers(file, log.numbers)
    log.finish()
    return log


def _read(file: str) -> RawLog:
    lines = Lines(file)
    log = _gather((line for _, line in lines), file)
    if not any(log.signals()):
        reason = "no line with a loss or an LR such as 'step 10: loss 2.3' or 'lr: 0.001'"
        raise ReadError(display_name(file, 1000), reason)
    axis = find_axis(log.rows)
    series, hparams = _split(log, axis)
    if axis.name != "epoch":
        series["epoch"] = _epochs(log, axis)
    for name, total in _totals(log, axis):
        hparams.setdefault(name, total)
    notes = (*lines.notes, *_notes(log, axis, file))
    found = tuple(s for s in series.values() if len(s.step))
    return RawLog(file, TextLog.name, axis.name, found, hparams, notes)


def _split(log: TextRows, axis: Axis) -> tuple[dict[str, RawSeries], dict[str, Scalar]]:
    """Series of what was printed at a known position; settings of what stands before."""
    series: dict[str, RawSeries] = {}
    settings, spoilt = dict(log.settings), set(log.ambiguous)
    alone = np.array(log.rows.alone, dtype=bool)
    wall = np.array(log.rows.wall_time)
    for tag, points in log.points.items():
        name = display_name(tag)
        rows, value = points.columns()
        if tag == log.cut:
            rows, value = rows[:-1], value[:-1]
        placed = axis.known[rows]
        before = np.unique(value[~placed])
        if len(before) == 1:
            settings.setdefault(name, _whole(float(before[0])))
        elif len(before) > 1:
            spoilt.add(name)
        if len(before) and np.count_nonzero(alone[rows] & placed) <= _STRAY * placed.sum():
            placed &= ~alone[rows]
        if axis.name == "row" and len(rows) == 1 and len(log.rows) > _FEWEST:
            settings.setdefault(name, _whole(float(value[0])))
        elif placed.any():
            series.setdefault(name, _series(name, axis, rows[placed], value[placed], wall))
    return series, {name: value for name, value in settings.items() if name not in spoilt}


def _series(tag: str, axis: Axis, rows: IntArray, value: Array, wall_time: Array) -> RawSeries:
    when = wall_time[rows]
    return RawSeries(tag, axis.step[rows], value, when if np.isfinite(when).all() else None, rows)


def _epochs(log: TextRows, axis: Axis) -> RawSeries:
    """The printed epoch as a series, where it or the step changes."""
    epoch = np.array(log.rows.epoch)
    rows = np.flatnonzero(axis.known & np.isfinite(epoch))
    moved = (np.diff(axis.step[rows]) != 0) | (np.diff(epoch[rows]) != 0)
    rows = rows[np.concatenate([np.ones(min(len(rows), 1), dtype=bool), moved])]
    return _series("epoch", axis, rows, epoch[rows], np.array(log.rows.wall_time))


def _totals(log: TextRows, axis: Axis) -> Iterator[tuple[str, int]]:
    """The planned length where positions are printed as "3/90"."""
    if log.cursor.epochs:
        yield "epochs", log.cursor.epochs
    if axis.name == "step" and (total := log.cursor.steps or log.cursor.longest_bar):
        yield "max_steps", total


def _notes(log: TextRows, axis: Axis, file: str) -> Iterator[Note]:
    if axis.note:
        yield Note("axis", axis.note, file)
    for tag, points in log.points.items():
        resolution = points.printed.resolution() if points.printed else None
        if resolution:
            yield Note("rounded_values", f"{display_name(tag)}: {resolution}", file)
    if log.cut:
        message = f"the last number of {display_name(log.cut)!r} is cut short and left out"
        yield Note("truncated", message, file)
    if log.overlong:
        message = f"{log.overlong} lines over {LONGEST_LINE} characters left out"
        yield Note("long-line", message, file)
    if log.unset:
        message = f"{log.unset} settings beyond the first {MOST_SETTINGS} left out"
        yield Note("settings", message, file)
    if log.refused:
        message = f"{log.refused} values of tags beyond the first {MAX_TAGS} left out"
        yield Note("too-many-tags", message, file)


def _whole(value: float) -> Scalar:
    return int(value) if value.is_integer() else value
