"""Where an LR curve drops, settles, rises again: vectorised over the logged points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.types import Array, IntArray

# Points on either side that tell a drop from a stretch of a steep smooth decay.
NEIGHBOURS = 3
# A drop is this many times larger, in logarithm, than the changes beside it.
STANDS_OUT = 4.0


def find_drops(lr: Array, ratio: float) -> IntArray:
    """Indices of the first point after each one-point fall to at most ``ratio`` of the LR before.

    ``lr: float64[n]``, finite. A fall that is like its neighbours belongs to a smooth decay (the
    last points of a linear decay halve again and again) and is left out, as is a fall to 0. Falls
    spread over two logged points count once, at the larger.
    """
    positive = lr > 0
    height = np.log(lr, out=np.zeros_like(lr), where=positive)
    change = np.where(positive[:-1] & positive[1:], height[:-1] - height[1:], 0.0)
    candidates = np.flatnonzero(change >= -np.log(ratio) * (1 - 1e-9))
    kept = [int(i) for i in candidates if _stands_out(change, int(i))]
    return np.array(kept, dtype=np.int64) + 1


def _stands_out(change: Array, at: int) -> bool:
    lo, hi = max(at - NEIGHBOURS, 0), at + NEIGHBOURS + 1
    beside = np.abs(np.concatenate([change[lo:at], change[at + 1 : hi]]))
    if not len(beside):
        return False
    # One of the neighbours may be the rest of the same drop.
    largest = change[at] >= beside.max() * (1 - 1e-6)
    return bool(largest and change[at] > STANDS_OUT * np.median(beside))


def settled_below(lr: Array, level: float) -> int:
    """Index from which ``lr: float64[n]`` stays at or below ``level`` to the end; n if never."""
    above = np.flatnonzero(~(lr <= level))
    return int(above[-1]) + 1 if len(above) else 0


@dataclass(frozen=True, slots=True)
class Swings:
    """Returns of an LR curve from the lowest to the highest tenth of its range.

    ``rises`` are index pairs (last low point, first high point after it); ``rise_points`` and
    ``fall_points`` how many points a rise and a fall take (medians); ``low_share`` the share of
    points in the lowest tenth between the first and the last rise's end.
    """

    rises: tuple[tuple[int, int], ...]
    rise_points: float
    fall_points: float
    low_share: float


def find_swings(lr: Array) -> Swings | None:
    """Swings of ``lr: float64[n]`` after its first peak; None where the LR never comes back."""
    if len(lr) < 4 or not np.isfinite(lr).all():
        return None
    low, span = float(lr.min()), float(np.ptp(lr))
    if not span > 0:
        return None
    height = (lr - low) / span
    mark = np.where(height >= 0.9, 1, np.where(height <= 0.1, -1, 0))
    at = np.flatnonzero(mark)
    turn = np.flatnonzero(np.diff(mark[at]))
    edges = [(int(at[k]), int(at[k + 1]), int(mark[at[k]])) for k in turn]
    falls = [(a, b) for a, b, sign in edges if sign > 0]
    if not falls:
        return None
    rises = tuple((a, b) for a, b, sign in edges if sign < 0 and a >= falls[0][0])
    if not rises:
        return None
    inside = mark[falls[0][0] : rises[-1][1] + 1]
    return Swings(
        rises=rises,
        rise_points=float(np.median([b - a for a, b in rises])),
        fall_points=float(np.median([b - a for a, b in falls])),
        low_share=float(np.mean(inside < 0)),
    )
