"""Rows of segments to recognise: the pieces as they are, and other readings of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lrdoctor.fit_levels import edges_of, placed
from lrdoctor.fit_numbers import further_digits
from lrdoctor.fit_segments import SIMPLICITY, Curve, Piece, as_segments, best_shape
from lrdoctor.plugins import discover
from lrdoctor.schedules._recognise import ends, kind, number
from lrdoctor.types import Segment

# Nobody types an LR of this many digits after the first.
_ODD_DIGITS = 3


def rows(
    curve: Curve, pieces: Sequence[Piece], origin: float, stop: float
) -> Iterator[tuple[Segment, ...]]:
    """The pieces as segments, levels with placed borders, and the decay as each other shape."""
    row = _from_origin(as_segments(curve, pieces, origin, stop), curve, origin)
    if len(pieces) > 1 and all(p.shape.name == "constant" for p in pieces):
        yield placed(row, edges_of(curve, pieces), row[0].start, float(curve.x[-1]))
        return
    yield row
    yield from _one_step_off(row)
    yield from _other_decays(curve, pieces, origin, stop)


def rougher_rows(
    curve: Curve, pieces: Sequence[Piece], origin: float, stop: float
) -> Iterator[tuple[Segment, ...]]:
    """Rows that overlook small bends, for curves that no row of shapes follows exactly."""
    yield from _other_decays(curve, pieces, origin, stop, close=np.inf)
    for again in (_straight_ramp(curve, pieces), _merged(curve, pieces)):
        if again is not None:
            yield _from_origin(as_segments(curve, again, origin, stop), curve, origin)
            yield from _other_decays(curve, again, origin, stop)


def _one_step_off(row: tuple[Segment, ...]) -> Iterator[tuple[Segment, ...]]:
    """A decay that does not show its start, begun one step earlier or later, if its LR is odd."""
    first = row[0]
    if (
        kind(first) not in ("linear", "polynomial", "exponential")
        or ends(first)[0] <= ends(first)[1]
    ):
        return
    if further_digits(float(f"{ends(first)[0]:.5e}")) >= _ODD_DIGITS:
        for shift in (-1.0, 1.0):
            yield (_shifted(first, first.start + shift), *row[1:])


def _other_decays(
    curve: Curve, pieces: Sequence[Piece], origin: float, stop: float, close: float = 8.0
) -> Iterator[tuple[Segment, ...]]:
    """Rows with the only decay of a row as each other shape that comes near it.

    Near is an error of at most ``close`` times that of the shape it has.
    """
    falling = [i for i, p in enumerate(pieces) if curve.y[p.lo] > curve.y[p.hi - 1]]
    # A warm-up from above falls too.
    falling = falling[1:] if len(falling) == 2 and falling[0] == 0 else falling
    if len(falling) != 1:
        return
    at = falling[0]
    for name in SIMPLICITY[1:]:
        if name != pieces[at].shape.name:
            other = best_shape(curve, pieces[at].lo, pieces[at].hi, (name,))
            if other.shape.name == name and other.worst <= close * max(pieces[at].worst, 1.0):
                changed = [*pieces[:at], other, *pieces[at + 1 :]]
                again = as_segments(curve, changed, origin, stop)
                yield _from_origin(again, curve, origin)


def _straight_ramp(curve: Curve, pieces: Sequence[Piece]) -> list[Piece] | None:
    """The row with a first stretch that only bends a little as a line: a warm-up over a decay."""
    first = pieces[0]
    if len(pieces) < 2 or first.shape.name in ("linear", "constant") or first.hi - first.lo < 3:
        return None
    line = best_shape(curve, first.lo, first.hi, ("linear",))
    return [line, *pieces[1:]]


def _merged(curve: Curve, pieces: Sequence[Piece]) -> list[Piece] | None:
    """Neighbouring falling pieces as one; None where there are none."""
    result: list[Piece] = []
    for piece in pieces:
        falls = curve.y[piece.lo] > curve.y[piece.hi - 1] or piece.hi - piece.lo == 1
        before = result[-1] if result else None
        if before is not None and falls and curve.y[before.lo] > curve.y[before.hi - 1]:
            result[-1] = best_shape(curve, before.lo, piece.hi)
        else:
            result.append(piece)
    return result if len(result) < len(pieces) else None


def ramped(curve: Curve, pieces: Sequence[Piece], origin: float) -> Sequence[Piece]:
    """A single low first point as a ramp, from 0 at the origin where it lies after that."""
    first = pieces[0]
    if len(pieces) < 2 or first.hi - first.lo > 1 or not 0 <= curve.y[0] < 0.98 * curve.y[1]:
        return pieces
    before = float(curve.x[0]) - origin
    rise = (
        (curve.y[0], before) if before > 0 else (curve.y[1] - curve.y[0], curve.x[1] - curve.x[0])
    )
    line = discover("shapes")["linear"](float(curve.y[0]), float(rise[0] / rise[1]))
    return [replace(first, shape=line), *pieces[1:]]


def _from_origin(row: tuple[Segment, ...], curve: Curve, origin: float) -> tuple[Segment, ...]:
    """The row begun where its first curve begins, or at ``origin`` where that cannot be seen."""
    first = row[0]
    if kind(first) == "cosine":
        begin = first.start + number(first, "peak_at")
        if ends(first)[1] > ends(first)[0]:
            begin -= number(first, "t_max")
        if begin <= first.start + curve.spacing:
            moved = replace(first.shape, peak_at=first.start + number(first, "peak_at") - begin)  # type: ignore[type-var]
            return (replace(first, start=begin, shape=moved), *row[1:])
    return (_shifted(first, _crossing(first, curve, origin)), *row[1:])


def _crossing(first: Segment, curve: Curve, origin: float) -> float:
    """``origin``, or where a ramp would be 0 if that is later: LRs are not negative."""
    if kind(first) != "linear" or not number(first, "slope") > 0 or curve.y.min() < 0:
        return origin
    zero = first.start - number(first, "lr_start") / number(first, "slope")
    if not np.isfinite(zero):
        return origin
    whole = float(round(zero))
    zero = whole if abs(zero - whole) < 0.01 * curve.spacing else zero
    return zero if origin < zero <= first.start else origin


def _shifted(segment: Segment, start: float) -> Segment:
    """The same curve in time from ``start`` on."""
    delta = start - segment.start
    shape = segment.shape
    if delta == 0:
        return segment
    level = float(shape.lr(np.array([delta]))[0])
    values = dict(shape.parameters())
    if "lr_start" in values:
        values["lr_start"] = level
    if shape.name == "polynomial":
        values["t_max"] = number(segment, "t_max") - delta
    if shape.name == "inverse_sqrt":
        values["timescale"] = number(segment, "timescale") + delta
    if shape.name == "cosine":
        values["peak_at"] = number(segment, "peak_at") - delta
    return replace(segment, start=start, shape=type(shape)(**values))


def shows_its_start(row: tuple[Segment, ...]) -> bool:
    """Whether the curve itself says where its time 0 is."""
    return kind(row[0]) == "cosine"
