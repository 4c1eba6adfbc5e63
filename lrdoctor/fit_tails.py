"""The pieces of a curve from its end: what is left before its last stretch may be a few points.

A ramp of some points, a level that a decay leaves between two of them, or a ramp over a decay bend
too little or too early to be cut where they end; the long stretch after them shows where it begins.
"""

from __future__ import annotations

import numpy as np

from lrdoctor.fit_segments import SHORTEST, Curve, Piece, best_shape, segment

# A head longer than this share of a curve is a stretch of its own, which shows.
_LONGEST_HEAD = 0.5
_MOST_PIECES = 6


def from_tail(curve: Curve, pieces: tuple[Piece, ...]) -> tuple[Piece, ...] | None:
    """The longest last stretch that one shape explains, after what comes before it; None where that
    is nothing, too much, or what the pieces say already."""
    if len(pieces) > _MOST_PIECES or len(curve) < 2 * SHORTEST:
        return None
    start = _explained_from(curve, int(_LONGEST_HEAD * len(curve)))
    if not start or start == pieces[-1].lo:
        return None
    return (*_head(curve.part(0, start)), best_shape(curve, start, len(curve)))


def _explained_from(curve: Curve, latest: int) -> int | None:
    """Where the longest last stretch begins that one shape explains; None if later than
    ``latest``."""
    end = len(curve)
    if not best_shape(curve, latest, end).explained:
        return None
    bad, good = -1, latest
    while bad + 1 < good:
        middle = (bad + good) // 2
        if best_shape(curve, middle, end).explained:
            good = middle
        else:
            bad = middle
    return good


def _head(curve: Curve) -> tuple[Piece, ...]:
    """The pieces before the last stretch: one that only rises is a ramp, whatever its bends."""
    steps = np.diff(curve.y)
    if len(curve) > 1 and np.all(steps > 0):
        return (best_shape(curve, 0, len(curve)),)
    return segment(curve)
