"""The x axis of a console log, from the positions its lines print."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lrdoctor.readers._text_position import Position
from lrdoctor.types import Array, IntArray

UNKNOWN = -1
# A tag that comes this often per epoch, on average, is logged several times an epoch.
_CROWDED = 1.5
_MOSTLY = 0.6
_LARGEST_STEP = 2.0**53


@dataclass
class Cursor:
    """Where training is after the lines read so far; a line that says nothing inherits it."""

    epoch: float = np.nan
    batch: int = UNKNOWN
    batches: int = 0
    step: int = UNKNOWN
    steps: int = 0
    epochs: int = 0
    longest_bar: int = 0

    def move(self, to: Position) -> None:
        """Takes over what a line says. A new epoch without a batch begins at its first batch."""
        if to.bar and (to.batches or 0) < self.longest_bar:
            return  # a shorter progress bar inside the training's own: an evaluation
        if to.bar:
            self.longest_bar = to.batches or 0
        if to.epoch is not None and to.epoch != self.epoch:
            self.epoch = to.epoch
            # A bar is drawn again at once, and may count the whole training.
            if self.batch != UNKNOWN and not self.longest_bar:
                self.batch = 0
        self.epochs = to.epochs or self.epochs
        if to.batch is not None:
            self.batch, self.batches = to.batch, to.batches or self.batches
        if to.step is not None:
            self.step, self.steps = to.step, to.steps or self.steps

    @property
    def known(self) -> bool:
        """Whether any line has said where training is."""
        return self.epoch == self.epoch or self.batch != UNKNOWN or self.step != UNKNOWN


@dataclass
class Rows:
    """One entry per line with numbers; -1, NaN or 0 where unknown.

    ``record`` counts blocks of lines in which no tag comes twice; ``alone`` marks lines with one
    number and no position.
    """

    step: array[int] = field(default_factory=lambda: array("q"))
    epoch: array[float] = field(default_factory=lambda: array("d"))
    batch: array[int] = field(default_factory=lambda: array("q"))
    batches: array[int] = field(default_factory=lambda: array("q"))
    record: array[int] = field(default_factory=lambda: array("q"))
    wall_time: array[float] = field(default_factory=lambda: array("d"))
    alone: array[int] = field(default_factory=lambda: array("b"))

    def append(self, at: Cursor, record: int, wall_time: float | None, alone: bool) -> None:
        """Adds a line at the cursor's position."""
        self.step.append(at.step)
        self.epoch.append(at.epoch)
        self.batch.append(at.batch)
        self.batches.append(at.batches if at.batch != UNKNOWN else at.steps)
        self.record.append(record)
        self.wall_time.append(np.nan if wall_time is None else wall_time)
        self.alone.append(alone)

    def __len__(self) -> int:
        return len(self.step)


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """``step: int64[rows]`` with ``known: bool[rows]``; ``note`` says how it was composed."""

    name: str
    step: IntArray
    known: npt.NDArray[np.bool_]
    note: str | None = None


def find_axis(rows: Rows) -> Axis:
    """The step where lines print one, else epoch and batch composed, else the epoch, else rows."""
    step, batch = np.array(rows.step, dtype=np.int64), np.array(rows.batch, dtype=np.int64)
    epoch, batches = np.array(rows.epoch), np.array(rows.batches, dtype=np.int64)
    if 2 * np.count_nonzero(step >= 0) > len(step) and not _starts_over(step, epoch):
        return Axis("step", step, step >= 0)
    if np.any(step >= 0) and np.all(batch < 0):
        batch = step
    whole = bool(np.all(np.isnan(epoch) | (epoch == np.rint(epoch))))
    known = (batch >= 0) & np.isfinite(epoch)
    if whole and np.any(known):
        return _composed(epoch, batch, batches, known)
    if np.any(batch >= 0) and _never_falls(batch[batch >= 0]):
        return Axis("step", batch, batch >= 0)
    record = np.array(rows.record, dtype=np.int64)
    known = np.isfinite(epoch)
    if whole and np.any(known) and not _is_crowded(epoch[known], record[known]):
        return Axis("epoch", np.where(known, epoch, UNKNOWN).astype(np.int64), known)
    return Axis("row", record, np.ones(len(record), dtype=bool))


def _starts_over(step: IntArray, epoch: Array) -> bool:
    """Whether the steps count within each epoch: they fall where the epoch rises."""
    rises = np.flatnonzero(epoch[1:] > epoch[:-1]) + 1
    rises = rises[step[rises - 1] > 0]
    return len(rises) > 0 and float(np.mean(step[rises] < step[rises - 1])) > _MOSTLY


def _never_falls(counter: IntArray) -> bool:
    return float(np.mean(np.diff(counter) < 0)) < 0.01 if len(counter) > 1 else True


def _is_crowded(epoch: Array, record: IntArray) -> bool:
    epochs = 1 + np.count_nonzero(np.diff(epoch))
    return len(np.unique(record)) > _CROWDED * float(epochs)


def _composed(
    epoch: Array, batch: IntArray, batches: IntArray, known: npt.NDArray[np.bool_]
) -> Axis:
    """Epoch and batch as one counter: ``epoch x (batches of an epoch) + batch``.

    A resume with another batch size changes the batches of an epoch. They are then put on the
    scale that most epochs have, so that the same share of the data lies at the same place. A
    training begun again from scratch has its own scale.
    """
    rows = np.flatnonzero(known)
    e, b = epoch[rows], batch[rows]
    length = np.where(batches[rows] > 0, batches[rows], b.max() + 1)
    base = _first_epoch(e, b, length)
    step = np.full(len(epoch), UNKNOWN, dtype=np.int64)
    scales, mixed = list[int](), set[int]()
    for part in np.split(np.arange(len(rows)), _scratch_starts(e, b)):
        scale, lengths = _usual_length(e[part], length[part])
        inside = np.rint(b[part] * (scale / length[part]))
        place = (e[part] - base) * scale + inside
        step[rows[part]] = np.where(place < _LARGEST_STEP, place, UNKNOWN).astype(np.int64)
        scales += [scale] if scales[-1:] != [scale] else []
        mixed |= lengths if len(lengths) > 1 else set()
    count = "epoch" if base == 0 else f"(epoch - {base})"
    factor = ", then ".join(map(str, scales[:5]))
    note = f"steps are {count} x {factor} + batch, as epoch and batch are printed"
    if mixed:
        note += f"; epochs of {', '.join(map(str, sorted(mixed)[:5]))} batches are put on one scale"
    return Axis("iteration", step, step != UNKNOWN, note)


def _scratch_starts(epoch: Array, batch: IntArray) -> IntArray:
    """Rows that are back at the position of the first row."""
    back = (epoch[1:] < epoch[:-1]) | ((epoch[1:] == epoch[:-1]) & (batch[1:] < batch[:-1]))
    return np.flatnonzero(back & (epoch[1:] == epoch[0]) & (batch[1:] == batch[0])) + 1


def _usual_length(epoch: Array, length: IntArray) -> tuple[int, set[int]]:
    """The batches that most epochs have, and all that occur."""
    pairs = np.unique(np.stack([length, epoch.astype(np.int64)]), axis=1)
    lengths, epochs = np.unique(pairs[0], return_counts=True)
    return int(lengths[len(epochs) - 1 - np.argmax(epochs[::-1])]), set(lengths.tolist())


def _first_epoch(epoch: Array, batch: IntArray, batches: IntArray) -> int:
    """Whether epochs count from 0 or 1, as far as the log shows it."""
    if epoch.min() < 1:
        return 0
    counts_from_one = bool(np.any(batch == batches)) and not np.any(batch == 0)
    return 1 if epoch[0] == 1 or counts_from_one else 0
