"""Rises, spikes and falls of a loss, found once per series for all the rules that judge them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lrdoctor.curves.changepoint import normal_equivalent
from lrdoctor.curves.lr_moves import find_drops
from lrdoctor.curves.noise import MAD_TO_SIGMA, point_sigma
from lrdoctor.curves.smooth import bin_means
from lrdoctor.detectors._context import governing_groups, typical_gap
from lrdoctor.detectors._unfreezing import find_places
from lrdoctor.types import Array, Case, Role, Series

# Groups of points that a loss is reduced to: an event of half a percent of the run fills one.
BINS = 200
# Numbers of groups, and how many groups before a place a rise is measured from (the lowest level).
SCALES = ((50, 6), (BINS, 12))
# Second differences that the local scatter is taken from; each is worth less than half a degree of
# freedom, since neighbours share points and a median uses a third of what a sum of squares does.
LOCAL = 32
FREEDOM = 0.4
# Points that the scatter of single values is taken from.
POINTS = 200
# With fewer points every series has a rise.
FEWEST = 20
# A group this far above the level before it is looked at more closely.
LOOK = 5.0
# A rise below this share of the level is never an event.
SMALLEST = 0.05
# One-sided chance of 2e-4, over all groups together.
CHANCE = 3.5
# An event is so many times higher than the log's own rises over as many groups on either side.
STANDS_OUT = 2.0
UNREST = 60
LEAST = 6
# Groups at the start in which the fall of the loss itself looks like a burst.
_BURN_IN = 12
# Squares of larger values overflow.
_HUGE = 1e150
# The gentlest LR drop in common use halves it.
_DROP = 0.55
# A restart raises the LR by this much at least, to a level it had before (with a fifth's margin).
_RESTART = 1.2
_HAD_BEFORE = 0.8


def training_loss(case: Case) -> Series | None:
    """The training loss as logged, or None: a validation loss also rises by overfitting."""
    return case.signals[Role.TRAIN_LOSS] if case.has(Role.TRAIN_LOSS) else None


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A loss in at most ``BINS`` numbers: mean step and interquartile mean of equal groups.

    ``scatter: float64[m]`` is how much a group scatters about a smooth course nearby, from second
    differences of the groups up to it; NaN where there are too few. ``size``: points per group.
    """

    points: Series
    step: Array
    level: Array
    scatter: Array
    size: int

    def first(self) -> float:
        """The level that the log starts at: the mean of its first hundredth, two groups or more."""
        return float(np.mean(self.level[: max(2, len(self.level) // 100)]))


@dataclass(frozen=True, slots=True, eq=False)
class Rise:
    """A significant rise from ``before`` at point ``start``; ``back`` is the first point of the
    group that is down again (None: not in this log).

    ``after`` is the mean of the ``groups`` groups in between, ``top`` the highest of them,
    ``sigmas`` how far they lie out as a normal deviate of the same chance.
    """

    start: int
    back: int | None
    before: float
    after: float
    top: float
    sigmas: float
    groups: int


@lru_cache(maxsize=32)
def outline(series: Series, bins: int = BINS) -> Outline | None:
    """The outline of the finite points; None for fewer than ``FEWEST`` of them."""
    points = series.finite()
    if len(points) < FEWEST:
        return None
    step, level = bin_means(points.step, points.value, bins)
    # Losses at the edge of floats have no differences.
    level = np.clip(level, -_HUGE, _HUGE)
    return Outline(points, step, level, _local_scatter(level), max(1, len(points) // bins))


def _local_scatter(level: Array) -> Array:
    """Standard deviation of a group about its neighbours, from the ``LOCAL`` differences up to it.

    Second differences cancel a smooth course and have variance 6 sigma² for white noise. The first
    groups have no past: what follows them stands in.
    """
    bend = np.abs(np.diff(level, n=2))
    width = min(LOCAL, len(bend))
    medians = np.median(sliding_window_view(bend, width), axis=1)
    scatter = np.full(len(level), medians[0])
    scatter[width + 1 :] = medians
    return scatter * MAD_TO_SIGMA / float(np.sqrt(6.0))


@lru_cache(maxsize=16)
def find_rises(series: Series) -> tuple[Rise, ...]:
    """Significant rises of a loss above its lowest level shortly before, none inside another.

    Few long groups show a step in a noisy loss, many short ones how long a spike lasts.
    """
    long = _rises(series, *SCALES[0])
    short = _rises(series, *SCALES[1])
    kept: list[Rise] = []
    # A single long group hides how short a spike is; otherwise the longer one is the whole event.
    for rise in sorted(short + long, key=lambda r: (r in long and r.groups == 1, -_length(r))):
        if not any(_overlap(rise, other) for other in kept):
            kept.append(rise)
    return tuple(sorted(kept, key=lambda r: r.start))


def _length(rise: Rise) -> float:
    return float("inf") if rise.back is None else float(rise.back - rise.start)


def _overlap(a: Rise, b: Rise) -> bool:
    a_first = b.start < a.back if a.back is not None else True
    b_first = a.start < b.back if b.back is not None else True
    return a_first and b_first


def _rises(series: Series, bins: int, before_groups: int) -> list[Rise]:
    sketch = outline(series, bins)
    if sketch is None or (bins < BINS and sketch.size < 2):
        return []  # the finer outline shows the same
    level, noise = sketch.level, sketch.scatter[before_groups + 1 : -1]
    calm = np.median(sliding_window_view(level, 3), axis=1)  # of the group and the two before it
    before = np.min(sliding_window_view(calm, before_groups)[:-1], axis=1)
    first = before_groups + 2
    height = level[first:] - before
    high = (height > LOOK * noise) & (height > SMALLEST * np.abs(before))
    rises: list[Rise] = []
    free = 0
    for k in np.flatnonzero(high):
        at = int(k) + first
        if at < free:
            continue
        low = np.flatnonzero(level[at:] <= before[k] + noise[k])
        stop = len(level) if not len(low) else at + int(low[0])
        rise = None
        if _stands_out(height, int(k), stop - first):
            rise = _measured(sketch, float(before[k]), at, stop)
        if rise is not None:
            rises.append(rise)
            free = stop
    return rises


def _stands_out(height: Array, start: int, stop: int) -> bool:
    """Whether nothing else nearby rises half as high: slow wander and heavy tails do."""
    others = np.concatenate([height[max(0, start - UNREST) : start], height[stop : stop + UNREST]])
    if len(others) < LEAST:
        return False
    return bool(height[start:stop].max() >= STANDS_OUT * np.quantile(others, 0.98))


def _measured(sketch: Outline, before: float, at: int, stop: int) -> Rise | None:
    """The rise over the groups ``[at, stop)``, None if it is not significant."""
    raised = sketch.level[at:stop]
    after, count = float(np.mean(raised)), len(raised)
    error, freedom = _error(sketch, at)
    # All of it for a step, the top for a spike; the level before is as uncertain as one group.
    top = float(np.max((raised[1:] + raised[:-1]) / 2)) if count > 1 else after
    sigmas = max(
        normal_equivalent(height - before, error * float(np.sqrt(1 + 1 / groups)), freedom)
        for height, groups in ((after, count), (top, min(count, 2)))
    )
    if sigmas < float(np.sqrt(CHANCE**2 + 2 * np.log(len(sketch.level)))):
        return None
    start = _sharpest(sketch, at)
    back = None if stop == len(sketch.level) else _first_point(sketch, stop)
    return Rise(start, back, before, after, float(np.max(raised)), sigmas, count)


def _error(sketch: Outline, at: int) -> tuple[float, float]:
    """Standard deviation of a group just before group ``at``, and its degrees of freedom.

    The groups' own scatter knows of wander, that of the single points is better known; where both
    agree or the groups scatter more, the chance that it is underestimated is that of the points.
    """
    groups = float(sketch.scatter[at - 1])
    freedom = FREEDOM * min(LOCAL, len(sketch.level) - 2)
    last = _first_point(sketch, at)
    points = sketch.points.value[max(0, last - POINTS) : last]
    if sketch.size < 4 or len(points) < 2 * LOCAL:
        return groups, freedom
    return max(groups, point_sigma(points) / float(np.sqrt(sketch.size))), FREEDOM * len(points)


def _first_point(sketch: Outline, group: int) -> int:
    """Index of the first point of a group: the first groups hold the points left over."""
    n, bins = len(sketch.points), len(sketch.level)
    return group * (n // bins) + min(group, n % bins)


def _sharpest(sketch: Outline, at: int) -> int:
    """The point near the start of group ``at`` whose two sides differ most (least squares)."""
    value = sketch.points.value
    lo, hi = _first_point(sketch, at - 2), _first_point(sketch, min(at + 1, len(sketch.level)))
    reach = max(6, 2 * sketch.size)
    first, last = max(0, lo - reach), min(len(value), hi + reach)
    total = np.concatenate([[0.0], np.cumsum(np.clip(value[first:last], -_HUGE, _HUGE))])
    here = np.arange(max(lo - first, 1), min(hi, last - 1) - first + 1)
    rest = len(total) - 1 - here
    gap = (total[-1] - total[here]) / rest - total[here] / here
    return first + int(here[np.argmax(gap * np.sqrt(here * rest))])


@lru_cache(maxsize=16)
def find_bursts(series: Series, ratio: float) -> tuple[tuple[int, int, float, float], ...]:
    """Spikes too short to move the mean of a group: start, first point back, level, highest value.

    Their height over the group's level is ``ratio`` times what nearly all groups nearby have.
    """
    sketch = outline(series)
    if sketch is None or len(sketch.points) < 2 * len(sketch.level):
        return ()  # every point is a group
    value = np.clip(sketch.points.value, -_HUGE, _HUGE)
    n, bins = len(value), len(sketch.level)
    groups = np.arange(bins)
    starts = groups * (n // bins) + np.minimum(groups, n % bins)
    excess = np.maximum.reduceat(value, starts) - sketch.level
    typical = float(np.quantile(excess, 0.98))
    bursts = []
    # The first groups fall by themselves.
    for k in np.flatnonzero(excess[_BURN_IN:] > ratio * typical) + _BURN_IN:
        near = np.delete(excess, k)[max(0, k - UNREST) : k + UNREST]
        if excess[k] <= ratio * np.quantile(near, 0.98):
            continue
        top = int(starts[k]) + int(np.argmax(value[starts[k] : starts[k] + n // bins + 1]))
        bound = float(sketch.level[k] + excess[k] / ratio)
        down = np.flatnonzero(value[top:] <= bound)
        up = np.flatnonzero(value[: top + 1] <= bound)
        if len(down) and len(up):
            level, highest = float(sketch.level[k]), float(value[top])
            bursts.append((int(up[-1]) + 1, top + int(down[0]), level, highest))
    return tuple(bursts)


def setback(series: Series, rise: Rise) -> float:
    """By how many steps a rise throws the loss back: the time since it was last that high."""
    sketch = outline(series)
    if sketch is None:
        return 0.0
    start = float(sketch.points.step[rise.start])
    earlier = sketch.step < start
    calm = np.median(sliding_window_view(sketch.level[earlier], 3), axis=1)
    high = np.flatnonzero(calm >= rise.after)
    reached = sketch.step[high[-1] + 2] if len(high) else sketch.step[0]
    return float(start - reached)


def in_validation(case: Case, start: float) -> float | None:
    """Typical validation loss from ``start`` on over the best before; None where it has no sign."""
    if not case.has(Role.VAL_LOSS):
        return None
    val = case.signals[Role.VAL_LOSS].finite()
    before, after = val.between(-np.inf, start).value, val.between(start, np.inf).value
    if len(before) < 2 or len(after) < 2 or not np.min(before) > 0:
        return None
    return float(min(np.median(after) / np.min(before), 1e300))


# --------------------------------------------------------------------- what else happened there


def coupled_event(case: Case, start: float, stop: float) -> str | None:
    """What the log knows to have happened at a rise over ``[start, stop)``: another rule's matter.

    A resume, an unfreezing, an LR drop, or an LR that came back to where it was before (a warm
    restart, a cycle): then the loss is expected to move.
    """
    reach = max(0.01 * (case.last - case.first), 2 * _gap(case))
    near = start - reach
    if any(near <= r.step <= start + reach for r in case.run.restarts):
        return "resume"
    places = (p.step for p in find_places(case) if p.configured or p.joined)
    if any(near <= step <= start + reach for step in places):
        return "unfreezing"
    for group in governing_groups(case):
        lr = group.lr.finite()
        drops = lr.step[find_drops(lr.value, _DROP)]
        if np.any((drops >= near) & (drops <= start + reach)):
            return "LR drop"
        if lr_returns(lr, start - 2 * reach, max(stop, start + 2 * reach)):
            return "LR rise"
    return None


def lr_returns(lr: Series, start: float, stop: float) -> bool:
    """Whether the LR rises within ``[start, stop)`` to a level that it had come down from."""
    during = lr.between(start, stop).value
    if len(during) < 2:
        return False
    lowest = int(np.argmin(during))
    top = float(np.max(during[lowest:]))
    before = lr.between(-np.inf, start).value
    rose = top > _RESTART * float(during[lowest])
    return rose and float(np.max(before, initial=0.0)) >= _HAD_BEFORE * top


def _gap(case: Case) -> float:
    gaps = [typical_gap(g.lr) for g in governing_groups(case)]
    return max((g for g in gaps if np.isfinite(g)), default=1.0)
