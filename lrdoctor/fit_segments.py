"""Cuts an LR curve at jumps, turns, plateaus and corners, and names the shape of every stretch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lrdoctor.plugins import discover
from lrdoctor.protocols import Shape
from lrdoctor.types import Array, Segment

# Simple shapes first: the first that explains a stretch wins.
SIMPLICITY = (
    "constant", "linear", "exponential", "inverse_sqrt", "logarithmic", "cosine", "polynomial",
)  # fmt: skip
# What schedules of many turns consist of.
_WAVES = ("constant", "linear", "exponential", "cosine")
_MANY_TURNS = 4
# Points a shape is fitted to, and how many tolerances an explained point may be off: rounding
# gives at most one, and a fit adds its own error.
FIT_POINTS = 120
_EXPLAINED = 2.0
# Errors of a least-squares fit follow the largest values of a stretch, which rounding may all shift
# one way by half a digit.
_OF_LARGEST = 0.5
# A jump is this many times steeper than both neighbours; smooth decays change less per sample.
_JUMP = 6.0
# A corner bends this many times more than the rest of its stretch.
_CORNER = 8.0
_FEWEST_LEVEL = 3
# Stretches shorter than this are explained by any shape; a curve of more parts is no schedule.
SHORTEST = 6
_MOST_PREFIXES = 6
# Share of a curve over which rounding may hide that it moves.
_BLUR = 0.005
_FEWEST_PART = 2


@dataclass(frozen=True, slots=True)
class Curve:
    """The finite points of an LR series, ``float64[n]`` each.

    ``resolution`` is how finely a value was stored, ``tolerance`` how near a fit must come to it.
    """

    x: Array
    y: Array
    tolerance: Array
    resolution: Array

    def __len__(self) -> int:
        return len(self.x)

    def part(self, lo: int, hi: int) -> Curve:
        """The points with ``lo <= index < hi``."""
        return self.take(slice(lo, hi))

    def take(self, keep: slice | npt.NDArray[np.int64]) -> Curve:
        """The points at some indices."""
        return Curve(self.x[keep], self.y[keep], self.tolerance[keep], self.resolution[keep])

    @property
    def spacing(self) -> float:
        """The usual distance between points in x units; 1 for a single point."""
        return float(np.median(np.diff(self.x))) if len(self) > 1 else 1.0

    def thinned(self, points: int) -> Curve:
        """At most ``points`` of the points, evenly by index, both ends among them."""
        if len(self) <= points:
            return self
        keep = np.linspace(0, len(self) - 1, points).round().astype(np.int64)
        return self.take(keep)


@dataclass(frozen=True, slots=True)
class Piece:
    """Points ``[lo, hi)`` of a curve and the shape through them, in time from the first point.

    ``worst`` is the largest error in tolerances.
    """

    lo: int
    hi: int
    shape: Shape
    worst: float

    @property
    def explained(self) -> bool:
        """Whether the shape passes through all points."""
        return self.worst <= _EXPLAINED


def segment(curve: Curve) -> tuple[Piece, ...]:
    """The curve as touching pieces, in order; empty without points."""
    pieces: list[Piece] = []
    names = _WAVES if _turns(curve) > _MANY_TURNS else SIMPLICITY
    cuts = [0, *(_jumps(curve) + 1).tolist(), len(curve)]
    for lo, hi in pairwise(cuts):
        if hi > lo:
            pieces += _explain(curve, lo, hi, names)
    return tuple(pieces)


def finer(curve: Curve, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The pieces with each rise and each fall cut anew, into the longest stretches that one shape
    explains, where that takes fewer of them or explains more.

    Finds the borders that neither jump nor bend enough to be seen, such as that of two cosines at
    a common low.
    """
    result: list[Piece] = []
    for run in _runs(curve, pieces):
        parts = [] if len(run) == 1 and run[0].explained else _prefixes(curve, run)
        gained = parts and all(p.explained for p in parts[:-1])
        fewer = len(parts) < len(run) or not all(p.explained for p in run)
        result += parts if gained and fewer else run
    return tuple(_rounded_off(curve, result))


def _rounded_off(curve: Curve, pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces with each level that belongs to the cosine after it: rounding flattens its top."""
    result: list[Piece] = []
    for piece in pieces:
        before = result[-1] if result else None
        if before is not None and (before.shape.name, piece.shape.name) == ("constant", "cosine"):
            both = best_shape(curve, before.lo, piece.hi, ("cosine",))
            if both.explained and piece.hi - piece.lo > before.hi - before.lo:
                result[-1] = both
                continue
        result.append(piece)
    return result


def _runs(curve: Curve, pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Neighbouring pieces that all rise or all fall. A level stays alone, unless it is so short
    that rounding made it, within a rise or fall that goes on."""
    ways = [_way(curve, piece) for piece in pieces]
    for index in range(1, len(pieces) - 1):
        short = pieces[index].hi - pieces[index].lo <= max(_FEWEST_LEVEL, _BLUR * len(curve))
        if ways[index] == 0 and short and ways[index - 1] == ways[index + 1]:
            ways[index] = ways[index - 1]
    runs: list[list[Piece]] = []
    for index, piece in enumerate(pieces):
        if index and ways[index] == ways[index - 1] != 0:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def _way(curve: Curve, piece: Piece) -> float:
    """1 where a piece rises, -1 where it falls, 0 for a level; a single point goes where it came
    from."""
    alone = piece.hi - piece.lo == 1 and piece.lo > 0
    return float(np.sign(curve.y[piece.hi - 1] - curve.y[piece.lo - alone]))


def _prefixes(curve: Curve, run: Sequence[Piece]) -> list[Piece]:
    """Explained stretches of a run one after the other; the last may be unexplained."""
    parts: list[Piece] = []
    at, end = run[0].lo, run[-1].hi
    while at < end and len(parts) < _MOST_PREFIXES:
        stop = _explained_until(curve, at, end)
        if stop - at < min(SHORTEST, end - at):
            break
        parts.append(best_shape(curve, at, stop))
        at = stop
    if not parts:
        return []
    return parts if at == end else [*parts, best_shape(curve, at, end)]


def _explained_until(curve: Curve, lo: int, hi: int) -> int:
    """End of the longest stretch from ``lo`` that one shape explains: all of it, shorter and
    shorter ones, then by halves between the longest that it does and the next."""
    size, good, bad = hi - lo, lo, hi
    while size >= SHORTEST:
        if best_shape(curve, lo, lo + size).explained:
            good = lo + size
            break
        shorter = max((size + 1) // 2, SHORTEST)
        bad, size = lo + size, shorter if shorter < size else 0
    while good > lo and good + 1 < bad:
        middle = (good + bad) // 2
        if best_shape(curve, lo, middle).explained:
            good = middle
        else:
            bad = middle
    return good


def as_segments(
    curve: Curve, pieces: Sequence[Piece], start: float, stop: float
) -> tuple[Segment, ...]:
    """Pieces as segments over ``[start, stop)``; the shapes' own times stay those of the pieces."""
    largest = float(np.abs(curve.y).max(initial=0.0)) or 1.0
    result = []
    for index, piece in enumerate(pieces):
        x, y = curve.x[piece.lo : piece.hi], curve.y[piece.lo : piece.hi]
        error = y - piece.shape.lr(x - x[0])
        residual = float(np.sqrt(np.mean(error**2))) / largest
        begin = float(x[0])
        end = stop if index == len(pieces) - 1 else float(curve.x[pieces[index + 1].lo])
        result.append(Segment(begin, end, piece.shape, residual))
    return tuple(result)


def _jumps(curve: Curve) -> npt.NDArray[np.int64]:
    """Indices i where the curve jumps between points i and i + 1."""
    if len(curve) < 2:
        return np.empty(0, dtype=np.int64)
    gap = np.diff(curve.x)
    rise = np.abs(np.diff(curve.y))
    noise = 4.0 * np.maximum(curve.resolution[1:], curve.resolution[:-1])
    steep = rise / gap
    around = np.zeros_like(steep)
    around[1:] = steep[:-1]
    around[:-1] = np.maximum(around[:-1], steep[1:])
    # An end has one neighbour; a smooth curve changes its slope there as much as next to it.
    for end, near, far in ((0, 1, 2), (-1, -2, -3)):
        bend = abs(steep[near] - steep[far]) if len(steep) > 2 else 0.0
        around[end] = steep[near] + 3.0 * bend if len(steep) > 1 else np.inf
    found = np.flatnonzero((rise > noise) & (steep > _JUMP * around))
    return found.astype(np.int64)


def _turns(curve: Curve) -> int:
    """How often a curve turns up or down, seen on few points."""
    ways = np.sign(np.diff(curve.thinned(2 * FIT_POINTS).y))
    ways = ways[ways != 0]
    return int(np.sum(ways[1:] != ways[:-1]))


def _explain(curve: Curve, lo: int, hi: int, names: Sequence[str]) -> list[Piece]:
    """Pieces of a stretch without jumps: one if a shape explains it, else those of its parts."""
    turns = _turn(curve.part(lo, hi))
    piece = None if turns else best_shape(curve, lo, hi, names)
    if piece is not None and (piece.explained or hi - lo <= 2):
        return [piece]
    inner = turns or _plateau(curve.part(lo, hi)) or _corner(curve.part(lo, hi))
    if piece is not None and not inner:
        return [piece]
    cuts = [lo, *(lo + i for i in inner), hi]
    return [piece for begin, end in pairwise(cuts) for piece in _explain(curve, begin, end, names)]


def best_shape(curve: Curve, lo: int, hi: int, only: Sequence[str] = SIMPLICITY) -> Piece:
    """The simplest shape that explains the points ``[lo, hi)``, else the nearest one."""
    part = curve.part(lo, hi)
    few = part.thinned(FIT_POINTS)
    local = few.x - part.x[0]
    allowed = np.maximum(few.tolerance, _OF_LARGEST * few.tolerance.max())
    best: Piece | None = None
    for name in only:
        shape = discover("shapes")[name].guess(local, few.y)
        if shape is None:
            continue
        worst = float(np.max(np.abs(shape.lr(local) - few.y) / allowed))
        if best is None or worst < best.worst:
            best = Piece(lo, hi, shape, worst)
        if best.explained and (len(few) == len(part) or _holds(part, best, allowed.max())):
            return best
    if best is None:
        best = Piece(lo, hi, discover("shapes")["constant"](float(part.y.mean())), np.inf)
    return best


def _holds(part: Curve, piece: Piece, largest: float) -> bool:
    """Whether the shape found on few points explains all of them."""
    error = np.abs(piece.shape.lr(part.x - part.x[0]) - part.y)
    return bool(np.all(error <= _EXPLAINED * np.maximum(part.tolerance, _OF_LARGEST * largest)))


def _turn(part: Curve) -> list[int]:
    """Where a rise ends in a fall or the other way round."""
    noise = 2.0 * float(part.tolerance.max())
    fallen = np.maximum.accumulate(part.y) - part.y
    risen = part.y - np.minimum.accumulate(part.y)
    if fallen.max() <= noise or risen.max() <= noise:
        return []
    trough = int(np.argmax(fallen))
    top = int(np.argmax(part.y[: trough + 1]))
    if top > 0:
        return [_side(part, top)]
    return [_side(part, trough)] if trough < len(part) - 1 else []


def _side(part: Curve, at: int) -> int:
    """First index of the right-hand stretch: ``at`` unless that point only continues the left one.

    The true turn mostly lies between two points, so the extreme one belongs to one side alone.
    """
    left, right = _off_line(part, at, -1), _off_line(part, at, 1)
    noise = 4.0 * float(part.tolerance[at])
    return at + 1 if right > noise and left < right and at + 1 < len(part) else at


def _off_line(part: Curve, at: int, step: int) -> float:
    """Distance of a point from the line through its next two neighbours on one side."""
    near, far = at + step, at + 2 * step
    if not (0 <= far < len(part)):
        return np.inf
    slope = (part.y[far] - part.y[near]) / (part.x[far] - part.x[near])
    return float(abs(part.y[at] - part.y[near] - slope * (part.x[at] - part.x[near])))


def _plateau(part: Curve) -> list[int]:
    """The longest run of equal values, where it takes a real share of a monotone stretch."""
    equal = np.abs(np.diff(part.y)) <= 1e-9 * np.abs(part.y[1:])
    edges = np.flatnonzero(np.diff(np.concatenate([[0], equal.view(np.int8), [0]])))
    starts, stops = edges[::2], edges[1::2]
    if not len(starts):
        return []
    longest = int(np.argmax(part.x[stops] - part.x[starts]))
    begin, end = int(starts[longest]), int(stops[longest]) + 1
    if end - begin < _FEWEST_LEVEL:
        return []
    # The last point of a level may be where the next stretch begins; then it belongs to that.
    if end < len(part) and end - begin > _FEWEST_LEVEL:
        end = _side(part, end - 1)
    return [i for i in (begin, end) if 0 < i < len(part)]


def _corner(part: Curve) -> list[int]:
    """Where the slope changes at once, found on few points and placed among all of them."""
    few = part.thinned(FIT_POINTS)
    if len(few) < 5:
        return []
    slope = np.diff(few.y) / np.diff(few.x)
    bend = np.abs(np.diff(slope))
    at = int(np.argmax(bend))
    others = np.delete(bend, [i for i in (at - 1, at, at + 1) if 0 <= i < len(bend)])
    if not len(others) or bend[at] <= _CORNER * float(np.median(others)):
        return []
    lo, hi = np.searchsorted(part.x, [few.x[at], few.x[min(at + 2, len(few) - 1)]])
    inside = part.part(max(int(lo) - 1, 0), int(hi) + 2)
    fine = np.abs(np.diff(np.diff(inside.y) / np.diff(inside.x)))
    place = max(int(lo) - 1, 0) + int(np.argmax(fine)) + 1
    inner = _FEWEST_PART <= place <= len(part) - _FEWEST_PART
    place = _side(part, place) if inner else 0
    return [place] if 0 < place <= len(part) - _FEWEST_PART else []
