"""Tables of numbers (CSV rows, JSON records, JSON columns) as raw logs: axis, wall time, series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lrdoctor.readers._text import display_name
from lrdoctor.types import Array, IntArray, Note, RawLog, RawSeries, Scalar

# Names of x axes in lower case, best first: what counts optimizer steps before what counts others.
STEP_NAMES = (
    "global_step", "trainer/global_step", "train/global_step", "current_steps", "_step", "step",
    "steps", "train_step", "train/step", "optimizer_step", "iteration", "iterations", "iter",
    "iters", "itr", "n_iter", "iter_num", "num_updates", "update", "updates",
    "time/total_timesteps", "total_timesteps", "timesteps", "timestep", "totalenvinteracts",
    "num_steps", "batch", "batch_idx", "batches",
)  # fmt: skip
EPOCH_NAMES = ("epoch", "epochs", "train/epoch", "epoch_num", "num_epoch", "current_epoch")
WALL_NAMES = ("_timestamp", "timestamp", "wall_time", "walltime", "wall time")
_LOSS = re.compile(r"(?:^|[^a-z])(?:loss(?:es)?|nll|perplexity|ppl|cross_?entropy)(?:[^a-z]|$)")
_LR = re.compile(r"(?:^|[^a-z])(?:lr|learning[ _]?rate)(?:[^a-z]|$)")
_EARLIEST, _LATEST = 1e8, 1e11  # Unix seconds from 1973 to 5138
_LARGEST_STEP = 2.0**53
CONTAINERS = ("config", "args", "hparams", "hyperparameters", "hyper_parameters", "params", "cfg")


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The cells of one column that hold a number; ``row: int64[n]`` ascending, ``value``."""

    row: IntArray
    value: Array


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns by name over ``rows`` rows.

    ``forks`` are ``(row, back)``: the rows from ``row`` on are an alternative to those from
    ``back`` on (the other side of a git conflict, a header that comes again).
    """

    columns: Mapping[str, Column]
    rows: int
    forks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """The step of every row, NaN before the first known, and how it came about."""

    name: str
    step: Array
    column: str | None = None
    notes: tuple[str, ...] = field(default=())


def simple(name: str) -> str:
    """A column name for comparison: lower case, inner spaces as underscores."""
    return re.sub(r"\s+", "_", name.strip().lower())


def is_lr(name: str) -> bool:
    """Whether a name has "lr" or "learning rate" as a word of its own."""
    return _LR.search(name.lower()) is not None


def is_loss(name: str) -> bool:
    """Whether a name has "loss" or another name for one as a word of its own."""
    return _LOSS.search(name.lower()) is not None


def looks_like_log(names: Iterable[str], *, numeric: bool = True) -> bool:
    """Whether column names are those of a training log.

    A loss or an LR makes one, and so does a step or epoch with anything beside it. ``numeric``
    says whether all cells seen are numbers: a table of results per model has a loss, but also text.
    """
    plain = [simple(n) for n in names if n.strip()]
    has_axis = any(n in STEP_NAMES or n in EPOCH_NAMES for n in plain)
    has_signal = any(is_loss(n) or is_lr(n) for n in plain)
    return len(plain) >= 2 and (has_axis or (has_signal and numeric))


# ---------------------------------------------------------------------------- axis


def find_axis(table: Table) -> Axis:
    """The best x axis: a step that never repeats over epochs, else the epoch, else the row."""
    by_name = {simple(n): n for n in reversed(list(table.columns))}
    epoch = next((by_name[n] for n in EPOCH_NAMES if n in by_name), None)
    epochs = None if epoch is None else _whole(table, epoch)
    for name in STEP_NAMES:
        column = by_name.get(name)
        if column is None or (steps := _whole(table, column)) is None:
            continue
        if not _starts_over(steps, epochs):
            # A batch counter says nothing without the epochs it belongs to.
            if not name.startswith("batch"):
                return Axis(column, steps, column)
        elif epochs is not None:
            return Axis(column, *_within_epochs(column, steps, epochs))
    if epochs is not None:
        return Axis(epoch or "epoch", epochs, epoch)
    return Axis("row", _row_numbers(table))


def _whole(table: Table, name: str) -> Array | None:
    """A column's value for every row (the last known one), if it can be an axis: whole numbers,
    in most rows, not the same throughout."""
    column = table.columns[name]
    value = column.value
    if 2 * len(value) < table.rows or not len(value):
        return None
    if not np.all(np.isfinite(value) & (value == np.rint(value)) & (np.abs(value) < _LARGEST_STEP)):
        return None
    if len(value) > 2 and value[0] == value[-1] and np.all(value == value[0]):
        return None
    filled = np.full(table.rows, np.nan)
    latest = np.searchsorted(column.row, np.arange(table.rows), side="right") - 1
    known = latest >= 0
    filled[known] = value[latest[known]]
    return filled


def _starts_over(steps: Array, epochs: Array | None) -> bool:
    """Whether the steps count within the epoch: they fall where the epoch rises."""
    falls = np.flatnonzero(steps[1:] < steps[:-1]) + 1
    if epochs is None or not len(falls):
        return False
    return bool(np.mean(epochs[falls] > epochs[falls - 1]) > 0.9)


def _within_epochs(
    name: str, steps: Array, epochs: Array
) -> tuple[Array, str | None, tuple[str, ...]]:
    first_step = 0 if np.nanmin(steps) <= 0 else 1
    per_epoch = np.nanmax(steps) + 1 - first_step
    first_epoch = epochs[np.isfinite(epochs)][0]
    base = first_epoch if first_epoch in (0, 1) else 1
    text = f"{name!r} counts within each epoch; steps are epoch x {per_epoch:.0f} + {name}"
    return (epochs - base) * per_epoch + steps, None, (text,)


def _row_numbers(table: Table) -> Array:
    number = np.arange(table.rows, dtype=np.float64)
    for row, back in table.forks:
        number[row:] += number[min(back, table.rows - 1)] - number[row] if row < table.rows else 0
    return number


# ---------------------------------------------------------------------------- raw log


def raw_log(
    file: str,
    format: str,
    table: Table,
    *,
    notes: Sequence[Note] = (),
    hparams: Mapping[str, Scalar] | None = None,
    axis: Axis | None = None,
) -> RawLog:
    """The table as a raw log in row order; the epoch stays a series, an index column goes."""
    axis = axis or find_axis(table)
    known = np.isfinite(axis.step)
    lost = int(np.count_nonzero(~known))
    found = [Note("axis", text, file) for text in axis.notes]
    if lost:
        found.append(Note("no-step", f"{lost} rows before the first {axis.name} left out", file))
    wall = _wall_time(table)
    series = tuple(
        _series(name, column, axis, known, wall)
        for name, column in table.columns.items()
        if _is_signal(name, column, axis)
    )
    return RawLog(
        file,
        format,
        display_name(axis.name),
        tuple(s for s in series if len(s.step)),
        hparams or {},
        (*notes, *found),
    )


def _is_signal(name: str, column: Column, axis: Axis) -> bool:
    plain = simple(name)
    if name == axis.column:
        return plain in EPOCH_NAMES
    if plain in WALL_NAMES:
        return False
    is_index = plain in ("", "unnamed:_0", "index")
    return not (is_index and np.array_equal(column.value, column.row))


def _series(
    name: str, column: Column, axis: Axis, known: npt.NDArray[np.bool_], wall: Array | None
) -> RawSeries:
    keep = known[column.row]
    row = column.row if keep.all() else column.row[keep]
    value = column.value if keep.all() else column.value[keep]
    when = None if wall is None else wall[row]
    return RawSeries(name, axis.step[row].astype(np.int64), value, when, row)


def _wall_time(table: Table) -> Array | None:
    """Unix seconds of every row, NaN where unknown; None where no column has them."""
    for name, column in table.columns.items():
        if simple(name) in WALL_NAMES and len(column.value):
            seconds = column.value
            seconds = seconds / 1000 if np.nanmedian(seconds) > _LATEST else seconds
            if np.all((seconds > _EARLIEST) & (seconds < _LATEST)):
                filled = np.full(table.rows, np.nan)
                filled[column.row] = seconds
                return filled
    return None


# ---------------------------------------------------------------------------- cells


def without_filler(column: Column) -> tuple[Column, bool]:
    """The column without NaN that only fills rows where nothing was logged, and whether it did.

    Some writers put "nan" where others leave the cell empty, in every row between evaluations. NaN
    that comes and goes at least three times and is the greater part is such filler; NaN that stays
    is divergence.
    """
    lost = np.isnan(column.value)
    ends = np.count_nonzero(lost[:-1] & ~lost[1:])
    if ends < 3 or 2 * np.count_nonzero(lost) < len(lost):
        return column, False
    return Column(column.row[~lost], column.value[~lost]), True
