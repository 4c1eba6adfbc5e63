"""One schedule or several: where one was rebuilt, reset, or resumed with the wrong state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lrdoctor.fit_echo import with_echo, without_echo
from lrdoctor.fit_names import Named, name_pieces
from lrdoctor.fit_resumed import OLD_HORIZON, REBUILT, continued, outlived
from lrdoctor.fit_segments import Curve, Piece, finer, segment
from lrdoctor.fit_tails import from_tail

_MOST_PARTS = 12
# Parts between which no restart and no jump up was seen must explain a curve exactly, in this many.
_MOST_HIDDEN = 4
# A whole that misses by less than this is one schedule whose values were averaged or delayed.
_NEARLY_WHOLE = 1e-3
# A jump is this many times the step that the slope before it would have made.
_LEAP = 2.0
# Points at a common low that two curves may share, and the error of a fitted origin.
_SHARED = 3.0
_HAIR = 1e-3


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a log under one schedule, its pieces in indices of the part.

    ``start`` and ``stop`` are steps, the next part begins at ``stop``; ``began`` says why it did.
    """

    curve: Curve
    pieces: tuple[Piece, ...]
    named: Named | None
    start: int
    stop: int
    began: str = ""


def divide(
    curve: Curve, pieces: tuple[Piece, ...], boundaries: Sequence[float]
) -> tuple[Part, ...]:
    """The curve as parts of one schedule each; ``boundaries`` are steps of known restarts."""
    origin = natural_origin(curve)
    whole = _echoing(curve, origin) or name_pieces(curve, pieces, origin)
    fine = pieces
    for cut in (finer, from_tail):
        if whole is not None and whole.match.exact:
            break
        other = cut(curve, pieces)
        if other is None or other == pieces:
            continue
        fine = other if cut is finer else fine
        again = name_pieces(curve, other, origin)
        if again is not None and (whole is None or again.match.rms < whole.match.rms):
            pieces, whole = other, again
    return _divided(curve, pieces, fine, whole, boundaries)


def _divided(
    curve: Curve,
    pieces: tuple[Piece, ...],
    fine: tuple[Piece, ...],
    whole: Named | None,
    boundaries: Sequence[float],
) -> tuple[Part, ...]:
    one = (Part(curve, pieces, whole, int(curve.x[0]), int(curve.x[-1]) + 1),)
    if whole is not None and whole.match.exact and not _restarted(curve, pieces, boundaries, whole):
        return _outlived(one[0], boundaries)
    seen, hidden = _cuts(curve, fine, boundaries)
    parts = _parted(curve, fine, seen) if seen else ()
    if len(parts) > 1 and (whole is None or any(p.named is not None for p in parts)):
        return parts
    if hidden and (whole is None or whole.match.residual > _NEARLY_WHOLE):
        parts = _parted(curve, fine, sorted({*seen, *hidden}))
        exact = all(p.named is not None and p.named.match.exact for p in parts)
        if exact and 1 < len(parts) <= _MOST_HIDDEN:
            return parts
    return one


def natural_origin(curve: Curve, *, inner: bool = False) -> float:
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


def _echoing(curve: Curve, origin: float) -> Named | None:
    """The schedule of a log that holds one LR twice where its warm-up ends, as ultralytics' do."""
    clean = without_echo(curve)
    found = None if clean is None else name_pieces(clean, segment(clean), origin)
    match = None if found is None else with_echo(found.match, curve)
    return None if match is None else Named(match, ())


def _outlived(part: Part, boundaries: Sequence[float]) -> tuple[Part, ...]:
    """A part cut where a run was resumed at the end of a cosine that then rises again."""
    at = None if part.named is None else outlived(part.named.match, part.curve, boundaries)
    if at is None:
        return (part,)
    before = tuple(p for p in part.pieces if p.lo < at)
    after = tuple(Piece(max(p.lo, at), p.hi, p.shape, p.worst) for p in part.pieces if p.hi > at)
    first, own = _sub(part.curve, (*before[:-1], _until(before[-1], at)))
    second, rest = _sub(part.curve, after)
    border = int(part.curve.x[at])
    return (
        Part(first, own, part.named, part.start, border),
        Part(second, rest, part.named, border, part.stop, OLD_HORIZON),
    )


def _until(piece: Piece, at: int) -> Piece:
    return Piece(piece.lo, min(piece.hi, at), piece.shape, piece.worst)


def _cuts(
    curve: Curve, pieces: Sequence[Piece], boundaries: Sequence[float]
) -> tuple[list[int], list[int]]:
    """Indices of pieces at which a new schedule may begin: at a known restart or a jump up; and at
    any other bend between curves that both move, which only exact parts make believable."""
    seen, hidden = [], []
    for index, piece in enumerate(pieces[1:], start=1):
        before, here = curve.y[piece.lo - 1], curve.y[piece.lo]
        near = any(curve.x[piece.lo - 1] < b <= curve.x[piece.lo] for b in boundaries)
        if near or (here > before and _leaps(curve, piece.lo)):
            seen.append(index)
        elif pieces[index - 1].shape.name != "constant" != piece.shape.name:
            hidden.append(index)
    return seen, hidden


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


def _parted(curve: Curve, pieces: Sequence[Piece], cuts: Sequence[int]) -> tuple[Part, ...]:
    """The longest named prefixes between cuts, one after the other."""
    marks = [0, *cuts, len(pieces)]
    if len(marks) - 1 > _MOST_PARTS:
        return ()
    result: list[Part] = []
    at = 0
    while at < len(marks) - 1:
        part, at = _longest(curve, pieces, marks, at, result[-1] if result else None)
        if result:
            part = replace(part, start=max(part.start, result[-1].start + 1))
            result[-1] = replace(result[-1], stop=part.start)
        result.append(part)
    return tuple(result)


def _longest(
    curve: Curve, pieces: Sequence[Piece], marks: Sequence[int], at: int, previous: Part | None
) -> tuple[Part, int]:
    """The longest part from mark ``at`` that one schedule explains, and its last mark."""
    last = len(marks) - 1
    for end in range(last if previous is not None else last - 1, at, -1):
        part, own = _sub(curve, pieces[marks[at] : marks[end]])
        named, why = _named_after(previous, part, own)
        if end == at + 1 or (named is not None and named.match.exact):
            break
    start, stop = _start(part, named if previous is not None else None), int(part.x[-1]) + 1
    return Part(part, own, named, start, stop, why), end


def _named_after(
    previous: Part | None, curve: Curve, pieces: tuple[Piece, ...]
) -> tuple[Named | None, str]:
    """The name of a part, and why it began after the previous one."""
    if previous is None:
        return name_pieces(curve, pieces, natural_origin(curve)), ""
    before = None if previous.named is None else previous.named.match
    known = None if before is None else continued(before, curve)
    if known is not None:
        return Named(known[0], ()), known[1]
    return name_pieces(curve, pieces, natural_origin(curve, inner=True)), REBUILT


def _start(curve: Curve, named: Named | None) -> int:
    """The first step of a part: its schedule's own where that lies just before the first point,
    as the point at a low may belong to both."""
    first = float(curve.x[0])
    if named is None or not named.match.exact:
        return int(first)
    origin = float(np.ceil(named.match.origin - _HAIR))
    return int(origin) if first - _SHARED * curve.spacing <= origin <= first else int(first)


def _sub(curve: Curve, pieces: Sequence[Piece]) -> tuple[Curve, tuple[Piece, ...]]:
    """The part of a curve that some pieces cover, and the pieces in its indices."""
    lo, hi = pieces[0].lo, pieces[-1].hi
    moved = tuple(Piece(p.lo - lo, p.hi - lo, p.shape, p.worst) for p in pieces)
    return curve.part(lo, hi), moved
