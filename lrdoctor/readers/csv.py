"""CSV and TSV logs: Lightning, Keras, YOLO, SB3, timm, fastai, W&B exports and any other table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lrdoctor.errors import ReadError
from lrdoctor.readers._csv_cells import Cells, parse_rows, split_header, split_line
from lrdoctor.readers._table import Column, Table, looks_like_log, raw_log, simple
from lrdoctor.readers._text import HEAD_BYTES, display_name, head_text, is_missing, parse_number
from lrdoctor.types import Note, RawLog

LARGE = 8 << 20  # bytes; below, importing pandas costs more time than it saves
_SNIFFED = 5  # rows looked at to tell a table from prose
_RATIO = 5  # how much gzip shrinks such tables, about
# A format's own columns, most telling first: (name, columns it has).
DIALECTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("ultralytics_csv", frozenset({"lr/pg0", "epoch"})),
    ("yolov5_csv", frozenset({"x/lr0"})),
    ("sb3_csv", frozenset({"time/total_timesteps"})),
    ("hf_csv", frozenset({"step", "epoch", "train_runtime"})),
    ("hf_csv", frozenset({"step", "epoch", "eval_runtime"})),
    ("timm_csv", frozenset({"epoch", "train_loss", "eval_loss", "eval_top1"})),
    ("fastai_csv", frozenset({"epoch", "train_loss", "valid_loss", "time"})),
    ("lightning_csv", frozenset({"epoch", "step"})),
    ("keras_csv", frozenset({"loss", "val_loss"})),
    ("keras_csv", frozenset({"epoch", "loss", "accuracy"})),
)
_EXPORT = re.compile(r"(.+) - (.+?)(__MIN|__MAX)?")


@dataclass(frozen=True, slots=True)
class Csv:
    """A header and rows of numbers; ``RawLog.format`` names the dialect."""

    name: ClassVar[str] = "csv"
    patterns: ClassVar[tuple[str, ...]] = ("*.csv", "*.tsv", "*.txt", "*.dat")
    priority: ClassVar[int] = 0

    def accepts(self, path: str, head: bytes) -> bool:
        """Whether the first line is a header of columns such as step, loss and lr."""
        lines = [t for t in head_text(head).splitlines() if t.strip()]
        lines = [t for t in lines if not t.startswith("<<<<<<< ")]
        header = split_header(lines)
        if header is None:
            return False
        cut = len(head) >= HEAD_BYTES
        body = lines[header.line + 1 : -1 if cut else None][:_SNIFFED]
        rows = [split_line(t, header.delimiter) for t in body]
        is_table = bool(rows) and all(len(r) == len(header.names) for r in rows)
        # Prose that mentions a loss splits into unequal rows.
        maybe_prose = header.delimiter == " " or not path.lower().endswith((".csv", ".tsv"))
        if maybe_prose and not is_table:
            return False
        numeric = all(is_missing(c) or parse_number(c) is not None for row in rows for c in row)
        return looks_like_log(header.names, numeric=numeric) or is_export(header.names)

    def read(self, files: Sequence[str]) -> Iterator[RawLog]:
        """One raw log per file, one per run of a W&B export. Raises ``ReadError``."""
        for file in files:
            yield from _read(file)


def _read(file: str) -> Iterator[RawLog]:
    cells = _cells(file)
    if not cells.names:
        reason = "no table: the first line is not a header with at least two column names"
        raise ReadError(display_name(file, 1000), reason)
    table, notes = cells.table(file)
    if not table.columns:
        if cells.text:
            reason = "no numbers under the header; is this a training log?"
            raise ReadError(display_name(file, 1000), reason)
        notes = (*notes, Note("no-rows", "a header, but no rows yet", file))
    if is_export(cells.names):
        yield from _exported(file, table, notes)
    else:
        yield raw_log(file, dialect_of(cells.names), table, notes=notes)


def _cells(file: str) -> Cells:
    if _size(file) >= LARGE:
        # Importing this imports pandas.
        from lrdoctor.readers._csv_large import parse_large

        cells = parse_large(file)
        if cells is not None:
            return cells
    return parse_rows(file)


def _size(file: str) -> int:
    try:
        size = Path(file).stat().st_size
    except OSError:
        return 0
    return size * _RATIO if file.lower().endswith(".gz") else size


def dialect_of(names: Sequence[str]) -> str:
    """The name of the writer that has such columns, "csv" where it could be anyone."""
    plain = {simple(n) for n in names}
    return next((name for name, columns in DIALECTS if columns <= plain), "csv")


# ---------------------------------------------------------------------------- W&B exports


def is_export(names: Sequence[str]) -> bool:
    """Whether the columns are those of a chart exported from W&B: "run - tag", with extremes."""
    return any(n.endswith("__MIN") and _EXPORT.fullmatch(n) for n in names)


def _exported(file: str, table: Table, notes: Sequence[Note]) -> Iterator[RawLog]:
    """One raw log per run; an export has them side by side."""
    runs: dict[str, dict[str, Column]] = {}
    shared: dict[str, Column] = {}
    for name, column in table.columns.items():
        match = _EXPORT.fullmatch(name)
        if match is None:
            shared[name] = column
        elif match[3] is None:
            runs.setdefault(match[1], {})[match[2]] = column
    sample = Note(
        "sample", "exported by W&B: a sample of about 500 points, spikes may be missing", file
    )
    for run, columns in runs.items():
        part = Table({**shared, **columns}, table.rows, table.forks)
        said = Note("split", f"columns of W&B run {display_name(run)!r}", file)
        yield raw_log(file, "wandb_csv", part, notes=(*notes, sample, said))
