"""Where a schedule's own time 0 lies: where its parameters come out as somebody configured them.

A line says nothing about where it began: counters start at 0 or 1, a value may be that of the next
step, and a log of epochs may show the last batch of each. So the first step is tried first, then
its neighbours, then the part of an epoch before it, and the first that makes an LR short is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from lrdoctor.fit_numbers import further_digits, roundest
from lrdoctor.fit_segments import Curve
from lrdoctor.schedules._recognise import ends, kind, number
from lrdoctor.types import Segment

# Most LRs have so many digits after the first, and nobody types one of this many.
_SHORT = 1
_ODD_DIGITS = 3
# Share of a ramp's rise in one x unit that its start may be off: less than a batch of an epoch.
_PART_OF_RISE = 1e-4
# A position this near a whole number is one.
_WHOLE = 0.01
_LONGEST_SHARE = 1e5
_HALVINGS = 60


def origins(row: Sequence[Segment], curve: Curve, natural: float) -> Iterator[float]:
    """Times 0 to try for a row whose first curve begins at its first point, likeliest first."""
    try:
        yield from _origins(row, curve, natural)
    except (ArithmeticError, ValueError):  # LRs beyond what floats can divide
        yield natural


def _origins(row: Sequence[Segment], curve: Curve, natural: float) -> Iterator[float]:
    first = row[0]
    rises = ends(first)[1] > ends(first)[0]
    if kind(first) == "logarithmic":
        yield _of_logarithm(first, natural)
    elif kind(first) == "linear" and rises and len(row) > 1:
        yield from _of_ramp(first, _top_of(first, row[1]), curve, natural)
    elif kind(first) in ("linear", "polynomial", "exponential") and not rises:
        yield from _of_decay(first, curve, natural)
    else:
        yield natural


def level_origins(natural: float, first: float) -> tuple[float, ...]:
    """Times 0 to try for levels, which say nothing about theirs but by round positions."""
    return tuple(dict.fromkeys((natural, *(o for o in (0.0, 1.0, -1.0) if o <= first))))


def _of_logarithm(first: Segment, natural: float) -> float:
    """Time 0 of ``log(1 + t)``, which the curve itself shows."""
    begin = first.start + 1.0 - number(first, "timescale")
    near = round(begin)
    return float(near) if abs(begin - near) < 10 * _WHOLE else natural


def _top_of(first: Segment, then: Segment) -> float:
    """LR at which a ramp meets what follows it, between the last point of one and the first of the
    other; the first LR of what follows where they do not meet there."""

    def above(time: float) -> float:
        ramp, rest = (s.shape.lr(np.array([time - s.start]))[0] for s in (first, then))
        return float(ramp - rest)

    low, high = first.start, then.start
    if not above(low) <= 0 <= above(high):
        return ends(then)[0]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if above(middle) > 0 else (middle, high)
    return float(first.shape.lr(np.array([high - first.start]))[0])


def _of_ramp(first: Segment, peak: float, curve: Curve, natural: float) -> Iterator[float]:
    """Where the ramp starts from 0, or from a short share of the LR it leads to."""
    slope, x0 = number(first, "slope"), first.start
    fine = 4.0 * float(curve.resolution[0])
    blur = fine + _PART_OF_RISE * slope

    def start(at: float) -> float:
        return number(first, "lr_start") + slope * (at - x0)

    reach = max(curve.spacing, 1.0)
    tried = dict.fromkeys((natural, 1.0, 0.0, -1.0, x0, x0 - 1.0))
    usual = [o for o in tried if x0 - reach <= o <= x0]
    fair = [
        o for o in usual if abs(start(o)) <= blur or natural_share(start(o) / peak, fine / peak)
    ]
    if natural in fair:
        yield natural
        return
    yield from fair[:2]
    if not fair and curve.spacing == 1:
        share = _share_between(start(x0 - 1.0) / peak, start(x0) / peak)
        if share is not None:
            yield x0 - (start(x0) - share * peak) / slope
    if start(natural) < -blur:
        zero = x0 - number(first, "lr_start") / slope
        whole = float(round(zero))
        zero = whole if abs(zero - whole) < _WHOLE * curve.spacing else zero
        yield zero if natural < zero <= x0 else natural
    else:
        yield natural


def natural_share(share: float, blur: float = 0.0) -> bool:
    """Whether somebody would start a ramp from this share of its end: a short one or an n-th."""
    if share <= 0:
        return share == 0
    close = 1e-5 * share + blur
    short = float(f"{share:.1e}")
    if abs(short - share) <= close:
        return True
    whole = max(round(1.0 / share), 1)
    return 1.0 / share < _LONGEST_SHARE and abs(1.0 / whole - share) <= close


def _share_between(low: float, high: float) -> float | None:
    """0 or the one-digit share in ``(low, high]``; None without."""
    if low <= 0 < high:
        return 0.0
    share = roundest(low, high) if 0 < low < high else math.nan
    return share if share == share and further_digits(share) == 0 else None


def _of_decay(first: Segment, curve: Curve, natural: float) -> Iterator[float]:
    """Where the LR at time 0 is short: the natural place, a step off, within the epoch before."""
    x0 = first.start

    def at(time: float) -> float:
        return float(first.shape.lr(np.array([time - x0]))[0])

    own = _digits(at(natural))
    if own <= _SHORT:
        yield natural
        return
    fewer = min(own, _ODD_DIGITS)
    yield from (o for o in (natural - 1.0, natural + 1.0) if _digits(at(o)) < fewer)
    if curve.spacing == 1:
        inside = _inside_epoch(first, at(x0), at(x0 - 1.0))
        if inside is not None and _digits(at(inside)) < fewer:
            yield inside
    yield natural


def _inside_epoch(first: Segment, last: float, earlier: float) -> float | None:
    """A time up to one unit before the first point from which the decay takes whole units, or where
    an exponential is at a round LR."""
    if kind(first) == "exponential":
        top = roundest(last, earlier)
        gone = math.log(last / top) / math.log(number(first, "gamma"))
        return first.start - gone if further_digits(top) <= 1 and 0 < gone < 1 else None
    length = (
        number(first, "t_max")
        if kind(first) == "polynomial"
        else -number(first, "lr_start") / number(first, "slope")
    )
    before = math.ceil(length) - length
    return first.start - before if before > 0 else None


def _digits(lr: float) -> int:
    """Digits after the first, of the five that a fit is sure of."""
    return further_digits(float(f"{lr:.4e}"))
