"""A cosine and an exponential on one optimizer: the curve has neither shape, but their product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lrdoctor.detectors._context import planned_length, real, steps_per_epoch
from lrdoctor.types import Array, Case, IntArray, ParamGroup, Series

# Two parameters are taken from the curve; this many points leave none of its shape to chance.
_ENOUGH = 8
# Where the cosine has all but gone, what is left of it is rounding.
_LEFT = 0.02
# Largest error of log(LR): logs print four digits and more.
_EXACT = 1e-3
_MOST = 2000


@dataclass(frozen=True, slots=True)
class Product:
    """``length`` scheduler steps of the cosine, ``gamma`` per scheduler step of ``unit`` x units,
    and what the exponential has come to at the end, ``left``."""

    length: float
    gamma: float
    unit: float
    left: float


def cosine_times_exponential(case: Case, group: ParamGroup) -> Product | None:
    """The product that a curve without a name follows, stepped once an epoch or once an x unit.

    The cosine's length is a configured or planned one; gamma alone is found in the curve.
    """
    if len(group.schedules) != 1 or group.schedules[0].named is not None:
        return None
    lr = group.lr.finite()
    if not lr.value[0] > 0 or np.any(np.diff(lr.value) > 0) or not np.ptp(lr.value) > 0:
        return None
    for unit in dict.fromkeys((steps_per_epoch(case) or 1.0, 1.0)):
        index, value = _per_unit(lr, unit)
        if len(index) < _ENOUGH:
            continue
        for length in _lengths(case, unit):
            share = (1 + np.cos(np.pi * index / length)) / 2
            use = (index < length) & (share > _LEFT) & (value > 0)
            if use.sum() < _ENOUGH:
                continue
            rest = np.log(value[use] / share[use])
            slope, top = np.polyfit(index[use], rest, 1)
            if slope < 0 and np.abs(rest - top - slope * index[use]).max() <= _EXACT:
                left = float(np.exp(slope * index[-1]))
                return Product(length, float(np.exp(slope)), unit, left)
    return None


def _per_unit(lr: Series, unit: float) -> tuple[IntArray, Array]:
    """Scheduler steps done and the LR there; of an epoch the LR in its middle."""
    index = np.floor((lr.step - min(float(lr.step[0]), 1.0)) / unit).astype(np.int64)
    firsts = np.flatnonzero(np.diff(index, prepend=index[0] - 1))
    stops = np.append(firsts[1:], len(index))
    thin = slice(None, None, -(-len(firsts) // _MOST))
    return index[firsts[thin]], lr.value[((firsts + stops) // 2)[thin]]


def _lengths(case: Case, unit: float) -> Iterator[float]:
    """Lengths in scheduler steps that the cosine may have been given."""
    planned = planned_length(case)
    given = (real(case.intent.arguments.get("T_max")), case.intent.epochs)
    steps = None if planned is None else planned / unit
    yield from dict.fromkeys(float(n) for n in (*given, steps) if n and n > 1)
