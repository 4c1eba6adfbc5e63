"""JSON lines: MMEngine, mmcv, detectron2, DETR/MAE, LLaMA-Factory and any one record per line."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lrdoctor.errors import ReadError
from lrdoctor.readers._records import Records, decode, settings
from lrdoctor.readers._table import (
    CONTAINERS,
    EPOCH_NAMES,
    STEP_NAMES,
    Axis,
    Column,
    Table,
    find_axis,
    looks_like_log,
    raw_log,
)
from lrdoctor.readers._text import Lines, check_numbers, display_name, head_text
from lrdoctor.types import Note, RawLog, Scalar

# A format's own keys, most telling first: (name, keys it has).
DIALECTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("llamafactory_jsonl", frozenset({"current_steps", "total_steps"})),
    ("detectron2_json", frozenset({"iteration", "data_time"})),
    ("mmcv_json", frozenset({"mode", "iter"})),
    ("mmengine_json", frozenset({"step", "data_time"})),
    ("detr_jsonl", frozenset({"train_lr", "epoch"})),
)
# In a document of columns the values are lists, here they are numbers.
_NUMBER_KEY = re.compile(r'"([^"\\]{1,200})"\s*:\s*(?:-?[\dIN]|"-?[\dIN])')
_SNIFFED = 20
_PLANNED = ("total_steps", "n_parameters")  # the same in every row: a setting, not a series


@dataclass(frozen=True, slots=True)
class Jsonl:
    """One JSON object per line; ``RawLog.format`` names the dialect."""

    name: ClassVar[str] = "jsonl"
    patterns: ClassVar[tuple[str, ...]] = ("*.jsonl", "*.json", "*.txt", "*.ndjson", "*.log")
    priority: ClassVar[int] = 5

    def accepts(self, path: str, head: bytes) -> bool:
        """Whether the first lines are JSON objects with keys such as step, loss and lr."""
        lines = [t.strip() for t in head_text(head).splitlines() if t.strip()][:_SNIFFED]
        objects = [t for t in lines if t.startswith("{") and t != "{"]
        if not objects or 2 * len(objects) < len(lines):
            return False
        if path.lower().endswith(".log.json"):
            return True
        # One object alone, complete or going on in the next line, is a document.
        is_document = not objects[0].endswith("}") if len(lines) > 1 else objects[0].endswith("}")
        if path.lower().endswith(".json") and is_document:
            return False
        return looks_like_log(key for line in objects for key in _NUMBER_KEY.findall(line))

    def read(self, files: Sequence[str]) -> Iterator[RawLog]:
        """One raw log per file. Raises ``ReadError``."""
        for file in files:
            yield _read(file)


def _read(file: str) -> RawLog:
    lines, records = Lines(file), Records()
    hparams: dict[str, Scalar] = {}
    modes: list[str] = []
    row_of_line, bad = array("q", [0]), 0
    for _, text in lines:
        try:
            record = decode(text)
        except ValueError:
            record = None
        if isinstance(record, dict) and not _take_settings(record, hparams):
            records.add(record)
            check_numbers(file, records.numbers + records.rows)
            modes.append(str(record.get("mode", "")))
        bad += not isinstance(record, dict)
        row_of_line.append(records.rows)
    if not records.rows:
        reason = "no line is a JSON object; is this a log of JSON lines?"
        raise ReadError(display_name(file, 1000), reason)
    table = records.table((row_of_line[a], row_of_line[b]) for a, b in lines.forks)
    notes = [*lines.notes, *_notes(file, records, bad)]
    format = dialect_of(table.columns.keys() | records.text)
    hparams |= _planned(table)
    axis, said = _axis(format, table, modes)
    notes += [Note("axis", text, file) for text in said]
    return raw_log(file, format, table, notes=notes, hparams=hparams, axis=axis)


def _take_settings(record: Mapping[str, Any], hparams: dict[str, Scalar]) -> bool:
    """Whether a line is configuration, not a row; then it is added to ``hparams``."""
    if any(key in record for key in (*STEP_NAMES, *EPOCH_NAMES)):
        return False
    held = [key for key in CONTAINERS if isinstance(record.get(key), dict)]
    for key in held:
        hparams |= settings(record[key])
    return bool(held) or "env_info" in record


def _notes(file: str, records: Records, bad: int) -> Iterator[Note]:
    if bad:
        yield Note("unreadable", f"{bad} lines that are no JSON objects left out", file)
    if records.refused:
        yield Note("too-many-tags", f"{len(records.refused)} further names left out", file)


def dialect_of(names: set[str]) -> str:
    """The name of the writer that has such keys, "jsonl" where it could be anyone."""
    return next((name for name, keys in DIALECTS if keys <= names), "jsonl")


def _planned(table: Table) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for name in _PLANNED:
        column = table.columns.get(name)
        if column is not None and np.all(column.value == column.value[-1]):
            value = float(column.value[-1])
            found[name] = int(value) if value.is_integer() else value
    return found


# ---------------------------------------------------------------------------- OpenMMLab


def _axis(format: str, table: Table, modes: Sequence[str]) -> tuple[Axis, tuple[str, ...]]:
    """MMEngine and mmcv count validation rows in another unit than training rows."""
    train = _train_rows(format, table, modes)
    if train is None or train.all() or not train.any():
        return find_axis(table), ()
    base = find_axis(_only(table, train))
    step = np.full(table.rows, np.nan)
    step[train] = base.step
    last_train = np.maximum.accumulate(np.where(train, np.arange(table.rows), -1))
    step = np.where(last_train < 0, np.nan, step[last_train])
    count = int(np.count_nonzero(~train))
    text = f"{count} validation rows count in another unit; set at the training row before them"
    return Axis(base.name, step, base.column, base.notes), (text,)


def _train_rows(format: str, table: Table, modes: Sequence[str]) -> npt.NDArray[np.bool_] | None:
    """``bool[rows]``: which rows are of training; None where rows do not differ."""
    if format == "mmcv_json":
        return np.array([mode != "val" for mode in modes])
    if format != "mmengine_json" or "lr" not in table.columns:
        return None
    has_lr = np.zeros(table.rows, dtype=bool)
    has_lr[table.columns["lr"].row] = True
    return has_lr


def _only(table: Table, keep: npt.NDArray[np.bool_]) -> Table:
    """The axis columns of some rows, renumbered."""
    number = np.cumsum(keep) - 1
    columns = {}
    for name, column in table.columns.items():
        if name in STEP_NAMES or name in EPOCH_NAMES:
            inside = keep[column.row]
            columns[name] = Column(number[column.row[inside]], column.value[inside])
    return Table(columns, int(keep.sum()))
