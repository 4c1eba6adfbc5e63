"""Reading rows of fitted segments: what the ``recognise`` methods of schedules share."""

from __future__ import annotations

import numpy as np

from lrdoctor.schedules._warmup import Warmup
from lrdoctor.types import Segment

# Shapes of ramps, and what a warm-up calls them.
_RAMPS = {
    "linear": "linear", "cosine": "cosine", "exponential": "exponential", "logarithmic": "log",
}  # fmt: skip


def number(segment: Segment, name: str) -> float:
    """A curve parameter of the segment's shape."""
    return float(segment.shape.parameters()[name])  # type: ignore[arg-type]


def ends(segment: Segment) -> tuple[float, float]:
    """LR at the start and at the stop of a segment, by its shape."""
    first, last = segment.shape.lr(np.array([0.0, segment.stop - segment.start]))
    return float(first), float(last)


def kind(segment: Segment) -> str:
    """Name of the segment's shape."""
    return segment.shape.name


def split_warmup(segments: tuple[Segment, ...]) -> tuple[Warmup | None, tuple[Segment, ...]]:
    """A rising first segment as a warm-up, and the rest.

    A short steep fall to where a decay goes on is one too: that of ultralytics' bias group.
    """
    if len(segments) < 2 or kind(segments[0]) not in _RAMPS:
        return None, segments
    start_lr, top = ends(segments[0])
    length = segments[0].stop - segments[0].start
    whole = segments[-1].stop - segments[0].start
    begin = ends(segments[1])[0]
    from_above = start_lr > 1.5 * begin > 0 and length < 0.3 * whole
    from_above = from_above and any(kind(s) != "constant" for s in segments[1:])
    if not (top > start_lr or (from_above and near(top, begin, start_lr, 0.3))):
        return None, segments
    return Warmup(length, start_lr, _RAMPS[kind(segments[0])]), segments[1:]


def near(a: float, b: float, scale: float, tolerance: float = 1e-3) -> bool:
    """Whether two LRs agree to a small share of ``scale``."""
    return abs(a - b) <= tolerance * abs(scale)


def common_factor(levels: tuple[Segment, ...]) -> float | None:
    """The one factor between neighbouring levels, or None; needs two levels above 0."""
    if len(levels) < 2 or any(kind(s) != "constant" for s in levels):
        return None
    values = np.array([number(s, "value") for s in levels])
    if not values.min() > 0:
        return None
    ratios = values[1:] / values[:-1]
    factor = float(np.exp(np.log(ratios).mean()))
    same = np.abs(ratios / factor - 1.0).max() < 2e-3
    return factor if same and abs(factor - 1.0) > 1e-6 else None


def meeting(left: Segment, right: Segment) -> float:
    """Where two lines cross; the border between them if they are parallel."""
    bend = number(left, "slope") - number(right, "slope")
    if bend == 0:
        return right.start
    gap = number(right, "lr_start") - number(left, "lr_start")
    offset = number(right, "slope") * right.start - number(left, "slope") * left.start
    return (gap - offset) / bend
