"""Which logged points a restart made obsolete, by TensorBoard's rules.

A writer that goes on from a checkpoint logs some steps twice. Event files of version 2 declare it
(SessionLog START at step s: what was logged before at step >= s is obsolete, for every tag). Older
files do not: there a record whose step is below that of the record before it makes its own tag's
points at its step and later obsolete. Rules after tensorflow/tensorboard,
``plugin_event_accumulator.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lrdoctor.types import Array, IntArray, RawLog, RawSeries, Restart

NO_STEP = np.iinfo(np.int64).min
"""In ``RawLog.record_steps``: there was no step yet in this file."""

# Place, in the order of all records of all files, and step of something that purges.
_PURGE = np.dtype([("at", np.int64), ("step", np.int64)])
_Purges: TypeAlias = np.ndarray[tuple[int], np.dtype[np.void]]


@dataclass(frozen=True, slots=True, eq=False)
class Purged:
    """What is left: one series per tag over all files, in file order, and each restart met."""

    series: tuple[RawSeries, ...]
    restarts: tuple[Restart, ...]


def purged(logs: Sequence[RawLog], *, first_start_purges: bool = True) -> Purged:
    """The points TensorBoard keeps of the logs of one directory, given in order of their names.

    ``first_start_purges`` is where TensorBoard's own loaders differ: the classic EventAccumulator
    lets every SessionLog START purge (torch's ``purge_step`` relies on that), the plug-in one
    takes the first START of a run for the beginning of training.

    There is a ``Restart`` for each declaration with records before it, also where it made nothing
    obsolete, and for each step that goes back and does; ``discarded`` counts distinct steps.
    Repeated steps that no restart explains stay, as in TensorBoard.
    """
    logs = list(_versions_carried_on(logs))
    places = np.cumsum([0, *(_records(log) for log in logs)])
    declared = _declared(logs, places)[0 if first_start_purges else 1 :]
    series, discarded = [], dict[tuple[int, int], list[IntArray]]()
    for joined, own in _joined(logs, places):
        kept, gone = _keep(joined, declared, own)
        series.append(kept)
        for purge, steps in gone:
            discarded.setdefault(purge, []).append(steps)
    return Purged(tuple(series), tuple(_restarts(logs, places, declared, discarded)))


def superseded(step: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """``bool[n]``: points after which the same series comes back to their step or below.

    Dropping them is RustBoard's rule, which needs no declaration: what is left rises strictly, and
    of a repeated step the last one stays.
    """
    steps = np.asarray(step, dtype=np.int64)
    lowest_later = np.minimum.accumulate(steps[:0:-1])[::-1]
    return np.append(steps[:-1] >= lowest_later, np.zeros(min(len(steps), 1), dtype=bool))


def _versions_carried_on(logs: Sequence[RawLog]) -> Iterator[RawLog]:
    """The logs, where one without a version has that of the file before."""
    declares = False
    for log in logs:
        declares = declares or log.record_steps is None
        yield replace(log, record_steps=None) if declares else log


def _records(log: RawLog) -> int:
    """How many places in the record order the log takes."""
    if log.record_steps is not None:
        return len(log.record_steps)
    last = max(
        (int(s.order.max()) for s in log.series if s.order is not None and len(s.order)), default=0
    )
    return max(last, *log.purge_order, 0) + 1


def _declared(logs: Sequence[RawLog], places: IntArray) -> _Purges:
    rows = [
        (place + (log.purge_order[i] if log.purge_order else 0), step)
        for log, place in zip(logs, places.tolist(), strict=False)
        for i, step in enumerate(log.purges)
        if log.record_steps is None  # else a declaration counts for nothing
    ]
    return np.array(rows, dtype=_PURGE)


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """One tag over all files; ``at`` is each point's place in the order of all records."""

    tag: str
    step: IntArray
    value: Array
    wall_time: Array | None
    at: IntArray


def _joined(logs: Sequence[RawLog], places: IntArray) -> Iterator[tuple[_Joined, _Purges]]:
    """Each tag with the purges that its own points cause by going back."""
    parts: dict[str, list[tuple[RawSeries, IntArray, npt.NDArray[np.bool_]]]] = {}
    for log, place, back in zip(logs, places, _goes_back(logs), strict=False):
        for series in log.series:
            order = np.zeros(len(series.step), np.int64) if series.order is None else series.order
            own = np.zeros(len(order), bool) if back is None else back[order]
            parts.setdefault(series.tag, []).append((series, place + order, own))
    for tag, found in parts.items():
        walls = [series.wall_time for series, _, _ in found if series.wall_time is not None]
        step = np.concatenate([series.step for series, _, _ in found])
        at = np.concatenate([at for _, at, _ in found])
        own = np.concatenate([own for _, _, own in found])
        joined = _Joined(
            tag,
            step,
            np.concatenate([series.value for series, _, _ in found]),
            np.concatenate(walls) if len(walls) == len(found) else None,
            at,
        )
        purges = np.empty(int(own.sum()), dtype=_PURGE)
        purges["at"], purges["step"] = at[own], step[own]
        yield joined, purges


def _goes_back(logs: Sequence[RawLog]) -> Iterator[npt.NDArray[np.bool_] | None]:
    """Per record of a log that declares no restarts: whether its step is below the one before."""
    latest = np.int64(-1)
    for log in logs:
        steps = log.record_steps
        if steps is None:
            yield None
            continue
        steps = np.where(steps == NO_STEP, latest, steps)
        before = np.append(latest, steps[:-1])
        yield steps < before[: len(steps)]
        latest = steps[-1] if len(steps) else latest


def _keep(
    joined: _Joined, declared: _Purges, own: _Purges
) -> tuple[RawSeries, list[tuple[tuple[int, int], IntArray]]]:
    """The points left, and for the place and step of each purge the steps it made obsolete."""
    purges = np.concatenate([declared, own])
    purges = purges[np.argsort(purges["at"], kind="stable")]
    first = np.searchsorted(purges["at"], joined.at, side="right")
    cause = _first_not_above(purges["step"], first, joined.step)
    keep = cause == len(purges)
    wall = None if joined.wall_time is None else joined.wall_time[keep]
    series = RawSeries(joined.tag, joined.step[keep], joined.value[keep], wall)
    gone = [(purges[c].item(), joined.step[cause == c]) for c in np.unique(cause[~keep])]
    return series, gone


def _first_not_above(values: IntArray, start: IntArray, bound: IntArray) -> IntArray:
    """Index of the first ``values[i] <= bound`` with ``i >= start``, ``len(values)`` if none.

    Binary lifting over window minima, so that no number of restarts makes it quadratic.
    """
    windows = [values]
    while 2 ** len(windows) <= len(values):
        shorter, width = windows[-1], 2 ** (len(windows) - 1)
        windows.append(np.minimum(shorter[:-width], shorter[width:]))
    position = np.array(start, dtype=np.int64)
    for level in reversed(range(len(windows))):
        lowest = windows[level]
        inside = position < len(lowest)
        above = np.zeros(len(position), dtype=bool)
        above[inside] = lowest[position[inside]] > bound[inside]
        position[above] += 2**level
    return position


def _restarts(
    logs: Sequence[RawLog],
    places: IntArray,
    declared: _Purges,
    discarded: dict[tuple[int, int], list[IntArray]],
) -> Iterator[Restart]:
    found = sorted({*(p for p in declared.tolist() if p[0] > 0), *discarded})
    none = [np.zeros(0, np.int64)]
    for (at, step), gap in zip(found, _gaps(logs, places, [at for at, _ in found]), strict=True):
        count = len(np.unique(np.concatenate(discarded.get((at, step), none))))
        file = logs[int(np.searchsorted(places, at, side="right")) - 1].file
        yield Restart(step, count, file, gap)


def _gaps(logs: Sequence[RawLog], places: IntArray, ats: Sequence[int]) -> list[float | None]:
    """Seconds from the last wall time before each place to the first one from there on."""
    timed = [
        (place + (0 if s.order is None else s.order) + np.zeros(len(s.step), np.int64), s.wall_time)
        for log, place in zip(logs, places, strict=False)
        for s in log.series
        if s.wall_time is not None
    ]
    if not timed or not ats:
        return [None] * len(ats)
    at, wall = (np.concatenate(column) for column in zip(*timed, strict=True))
    by_place = np.argsort(at, kind="stable")
    at, wall = at[by_place], wall[by_place]
    latest, earliest = np.fmax.accumulate(wall), np.fmin.accumulate(wall[::-1])[::-1]
    border = np.searchsorted(at, ats, side="left")
    seconds = [
        float(earliest[b] - latest[b - 1]) if 0 < b < len(at) else np.nan for b in border.tolist()
    ]
    return [s if np.isfinite(s) else None for s in seconds]
