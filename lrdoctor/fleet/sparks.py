"""A curve as a short word: what a state file keeps of an LR, and a page draws beside each run."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lrdoctor.types import Array, Series

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_GAP = "-"
_STRETCHES = 32
_DEEPEST = 1e4  # an LR is drawn in equal factors down to this part of its peak


def levels(series: Series, stretches: int = _STRETCHES) -> str:
    """At most ``stretches`` digits in base 36, one per stretch of equal steps: the value farthest
    from the one before, between 0 (the lowest, or a ten-thousandth of the peak) and z (the peak).
    A stretch without a point holds the value before it; "-" has only points that are not finite.

    >>> levels(Series("lr", [0, 1, 2, 3], [1.0, 0.1, 0.01, 0.001]), 4)
    'znc0'
    """
    up = _heights(series.value)
    if up is None:
        return ""
    place = _stretch_of(series.step, stretches)
    word, last = [], up[np.isfinite(up)][0]
    for stretch in range(place[-1] + 1):
        here = up[place == stretch]
        finite = here[np.isfinite(here)]
        if len(finite):
            last = float(finite[np.abs(finite - last).argmax()])
        word.append(_GAP if len(here) and not len(finite) else DIGITS[round(35 * last)])
    return "".join(word)


def path(word: str) -> str:
    """SVG path data of such a word: a unit per digit across, 35 units down; "" for less than two
    digits.

    >>> path("zzi0")
    'M0 0h1l1 17 1 18'
    """
    parts = []
    for piece in re.finditer(r"[0-9a-z]+", word):
        points = [(piece.start() + x, 35 - DIGITS.index(c)) for x, c in enumerate(piece[0])]
        parts.append(_subpath(_corners(points)))
    return "".join(parts) if len(word) > 1 else ""


def _corners(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without the points in the middle of straight lines."""
    kept = points[:1]
    for (x1, y1), (x, y) in pairwise(points[1:]):
        x0, y0 = kept[-1]
        if (y1 - y0) * (x - x1) != (y - y1) * (x1 - x0):
            kept.append((x1, y1))
    return kept + points[1:][-1:]


def _subpath(points: list[tuple[int, int]]) -> str:
    (x0, y0), *rest = points
    text, last = f"M{x0} {y0}", ""
    for x, y in rest or [(x0 + 1, y0)]:
        if y == y0:
            text, last = f"{text}h{x - x0}", "h"
        else:
            step = f"{x - x0}{y - y0:+d}".replace("+", " ")
            text, last = f"{text}{' ' if last == 'l' else 'l'}{step}", "l"
        x0, y0 = x, y
    return text


def _heights(value: Array) -> Array | None:
    """``float64[n]`` from 0 to 1, NaN where a value is not finite; None without a positive one."""
    value = np.where(np.isfinite(value), value, np.nan)
    if not np.any(value > 0):
        return None
    top = float(np.nanmax(value))
    low = max(float(np.nanmin(value)), top / _DEEPEST)
    if low == top:
        return np.where(np.isfinite(value), 0.5, np.nan)
    return np.asarray(np.log(np.clip(value, low, top) / low) / np.log(top / low))


def _stretch_of(step: npt.NDArray[np.int64], stretches: int) -> npt.NDArray[np.int64]:
    width = max(int(step[-1]) - int(step[0]), 1)
    count = min(stretches, len(step))
    share = (step - step[0]).astype(np.float64) / width
    return np.asarray(np.minimum((share * count).astype(np.int64), count - 1))
