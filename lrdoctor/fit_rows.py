"""Rows of segments to recognise: the pieces as they are, and other readings of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lrdoctor.fit_levels import edges_of, placed
from lrdoctor.fit_origin import level_origins, origins
from lrdoctor.fit_segments import SIMPLICITY, Curve, Piece, as_segments, best_shape
from lrdoctor.plugins import discover
from lrdoctor.protocols import Shape
from lrdoctor.schedules._recognise import ends, kind, number
from lrdoctor.types import Segment

# A time scale of less than this share of a shift is one that the shift has used up.
_LEAST = 0.01
# A wave crosses its middle this often, with so few points in between that they have no shape.
_FEWEST_CROSSINGS = 2
_MOST_PER_HALF = 15
# A first point this many times the resolution of the log below the second is on a ramp.
_SURELY_LOWER = 20.0
# A piece this many tolerances off is no smooth stretch, whatever its neighbours are.
_FAR_OFF = 100.0


def rows(
    curve: Curve, pieces: Sequence[Piece], origin: float, stop: float
) -> Iterator[tuple[Segment, ...]]:
    """The pieces as segments from each time 0 that may be theirs, levels with placed borders, and
    the decay as each other shape."""
    if len(pieces) > 1 and all(p.shape.name == "constant" for p in pieces):
        edges, last = edges_of(curve, pieces), float(curve.x[-1])
        for begin in level_origins(origin, float(curve.x[0])):
            row = as_segments(curve, pieces, begin, stop)
            moved = replace(row[0], start=begin)
            yield placed((moved, *row[1:]), edges, begin, last)
        return
    yield from _from_origins(curve, pieces, origin, stop)
    if all(p.worst < _FAR_OFF for p in pieces):
        yield from _other_decays(curve, pieces, origin, stop)


def rougher_rows(
    curve: Curve, pieces: Sequence[Piece], origin: float, stop: float
) -> Iterator[tuple[Segment, ...]]:
    """Rows that overlook small bends, for curves that no row of shapes follows exactly; first a
    wave of many turns, each of too few points to have a shape."""
    wave = _wave(curve)
    if wave is not None:
        yield _from_origin((Segment(float(curve.x[0]), stop, wave, 0.0),), curve, origin)
    for again in (_straight_ramp(curve, pieces), _merged(curve, pieces)):
        if again is not None:
            yield from _from_origins(curve, again, origin, stop)
            yield from _other_decays(curve, again, origin, stop)
    yield from _other_decays(curve, pieces, origin, stop, close=np.inf)


def _wave(curve: Curve) -> Shape | None:
    """A cosine through a curve that crosses its middle again and again at equal distances."""
    high = curve.y > (curve.y.max() + curve.y.min()) / 2.0
    crossings = curve.x[np.flatnonzero(high[1:] != high[:-1])]
    if not len(crossings) >= _FEWEST_CROSSINGS or len(curve) > _MOST_PER_HALF * len(crossings):
        return None
    half = float(crossings[-1] - crossings[0]) / (len(crossings) - 1)
    found: Shape | None = discover("shapes")["cosine"].wave(curve.x - curve.x[0], curve.y, half)
    return found


def _from_origins(
    curve: Curve, pieces: Sequence[Piece], origin: float, stop: float
) -> Iterator[tuple[Segment, ...]]:
    row = as_segments(curve, pieces, origin, stop)
    for begin in dict.fromkeys(origins(row, curve, origin)):
        yield _from_origin(row, curve, begin)


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
                yield from _from_origins(curve, changed, origin, stop)


def _straight_ramp(curve: Curve, pieces: Sequence[Piece]) -> list[Piece] | None:
    """The row with the stretches up to its top as one line where they bend a little: a warm-up over
    a decay."""
    ramp = 1
    while ramp < len(pieces) - 1 and curve.y[pieces[ramp].hi - 1] > curve.y[pieces[ramp].lo]:
        ramp += 1
    first, end = pieces[0], pieces[ramp - 1].hi
    straight = ramp == 1 and first.shape.name == "linear"
    if len(pieces) < 2 or straight or first.shape.name == "constant" or end - first.lo < 3:
        return None
    line = best_shape(curve, first.lo, end, ("linear",))
    return [line, *pieces[ramp:]]


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
    """Low first points that stand alone as a ramp; a single one from 0 at the origin where it lies
    after that."""
    alone = 0
    while alone < len(pieces) - 1 and pieces[alone].hi - pieces[alone].lo == 1:
        alone += 1
    rising = alone and np.all(np.diff(curve.y[: alone + 1]) > 0) and curve.y[0] >= 0
    if not rising or curve.y[1] - curve.y[0] < _SURELY_LOWER * curve.resolution[1]:
        return pieces
    before = float(curve.x[0]) - origin
    rise = curve.y[1] - curve.y[0], curve.x[1] - curve.x[0]
    if alone == 1 and before > 0 and curve.y[0] > 0:
        rise = curve.y[0], before
    line = discover("shapes")["linear"](float(curve.y[0]), float(rise[0] / rise[1]))
    return [Piece(0, alone, line, 0.0), *pieces[alone:]]


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
    return (_shifted(first, origin), *row[1:])


def _shifted(segment: Segment, start: float) -> Segment:
    """The same curve in time from ``start`` on."""
    delta = start - segment.start
    shape = segment.shape
    if delta == 0:
        return segment
    if shape.name == "inverse_sqrt" and number(segment, "timescale") + delta < _LEAST * -delta:
        return segment  # it would begin at its pole
    level = float(shape.lr(np.array([delta]))[0])
    values = dict(shape.parameters())
    if "lr_start" in values:
        values["lr_start"] = level
    if shape.name == "polynomial":
        values["t_max"] = number(segment, "t_max") - delta
    if shape.name == "inverse_sqrt":
        values["timescale"] = number(segment, "timescale") + delta
    if shape.name == "logarithmic":
        values["timescale"] = max(number(segment, "timescale") + delta, 1e-9)
    if shape.name == "cosine":
        values["peak_at"] = number(segment, "peak_at") - delta
    return replace(segment, start=start, shape=type(shape)(**values))


def shows_its_start(row: tuple[Segment, ...]) -> bool:
    """Whether the curve itself says where its time 0 is."""
    return kind(row[0]) == "cosine"
