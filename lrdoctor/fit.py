"""From a logged LR series to the schedules that produced it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrdoctor.fit_doubts import alternatives, logged_time, only_rising
from lrdoctor.fit_levels import without_echo
from lrdoctor.fit_names import Named, largest_of, name_pieces
from lrdoctor.fit_resolution import resolution, tolerance
from lrdoctor.fit_segments import Curve, Piece, as_segments, segment
from lrdoctor.types import Array, Schedule, Segment, Series

_MOST_PARTS = 12
# A jump up is this many times the step that the slope before it would have made.
_LEAP = 2.0
_LONG = 10
_TOO_CLOSE = 0.05


# Trial parameters may overflow, as odd data does; whatever comes out is judged by its errors.
@np.errstate(all="ignore")
def fit_schedules(lr: Series, *, boundaries: Sequence[int] = ()) -> tuple[Schedule, ...]:
    """The schedules behind an LR series, in order; several where one was rebuilt or reset.

    ``boundaries`` are steps of known restarts. Values that are not finite are ignored; without a
    finite value the result is empty. Restarts that a schedule makes itself (SGDR, cyclic) stay one
    schedule.
    """
    data = lr.finite()
    if not len(data):
        return ()
    x, y = data.step.astype(np.float64), data.value
    curve, pieces = _cut(x, y)
    return tuple(_schedules(curve, pieces, sorted(float(b) for b in boundaries)))


def _cut(x: Array, y: Array) -> tuple[Curve, tuple[Piece, ...]]:
    """The curve with its tolerance, and its pieces.

    Rounding leaves errors of about its own size: stretches that shapes follow far closer than that
    hold exact short numbers, not rounded ones.
    """
    for typed in (False, True):
        fine = resolution(y, typed=typed)
        curve = Curve(x, y, tolerance(fine), fine)
        pieces = segment(curve)
        long = [p for p in pieces if p.hi - p.lo >= _LONG and p.shape.name != "constant"]
        if not long or any(p.worst >= _TOO_CLOSE for p in long):
            break
    return curve, pieces


def _schedules(
    curve: Curve, pieces: Sequence[Piece], boundaries: Sequence[float]
) -> list[Schedule]:
    cuts = _cuts(curve, pieces, boundaries)
    origin = _natural_origin(curve)
    clean, own = without_echo(curve, pieces)
    whole = name_pieces(clean, own, origin)
    if whole is None and clean is not curve:
        whole = name_pieces(curve, pieces, origin)
    if whole is None or not whole.match.exact or _restarted(curve, pieces, boundaries, whole):
        parts = _parted(curve, pieces, cuts) if cuts else []
        better = whole is None or any(p.named is not None for p in parts)
        if len(parts) > 1 and better:
            return parts
    return [_schedule(curve, pieces, whole, None)]


def _cuts(curve: Curve, pieces: Sequence[Piece], boundaries: Sequence[float]) -> list[int]:
    """Indices of pieces at which a new schedule may begin: a known restart, or a jump up."""
    found = []
    for index, piece in enumerate(pieces[1:], start=1):
        before, here = curve.y[piece.lo - 1], curve.y[piece.lo]
        near = any(curve.x[piece.lo - 1] < b <= curve.x[piece.lo] for b in boundaries)
        if near or (here > before and _leaps(curve, piece.lo)):
            found.append(index)
    return found


def _leaps(curve: Curve, at: int) -> bool:
    """Whether the curve jumps to point ``at``, its third or a later one, rather than growing."""
    if at < 2:
        return False
    speed = (curve.y[at - 1] - curve.y[at - 2]) / (curve.x[at - 1] - curve.x[at - 2])
    grown = abs(speed) * (curve.x[at] - curve.x[at - 1])
    return bool(curve.y[at] - curve.y[at - 1] > _LEAP * grown + 4.0 * curve.tolerance[at])


def _restarted(
    curve: Curve, pieces: Sequence[Piece], boundaries: Sequence[float], whole: Named
) -> bool:
    """Whether a jump that a schedule would make itself falls on a known restart of the run."""
    if whole.match.named.name != "cosine_restarts":
        return False
    starts = [(curve.x[p.lo - 1], curve.x[p.lo]) for p in pieces[1:]]
    return any(a < b <= s for b in boundaries for a, s in starts)


def _parted(curve: Curve, pieces: Sequence[Piece], cuts: Sequence[int]) -> list[Schedule]:
    """The longest named prefixes between cuts, one after the other."""
    marks = [0, *cuts, len(pieces)]
    if len(marks) - 1 > _MOST_PARTS:
        return []
    result: list[Schedule] = []
    at = 0
    while at < len(marks) - 1:
        chosen = at + 1
        name = None
        for end in range(len(marks) - 1, at, -1):
            if at == 0 and end == len(marks) - 1:
                continue
            part, own = _sub(curve, pieces[marks[at] : marks[end]])
            found = name_pieces(part, own, _natural_origin(part, inner=at > 0))
            if found is not None and (found.match.exact or end == at + 1):
                chosen, name = end, found
                break
        part, own = _sub(curve, pieces[marks[at] : marks[chosen]])
        last = chosen == len(marks) - 1
        stop = None if last else int(curve.x[pieces[marks[chosen]].lo])
        result.append(_schedule(part, own, name, stop))
        at = chosen
    return result


def _sub(curve: Curve, pieces: Sequence[Piece]) -> tuple[Curve, tuple[Piece, ...]]:
    """The part of a curve that some pieces cover, and the pieces in its indices."""
    lo, hi = pieces[0].lo, pieces[-1].hi
    moved = tuple(Piece(p.lo - lo, p.hi - lo, p.shape, p.worst) for p in pieces)
    return curve.part(lo, hi), moved


def _natural_origin(curve: Curve, *, inner: bool = False) -> float:
    """Where time 0 is taken to be if the curve does not show it.

    Counters start at 0 or 1. A log of every k-th step begins within k of that; a part within a
    run begins where it begins.
    """
    first = float(curve.x[0])
    if inner or (first <= 1 < 2 * len(curve) and curve.spacing <= 1):
        return first
    # Levels say nothing about their start, and a run's positions count from 0.
    level = len(curve) > 1 and curve.y[0] == curve.y[1]
    return 0.0 if level or first <= curve.spacing else first


def _schedule(
    curve: Curve, pieces: Sequence[Piece], named: Named | None, stop: int | None
) -> Schedule:
    start = int(curve.x[0])
    end = int(curve.x[-1]) + 1 if stop is None else stop
    segments = as_segments(curve, pieces, start, end)
    if named is None:
        unnamed = _piecewise_residual(segments)
        others = only_rising(curve)
        return Schedule(start, end, segments, None, unnamed, float(start), "unknown", others)
    match = named.match
    error = match.named.lr(curve.x - match.origin) - curve.y
    residual = float(np.sqrt(np.mean(error**2))) / largest_of(curve.y)
    return Schedule(
        start,
        end,
        segments,
        match.named,
        residual,
        match.origin,
        logged_time(curve, match),
        alternatives(curve, named),
    )


def _piecewise_residual(segments: Sequence[Segment]) -> float:
    widths = np.array([s.stop - s.start for s in segments])
    errors = np.array([s.residual for s in segments])
    return float(np.sqrt(np.sum(widths * errors**2) / max(float(widths.sum()), 1e-12)))
