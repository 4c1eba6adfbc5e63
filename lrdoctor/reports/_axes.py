"""Axes of a chart: what range they cover, where values lie on them, which ticks they carry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.types import Array

# An axis spans at most this factor, and passes the central 98 % of its values by at most _REACH:
# one rounding residue of 1e-20, or one loss of 1e30 before a NaN, must not flatten all the rest.
_DEEPEST = 1e8
_REACH = 30.0
# Beyond these, sizes or their ratios leave the range of floats; nothing trained gets there.
_SMALLEST, _LARGEST = 1e-150, 1e150
_NARROWEST = 1e-9  # of the values themselves, the least that an axis spans


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark at ``at`` (0 to 1 along the axis) with its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from ``low`` to ``high`` along a line, in equal factors where ``log``."""

    low: float
    high: float
    log: bool

    def place(self, values: npt.ArrayLike) -> Array:
        """Where values lie, ``float64[m]``: 0 at ``low``, 1 at ``high``, held at the ends."""
        at = np.clip(np.asarray(values, dtype=np.float64), self.low, self.high)
        if self.log:
            return np.asarray(np.log(at / self.low) / math.log(self.high / self.low))
        return np.asarray((at - self.low) / (self.high - self.low))

    def ticks(self, count: int) -> tuple[Tick, ...]:
        """About ``count`` round values."""
        values = _log_values(self.low, self.high, count) if self.log else ()
        values = values or round_values(self.low, self.high, count + 2 * self.log)
        return tuple(
            Tick(float(at), tick_text(v)) for at, v in zip(self.place(values), values, strict=True)
        )


def value_axis(values: Array, log: bool, margin: float = 0.05) -> Axis | None:
    """The axis for finite ``values``; None without any. Linear where nothing is positive.

    ``margin`` is the share of the range left free at either end.
    """
    finite = np.clip(values[np.isfinite(values)], -_LARGEST, _LARGEST)
    finite = np.where(np.abs(finite) < _SMALLEST, 0.0, finite)
    positive = finite[finite > 0]
    if log and len(positive):
        low, high = _log_range(positive)
        free = (high / low) ** margin if high > 1.001 * low else 2.0
        return Axis(low / free, high * free, log=True)
    if not len(finite):
        return None
    low, high = _linear_range(finite)
    wide = high - low > _NARROWEST * max(abs(low), abs(high))
    free = margin * (high - low) if wide else 0.5 * abs(high) or 1.0
    return Axis(low - free, high + free, log=False)


def loss_in_sight(loss: Array) -> Array:
    """A loss as far as an axis should show it, ``float64[n]``: what diverges leaves it at a
    thousand times the start, or the training before that would be a flat line."""
    start = loss[np.isfinite(loss) & (loss > 0)][:5]
    return np.minimum(loss, 1e3 * float(np.median(start))) if len(start) else loss


def step_axis(first: float, last: float, least: float = 1.0) -> Axis:
    """The axis from one step to another, also where they are one or too large to tell apart: it
    is at least ``least`` wide."""
    width = max(last - first, least, _NARROWEST * max(abs(first), abs(last))) or 1.0
    return Axis(first, first + width, log=False)


def _log_range(positive: Array) -> tuple[float, float]:
    low, high = float(positive.min()), float(positive.max())
    inner_low, inner_high = (float(q) for q in np.quantile(positive, [0.01, 0.99]))
    high = min(high, inner_high * _REACH)
    return max(low, inner_low / _REACH, high / _DEEPEST), high


def _linear_range(finite: Array) -> tuple[float, float]:
    inner_low, inner_high = (float(q) for q in np.quantile(finite, [0.01, 0.99]))
    reach = (inner_high - inner_low) * _REACH or math.inf
    return (
        max(float(finite.min()), inner_low - reach),
        min(float(finite.max()), inner_high + reach),
    )


def _log_values(low: float, high: float, count: int) -> tuple[float, ...]:
    """Powers of ten, or 1-2-5 steps over a shorter range; empty where those are too few."""
    bottom, top = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = math.log10(high / low)
    steps = (1.0,) if decades >= count / 2 else (1.0, 3.0) if decades >= 1.3 else (1.0, 2.0, 5.0)
    every = max(1, math.ceil(decades / count))
    values = tuple(
        m * 10.0**k
        for k in range(bottom, top + 1)
        if k % every == 0
        for m in steps
        if low <= m * 10.0**k <= high
    )
    return values if len(values) >= (3 if decades < 1.3 else 2) else ()


def round_values(low: float, high: float, count: int) -> tuple[float, ...]:
    """At most ``count`` + 1 values at a step of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(k * step for k in range(first, last + 1))


def tick_text(value: float) -> str:
    """A short label: "3e-4", "0.02", "150", "20k", "1.5M"."""
    size = abs(value)
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if unit * (10 if suffix == "k" else 1) <= size < 1e12:
            return f"{value / unit:.4g}{suffix}"
    if value and not 1e-2 <= size < 1e12:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.4g}"


def epoch_ticks(first: float, last: float, per_epoch: float, count: int) -> tuple[Tick, ...]:
    """Ticks at round epochs on an x axis of steps from ``first`` to ``last``."""
    values = round_values(first / per_epoch, last / per_epoch, count)
    return tuple(
        Tick((value * per_epoch - first) / (last - first), tick_text(value)) for value in values
    )


def overall(arrays: Sequence[Array]) -> Array:
    """All values in one array, ``float64[m]``."""
    return np.concatenate(arrays) if arrays else np.empty(0)
