"""Levels and stairs: where cuts really lie between two logged points, and what a stair hides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lrdoctor.fit_numbers import roundest
from lrdoctor.fit_segments import Curve, Piece
from lrdoctor.types import Array, Segment

# Fewer equal stairs than this may be milestones that happen to be evenly spaced.
_FEWEST_STAIRS = 5
_FEWEST_LEVELS = 4
_MOST_STAIRS = 20_000
_MOSTLY = 0.9
_SAME_FACTOR = 1e-3
_ONE_STAIR = 1.5
# Chance that cuts made by a metric fall on such round positions; below it they were planned.
_BY_CHANCE = 0.02
_SHARE_BY_CHANCE = 0.11


@dataclass(frozen=True, slots=True)
class Edges:
    """Cuts between levels: cut i lies in ``(after[i], until[i]]``, the ``count[i]``-th of all."""

    after: Array
    until: Array
    count: Array


def edges_of(curve: Curve, pieces: Sequence[Piece]) -> Edges:
    """The borders between constant pieces, several cuts between two points counted as several."""
    levels = np.array([float(curve.y[p.lo]) for p in pieces])
    after = np.array([curve.x[p.lo - 1] for p in pieces[1:]])
    until = np.array([curve.x[p.lo] for p in pieces[1:]])
    count = np.arange(1.0, len(pieces))
    if levels.min(initial=1.0) > 0 and len(levels) > 1:
        steps = np.log(levels[1:] / levels[:-1])
        unit = steps[int(np.argmin(np.abs(steps)))]
        whole = np.round(steps / unit)
        if np.all(whole >= 1) and np.abs(steps / unit - whole).max() < 0.01:
            count = np.cumsum(whole)
    return Edges(after, until, count)


def regular_size(edges: Edges, origin: float, last: float) -> float | None:
    """The step size with which every cut lies where it should, and none is missing; else None."""
    low = float(np.max((edges.after - origin) / edges.count))
    high = float(np.min((edges.until - origin) / edges.count))
    # The next cut has not come yet.
    low = max(low, (last - origin) / (float(edges.count[-1]) + 1.0))
    if not high > low or not high > 0:
        return None
    size = roundest(max(low, 0.0), high)
    return size if size == round(size) else None


def placed(
    segments: Sequence[Segment], edges: Edges, origin: float, last: float
) -> tuple[Segment, ...]:
    """Segments of one level each with their borders moved to the roundest position they allow."""
    size = regular_size(edges, origin, last) if len(edges.count) > 1 else None
    if size is not None and bool(np.all(np.diff(edges.count) == 1)):
        cuts = [origin + size * float(k) for k in edges.count]
    else:
        cuts = [
            origin + roundest(float(a - origin), float(u - origin))
            for a, u in zip(edges.after, edges.until, strict=True)
        ]
    starts = [segments[0].start, *cuts]
    stops = [*cuts, segments[-1].stop]
    return tuple(
        replace(s, start=a, stop=b) for s, a, b in zip(segments, starts, stops, strict=True)
    )


def planned(edges: Edges, origin: float, last: float) -> bool:
    """Whether the cuts fall on positions too round to come from a metric that stalls."""
    spacing = float(np.median(edges.until - edges.after))
    units = [(f * 10.0**k, 0.0, _BY_CHANCE) for k in range(7) for f in (1, 2, 5)]
    # Shares of a length are rounded to whole steps or epochs by whoever computes them.
    shares = {(last - origin + more) / 20.0 for more in (1.0, spacing)}
    for unit, blur, rare in [*units, *((unit, 1.0, _SHARE_BY_CHANCE) for unit in shares)]:
        low = (edges.after - origin) / unit
        high = (edges.until - origin + blur) / unit
        chance = float(np.prod(np.minimum(high - low, 1.0)))
        if chance < rare and np.all(np.floor(high + 1e-9) > low + 1e-9):
            return True
    return False


def stairs(curve: Curve, pieces: Sequence[Piece], origin: float) -> tuple[Curve, float] | None:
    """A smooth curve that advanced once every so many x units: its levels, one per interval, and
    that interval.

    None unless all pieces are levels with edges at equal distances (or multiples of one), more of
    them than cuts by one factor would make.
    """
    level = sum(p.shape.name == "constant" for p in pieces)
    if len(pieces) < _FEWEST_LEVELS or level < _MOSTLY * len(pieces):
        return None
    # Where stairs are low, pieces take some of them together.
    higher = np.abs(np.diff(curve.y)) > curve.resolution[1:] / 2.0
    starts = np.concatenate([[0], np.flatnonzero(higher) + 1])
    if (
        len(starts) < _FEWEST_LEVELS
        or np.median(np.diff(starts)) < 2
        or (len(starts) <= _FEWEST_STAIRS and _one_factor(curve, starts))
    ):
        return None
    after, until = curve.x[starts[1:] - 1], curve.x[starts[1:]]
    gaps = np.diff(until)
    # A coarse log makes equal stairs look now shorter, now longer; some may not show at all.
    unit = float(np.mean(gaps[gaps <= _ONE_STAIR * np.median(gaps)]))
    first = max(round((float(until[0]) - origin) / unit), 1)
    count = first + np.round((until - until[0]) / unit)
    unit = float(np.polyfit(count, until, 1)[0])
    count = first + np.round((until - until[0]) / unit)
    low, high = np.max((after - origin) / count), np.min((until - origin) / count)
    if not high > low or count[-1] > _MOST_STAIRS:
        return None
    size = roundest(float(low), float(high))
    if size != round(size):
        return None
    # The last level is that of every interval since.
    lasts = max(float(count[-1]), (float(curve.x[-1]) - origin) // size)
    index = np.arange(int(min(lasts, _MOST_STAIRS)) + 1)
    levels = curve.take(starts[np.searchsorted(count, index, side="right")])
    x = np.asarray(origin + size * index, dtype=np.float64)
    return replace(levels, x=x), size


def _one_factor(curve: Curve, starts: npt.NDArray[np.int64]) -> bool:
    """Whether all levels are the same multiple of the one before."""
    levels = curve.y[starts]
    if not levels.min() > 0:
        return False
    ratios = levels[1:] / levels[:-1]
    return bool(np.abs(ratios / ratios[0] - 1.0).max() < _SAME_FACTOR)
