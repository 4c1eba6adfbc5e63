"""How much somebody had to write down to configure a schedule: of two that explain a log equally
well, the shorter one is the likelier."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lrdoctor.fit_numbers import further_digits

_PER_DIGIT = 0.25
_WORD = 0.5
# Nobody types part of a step; only what is counted in batches falls between epochs.
_NOT_WHOLE = 0.5
_OF_LR = ("eta_min", "end_lr", "base_lr")
_LENGTHS = ("T_max", "total_steps")
_UNWRITTEN = ("warmup", "interval")
# A share of a length is cut to whole steps, or on an axis of epochs to whole batches.
_CUT_STEP, _CUT_BATCH = 1.0, 0.03
_LONGEST_SHARE = 4
# Two lengths that a fit found add up to a whole one this nearly; a batch of an epoch is more.
_HAIR = 2e-4


def cost(named: Any) -> float:
    """One per parameter that is not at its default, and a quarter for each further digit it needs.

    A length after a warm-up may have been given with it, and a warm-up as a share of that.
    """
    ramp = named.warmup
    top = getattr(named, "peak_lr", getattr(named, "max_lr", 0.0))
    total = 0.0 if ramp is None else _of_ramp(ramp, top)
    length = 0.0
    for item in fields(named):
        value = getattr(named, item.name)
        if item.name in _UNWRITTEN or value == item.default:
            continue
        if item.name in _LENGTHS:
            length = value
        else:
            parts = value if isinstance(value, tuple) else (value,)
            total += sum(_of_value(v, top if item.name in _OF_LR else 0.0) for v in parts)
    interval = getattr(named, "interval", 1.0)
    if interval < 1.0:
        total += _WORD  # batches per epoch
    return total + _of_lengths(length, 0.0 if ramp is None else ramp.length, max(interval, 1.0))


def _of_ramp(ramp: Any, top: float) -> float:
    start = _of_value(ramp.start_lr, top) if ramp.start_lr else 0.0
    return float(start + (ramp.shape != "linear") + ramp.overlap + _WORD * ramp.echo)


def _of_lengths(length: float, warmup: float, unit: float) -> float:
    """What a length and that of the warm-up before it take, as they are or in scheduler steps of
    ``unit``; 0 for one that is not there."""
    ways = [_position(length, unit) + _position(warmup, unit)]
    if length and warmup:
        whole = length + warmup
        ways.append(_position(whole, unit) + _position(warmup, unit))
        if abs(whole - round(whole)) < _HAIR:
            whole = float(round(whole))
            share = [1.0 + _PER_DIGIT * digits for digits in _share_digits(warmup, whole)]
            ways += [_position(whole, unit) + cost for cost in share]
    return min(ways)


def _share_digits(length: float, whole: float) -> list[int]:
    """Digits after the first of a short share of ``whole`` that was cut to ``length``; [] without
    one."""
    cut = _CUT_STEP if float(length).is_integer() else _CUT_BATCH
    for digits in range(_LONGEST_SHARE):
        share = float(f"{length / whole:.{digits}e}")
        if abs(share * whole - length) < cut:
            return [digits]
    return []


def _position(value: float, unit: float) -> float:
    if value == 0:
        return 0.0
    digits = min(further_digits(value), further_digits(value / unit))
    return 1.0 + _PER_DIGIT * digits + _NOT_WHOLE * (not float(value).is_integer())


def _of_value(value: Any, top: float = 0.0) -> float:
    """What one value takes to write down, as it is or as a share of the LR ``top``."""
    if not isinstance(value, float) or isinstance(value, bool):
        return _WORD
    ways = [further_digits(value), *([further_digits(value / top)] if top else [])]
    return 1.0 + _PER_DIGIT * min(ways)
