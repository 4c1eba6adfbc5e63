"""Cuts a raw log where its steps go back: several trainings, or one that was resumed.

A cut is found in one series (the one with most points) and applied to all by the order of records
or wall time, so that a validation logged once per part goes to the right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lrdoctor.readers._epochs import counted_through
from lrdoctor.types import Array, IntArray, RawLog, RawSeries

_BELOW = 3  # points below what came before that make a fall more than rows out of order
_MOST_CUTS = 1000  # more is no run of its own each
_MOST_LOOKED_UP = 5000  # falls for which repeated steps are searched


def set_backs(step: npt.ArrayLike) -> list[int]:
    """Indices at which the steps go back for good, not for a row or two out of order.

    A fall counts if the three points from there on stay below what came before, or if it comes back
    to a step that was already there and later passes all before. Where a third of all rows falls,
    they are in no order, and there is no cut.
    """
    steps = np.asarray(step, dtype=np.int64)
    falls = np.flatnonzero(steps[1:] < steps[:-1]) + 1
    if not len(falls) or 3 * len(falls) > len(steps):
        return []
    highest_later = np.maximum.accumulate(steps[::-1])[::-1]
    cuts: list[int] = []
    top, seen, start = int(steps[0]), 0, 0
    for fall in falls.tolist():
        top = max(top, int(steps[seen:fall].max()))
        seen = fall
        ahead = steps[fall : fall + _BELOW]
        gone = len(ahead) == _BELOW and bool(np.all(ahead < top))
        returns = len(falls) < _MOST_LOOKED_UP and int(highest_later[fall]) > top
        if gone or (returns and bool(np.any(steps[start:fall] == steps[fall]))):
            cuts.append(fall)
            top, start = int(steps[fall]), fall
    return cuts if len(cuts) <= _MOST_CUTS else []


def parts(log: RawLog) -> list[RawLog]:
    """The log cut where its steps go back, in file order; the log itself where they never do.

    Declared restarts (``purges``) cut too. Orders count from the start of each part. A step that
    only counts within each epoch is counted through instead.
    """
    if not log.series:
        return [log]
    spine = _longest(log)
    cuts = set_backs(log.series[spine].step)
    declared = {float(place) for place in log.purge_order if place > 0}
    if not cuts and not declared:
        return [log]
    keys = _keys(log)
    if keys is None:
        return _parts_without_keys(log, cuts)
    places = sorted(_place(log.series, keys, spine, cut) for cut in cuts)
    through = counted_through(log, keys, spine, cuts, places)
    if through is not None:
        return [through]
    places = sorted(declared.union(places))
    cut = [_between(log, keys, lo, hi) for lo, hi in pairwise([-np.inf, *places, np.inf])]
    return [part for part in cut if part.series]


def _keys(log: RawLog) -> list[Array] | None:
    """For each series an ascending key that puts the points of all series in the order written:
    record orders or, without them, wall times; None where there is neither."""
    orders = [s.order.astype(np.float64) for s in log.series if s.order is not None]
    if len(orders) == len(log.series):
        return orders
    walls = [s.wall_time for s in log.series if s.wall_time is not None]
    if len(walls) == len(log.series) and all(bool(np.all(w[1:] >= w[:-1])) for w in walls):
        return walls
    return None


def _longest(log: RawLog) -> int:
    """Ties go to the first tag by name, so that the result does not depend on the order of tags."""
    return min(range(len(log.series)), key=lambda i: (-len(log.series[i].step), log.series[i].tag))


def _place(series: Sequence[RawSeries], keys: Sequence[Array], spine: int, cut: int) -> float:
    """The key of a cut: other tags may have gone back shortly before the longest one did."""
    before, place = float(keys[spine][cut - 1]), float(keys[spine][cut])
    for one, key in zip(series, keys, strict=True):
        after = int(np.searchsorted(key, before, "right"))
        inside = np.arange(max(after, 1), int(np.searchsorted(key, place)))
        back = inside[one.step[inside] < one.step[inside - 1]]
        place = min(place, float(key[back[0]])) if len(back) else place
    return place


def _between(log: RawLog, keys: Sequence[Array], lo: float, hi: float) -> RawLog:
    """The points with ``lo <= key < hi``; keys are orders wherever something refers to orders."""
    series = []
    first = int(lo) if np.isfinite(lo) else 0
    for one, key in zip(log.series, keys, strict=True):
        a, b = np.searchsorted(key, [lo, hi])
        if a < b:
            order = None if one.order is None else one.order[a:b] - first
            series.append(_points(one, slice(a, b), order))
    inside = [i for i, place in enumerate(log.purge_order) if lo <= place < hi]
    last = None if np.isinf(hi) else int(hi)
    return RawLog(
        log.file, log.format, log.axis, tuple(series), log.hparams, log.notes,
        tuple(log.purges[i] for i in inside), tuple(log.purge_order[i] - first for i in inside),
        None if log.record_steps is None else log.record_steps[first:last],
    )  # fmt: skip


def _points(s: RawSeries, which: slice, order: IntArray | None = None) -> RawSeries:
    wall = None if s.wall_time is None else s.wall_time[which]
    return RawSeries(s.tag, s.step[which], s.value[which], wall, order)


def _parts_without_keys(log: RawLog, cuts: Sequence[int]) -> list[RawLog]:
    """Each series is cut by itself; its pieces go to the first part that can hold their steps."""
    spine = log.series[_longest(log)]
    edges = [0, *cuts, len(spine.step)]
    spans = [
        (int(spine.step[lo:hi].min()), int(spine.step[lo:hi].max())) for lo, hi in pairwise(edges)
    ]
    held: list[list[RawSeries]] = [[] for _ in spans]
    for series in log.series:
        own = [0, *set_backs(series.step), len(series.step)]
        pieces = list(pairwise(own))
        part = 0
        for index, (lo, hi) in enumerate(pieces):
            if len(pieces) == len(spans):
                part = index
            else:
                part = _holding(spans, part, int(series.step[lo]))
            held[part].append(_points(series, slice(lo, hi)))
            part = min(part + 1, len(spans) - 1)
    return [
        RawLog(log.file, log.format, log.axis, _joined(found), log.hparams, log.notes, log.purges)
        for found in held
        if found
    ]


def _holding(spans: Sequence[tuple[int, int]], first: int, step: int) -> int:
    fits = (i for i in range(first, len(spans)) if spans[i][0] <= step <= spans[i][1])
    return next(fits, first)


def _joined(pieces: Sequence[RawSeries]) -> tuple[RawSeries, ...]:
    """Pieces of one tag that went to the same part, as one series."""
    by_tag: dict[str, list[RawSeries]] = {}
    for piece in pieces:
        by_tag.setdefault(piece.tag, []).append(piece)
    return tuple(concatenated(found) for found in by_tag.values())


def concatenated(pieces: Sequence[RawSeries]) -> RawSeries:
    """Series of one tag one after the other; without orders, which belong to their files."""
    if len(pieces) == 1:
        return pieces[0]
    walls = [p.wall_time for p in pieces if p.wall_time is not None]
    return RawSeries(
        pieces[0].tag,
        np.concatenate([p.step for p in pieces]),
        np.concatenate([p.value for p in pieces]),
        np.concatenate(walls) if len(walls) == len(pieces) else None,
    )
