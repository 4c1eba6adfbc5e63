"""From a logged LR series to the schedules that produced it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lrdoctor.fit_doubts import alternatives, logged_time, only_rising, per_epoch
from lrdoctor.fit_names import largest_of
from lrdoctor.fit_parts import Part, divide
from lrdoctor.fit_resolution import resolution, tolerance
from lrdoctor.fit_segments import Curve, Piece, as_segments, segment
from lrdoctor.types import Array, Clock, Schedule, Segment, Series

_LONG = 10
_TOO_CLOSE = 0.05
# A name that misses by less than this needs no second reading of the digits.
_SURE = 1e-6
# No optimizer works with an LR beyond; its ratio to another could leave the range of floats.
_SMALLEST, _LARGEST = 1e-150, 1e150


# Trial parameters may overflow, as odd data does; whatever comes out is judged by its errors.
@np.errstate(all="ignore")
def fit_schedules(
    lr: Series, *, boundaries: Sequence[int] = (), clock: Clock | None = None
) -> tuple[Schedule, ...]:
    """The schedules behind an LR series, in order; several where one was rebuilt or reset.

    ``boundaries`` are steps of known restarts; ``clock`` says what the steps count, which decides
    whether a log could hide steps within epochs. Values that are not finite, or beyond what floats
    can square, are ignored; without any other the result is empty. Restarts that a schedule makes
    itself (SGDR, cyclic) stay one schedule.
    """
    keep = np.abs(lr.value) <= _LARGEST
    if not keep.any():
        return ()
    x, y = lr.step[keep].astype(np.float64), lr.value[keep]
    y = np.where(np.abs(y) < _SMALLEST, 0.0, y)
    restarts = sorted(float(b) for b in boundaries)
    found: list[tuple[Schedule, ...]] = []
    for curve, pieces in _readings(x, y):
        found.append(tuple(_schedule(p, clock) for p in divide(curve, pieces, restarts)))
        if len(found[-1]) == 1 and _sure(found[-1]):
            return found[-1]
    return min(found, key=lambda schedules: (not _sure(schedules), len(schedules)))


def _sure(schedules: tuple[Schedule, ...]) -> bool:
    return all(s.named is not None and s.residual < _SURE for s in schedules)


def _readings(x: Array, y: Array) -> Iterator[tuple[Curve, tuple[Piece, ...]]]:
    """The curve with its tolerance, and its pieces; again with values taken to be rounded.

    Rounding leaves errors of about its own size: stretches that shapes follow far closer than that
    hold exact short numbers, unless only some are short, as on a line to a round end.
    """
    rounded = _reading(x, y, typed=False)
    long = [p for p in rounded[1] if p.hi - p.lo >= _LONG and p.shape.name != "constant"]
    if long and all(p.worst < _TOO_CLOSE for p in long):
        yield _reading(x, y, typed=True)
    yield rounded


def _reading(x: Array, y: Array, *, typed: bool) -> tuple[Curve, tuple[Piece, ...]]:
    fine = resolution(y, typed=typed)
    curve = Curve(x, y, tolerance(fine), fine)
    return curve, segment(curve)


def _schedule(part: Part, clock: Clock | None) -> Schedule:
    curve, named = part.curve, part.named
    start, stop = part.start, part.stop
    segments = as_segments(curve, part.pieces, start, stop)
    if named is None:
        error = _piecewise_residual(segments)
        others, origin = only_rising(curve), float(start)
        return Schedule(start, stop, segments, None, error, origin, "unknown", others, part.began)
    named = per_epoch(named, clock)
    match = named.match
    miss = match.named.lr(curve.x - match.origin) - curve.y
    return Schedule(
        start,
        stop,
        segments,
        match.named,
        float(np.sqrt(np.mean(miss**2))) / largest_of(curve.y),
        match.origin,
        logged_time(curve, match),
        alternatives(curve, named, clock),
        part.began,
    )


def _piecewise_residual(segments: Sequence[Segment]) -> float:
    widths = np.array([s.stop - s.start for s in segments])
    errors = np.array([s.residual for s in segments])
    return float(np.sqrt(np.sum(widths * errors**2) / max(float(widths.sum()), 1e-12)))
