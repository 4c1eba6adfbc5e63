"""Console logs: nnU-Net, nanoGPT, DINO, MMEngine, Megatron, printed dicts of Hugging Face."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.errors import ReadError
from lrdoctor.readers._text import HEAD_BYTES, Lines, display_name, head_text, read_head
from lrdoctor.readers._text_axis import Axis, find_axis
from lrdoctor.readers._text_rows import LONGEST_LINE, TextRows
from lrdoctor.types import Array, Note, RawLog, RawSeries, Scalar

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

    def accepts(self, path: str, head: bytes) -> bool:
        """Whether a loss or an LR is printed again and again, looking past a long preamble."""
        text = head_text(head)
        if not text or _is_log(text) or len(head) < HEAD_BYTES:
            return bool(text) and _is_log(text)
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
    """A loss or an LR comes three times, at known positions if any are printed.

    An LR with a time and a position is enough once: nnU-Net's first epoch, when it was killed.
    """
    log = TextRows()
    for line in text.split("\n"):
        log.take(line)
    signals = log.signals.values()
    if any(s.is_lr and s.timed for s in signals):
        return True
    return any((s.placed if log.cursor.known else s.count) >= _FEWEST for s in signals)


def _read(file: str) -> RawLog:
    log, lines = TextRows(), Lines(file)
    for _, line in lines:
        log.take(line)
    if not log.signals:
        reason = "no line with a loss or an LR such as 'step 10: loss 2.3' or 'lr: 0.001'"
        raise ReadError(display_name(file, 1000), reason)
    axis = find_axis(log.rows)
    series, hparams = _split(log, axis)
    if axis.name != "epoch":
        series += _epochs(log, axis)
    for name, total in _totals(log, axis):
        hparams.setdefault(name, total)
    notes = (*lines.notes, *_notes(log, axis, series, file), *log.columns.notes(file))
    return RawLog(file, TextLog.name, axis.name, tuple(series), hparams, notes)


def _split(log: TextRows, axis: Axis) -> tuple[list[RawSeries], dict[str, Scalar]]:
    """Series of what was printed at a known position; settings of what stands before."""
    found: list[RawSeries] = []
    settings, spoilt = dict(log.settings), set[str]()
    alone = np.array(log.rows.alone, dtype=bool)
    wall = np.array(log.rows.wall_time)
    for raw in log.columns.series():
        rows, value = raw.step, raw.value
        if raw.tag == log.cut:
            rows, value = rows[:-1], value[:-1]
        placed = axis.known[rows]
        before = np.unique(value[~placed])
        if len(before) == 1:
            settings.setdefault(raw.tag, _whole(float(before[0])))
        elif len(before) > 1:
            spoilt.add(raw.tag)
        if len(before) and np.count_nonzero(alone[rows] & placed) <= _STRAY * placed.sum():
            placed &= ~alone[rows]
        if axis.name == "row" and len(rows) == 1 and len(log.rows) > _FEWEST:
            settings.setdefault(raw.tag, _whole(float(value[0])))
        elif placed.any():
            found.append(_series(raw.tag, axis, rows[placed], value[placed], wall))
    return found, {name: value for name, value in settings.items() if name not in spoilt}


def _series(tag: str, axis: Axis, rows: np.ndarray, value: Array, wall_time: Array) -> RawSeries:
    when = wall_time[rows]
    return RawSeries(tag, axis.step[rows], value, when if np.isfinite(when).all() else None, rows)


def _epochs(log: TextRows, axis: Axis) -> list[RawSeries]:
    """The printed epoch as a series, where it or the step changes."""
    epoch = np.array(log.rows.epoch)
    rows = np.flatnonzero(axis.known & np.isfinite(epoch))
    if not len(rows):
        return []
    moved = (np.diff(axis.step[rows]) != 0) | (np.diff(epoch[rows]) != 0)
    rows = rows[np.concatenate([[True], moved])]
    return [_series("epoch", axis, rows, epoch[rows], np.array(log.rows.wall_time))]


def _totals(log: TextRows, axis: Axis) -> Iterator[tuple[str, int]]:
    """The planned length where positions are printed as "3/90"."""
    if log.cursor.epochs:
        yield "epochs", log.cursor.epochs
    if axis.name == "step" and (total := log.cursor.steps or log.cursor.longest_bar):
        yield "max_steps", total


def _notes(log: TextRows, axis: Axis, series: Sequence[RawSeries], file: str) -> Iterator[Note]:
    if axis.note:
        yield Note("axis", axis.note, file)
    for tag in (s.tag for s in series):
        signal = log.signals.get(tag)
        resolution = signal.printed.resolution() if signal and signal.is_lr else None
        if resolution:
            yield Note("rounded_values", f"{tag}: {resolution}", file)
    if log.cut:
        yield Note("truncated", f"the last number of {log.cut!r} is cut short and left out", file)
    if log.overlong:
        message = f"{log.overlong} lines over {LONGEST_LINE} characters left out"
        yield Note("long-line", message, file)


def _whole(value: float) -> Scalar:
    return int(value) if value.is_integer() else value
