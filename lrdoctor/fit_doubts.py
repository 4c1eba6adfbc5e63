"""What a log cannot decide: other names for the same values, hidden rebounds, used or next LR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lrdoctor.fit_names import Named
from lrdoctor.fit_numbers import further_digits
from lrdoctor.fit_refine import Match, matched, solved
from lrdoctor.fit_resolution import resolution, tolerance
from lrdoctor.fit_segments import Curve, best_shape
from lrdoctor.plugins import discover
from lrdoctor.types import Alternative, Clock, ClockUnit

# Per-epoch logs have at most some hundreds of points; a log of more is taken inside epochs.
_MOST_EPOCHS = 400
# Points this share of an epoch apart hold an epoch's schedule as well as its batches'.
_PER_EPOCH = 0.75
# People log every 10th or 250th step; a spacing of more digits is a number of batches.
_TYPED_DIGITS = 2
_SAME = "explains the logged values equally well; more of the run, or more digits, would decide"
_CUTS = "cuts the LR at the same steps; the configuration, or the metric it watches, would decide"
_ALIAS = (
    "a cosine advanced once per batch and logged once per epoch can look the same; "
    "the LR of every step within one epoch would decide"
)
_RISE = "only the warm-up was logged; what follows it decides"
_CUTTING = frozenset({"step", "multistep", "reduce_on_plateau"})
# Decays that begin alike, how much of the LR is left while they may, and poly's usual power.
_SMOOTH = frozenset({"linear", "polynomial", "cosine", "exponential", "inverse_sqrt"})
_PARTLY = 0.4
_USUAL_POWER = 0.9
_LATE = 1.5
_GRID = 200
_SAME_EPOCH = 0.02
_IDENTICAL = 1e-6


def alternatives(curve: Curve, named: Named, clock: Clock | None) -> tuple[Alternative, ...]:
    """Other schedules that these points cannot be told from."""
    best = named.match
    same = [_other(m, best) for m in named.others if not _respelt(m, best)]
    same += [a for a in _bends(curve, best) if a.name not in {s.name for s in same}]
    return (*same, *([Alternative("cosine", _ALIAS)] if _may_alias(curve, best, clock) else []))


def _other(match: Match, best: Match) -> Alternative:
    cuts = {match.named.name, best.named.name} <= _CUTTING
    return Alternative(match.named.name, _CUTS if cuts else _SAME)


def _bends(curve: Curve, best: Match) -> Iterator[Alternative]:
    """Decays of other shapes through the same points, where no more than a part of one was logged
    and its bend does not show in the digits."""
    named = best.named
    late = named.warmup is None and curve.x[0] > _LATE * curve.spacing
    # Nothing is known of what a log without its beginning began with.
    top = float(curve.y[0]) if late else getattr(named, "peak_lr", 0.0)
    left = float(curve.y[-1]) / top if top > 0 else 0.0
    if named.name not in _SMOOTH or not best.exact or not _PARTLY < left < 1:
        return
    # Short numbers on a line may be exact, and may be rounded ones of another curve.
    fine = resolution(curve.y)
    curve = replace(curve, tolerance=tolerance(fine), resolution=fine)
    found = _stretches(curve) if late else _beginnings(curve, best, left)
    yield from (Alternative(name, _SAME) for name in found if name != named.name)


def _stretches(curve: Curve) -> Iterator[str]:
    """Decays that a log without their beginning may be part of."""
    for name in ("linear", "polynomial", "cosine"):
        piece = best_shape(curve, 0, len(curve), (name,))
        explained = piece.shape.name == name and piece.explained
        if explained or (name == "polynomial" and _of_usual_power(curve)):
            yield name


def _of_usual_power(curve: Curve) -> bool:
    """Whether poly's usual power explains a stretch, of which a few digits leave the power open."""
    middle, x0 = len(curve) // 2, float(curve.x[0])
    slope = float(curve.y[0] - curve.y[-1]) / (float(curve.x[-1]) - x0)
    length = float(curve.x[middle]) - x0 + _USUAL_POWER * float(curve.y[middle]) / slope
    named = discover("schedules")["polynomial"](float(curve.y[0]), length, power=_USUAL_POWER)
    start = matched(named, x0, curve, fixed_origin=True)
    return solved(start, curve, ["peak_lr", "total_steps"]).exact


def _beginnings(curve: Curve, best: Match, left: float) -> Iterator[str]:
    """Decays that begin as the one found does, down to the share ``left`` of their LR."""
    named = best.named
    after = named.warmup.length if named.warmup is not None else 0.0
    gone = float(curve.x[-1]) - best.origin - after
    lengths = {
        "linear": gone / (1.0 - left),
        "polynomial": gone / (1.0 - left ** (1.0 / _USUAL_POWER)),
        "cosine": gone * np.pi / np.arccos(2.0 * left - 1.0),
    }
    for name, length in lengths.items():
        if not 0 < length < np.inf:
            continue
        extra = {"power": _USUAL_POWER} if name == "polynomial" else {}
        field = "T_max" if name == "cosine" else "total_steps"
        other = discover("schedules")[name](named.peak_lr, **{field: float(length)}, **extra)
        other = replace(other, warmup=named.warmup)
        start = matched(other, best.origin, curve, fixed_origin=True)
        if solved(start, curve, ["peak_lr", field]).exact:
            yield name


def _respelt(match: Match, best: Match) -> bool:
    """Whether a match only says a one-cycle in other words, which no log could tell apart."""
    if best.named.name != "onecycle":
        return False
    time = np.linspace(0.0, best.named.total_steps - best.named.interval, _GRID)
    error = match.named.lr(time + best.origin - match.origin) - best.named.lr(time)
    return bool(np.abs(error).max() <= _IDENTICAL * best.named.max_lr)


def per_epoch(named: Named, clock: Clock | None) -> Named:
    """Steps of one epoch each as an exponential that advances per epoch, which they are; a
    ``StepLR`` of one epoch's steps is the same."""
    match, epoch = named.match, clock.steps_per_epoch if clock is not None else None
    step = match.named
    if step.name != "step" or epoch is None or step.warmup is not None or not step.gamma < 1:
        return named
    if epoch <= 1 or abs(step.step_size - epoch) > _SAME_EPOCH * epoch:
        return named
    gamma = step.gamma ** (1.0 / step.step_size)
    decay = discover("schedules")["exponential"](step.peak_lr, gamma, interval=step.step_size)
    return Named(replace(match, named=decay), (match, *named.others))


def only_rising(curve: Curve) -> tuple[Alternative, ...]:
    """What a curve without a name may become, where it has done nothing but rise."""
    if len(curve) < 2 or not np.all(np.diff(curve.y) >= 0) or not curve.y[-1] > curve.y[0]:
        return ()
    return tuple(Alternative(n, _RISE) for n in ("constant", "cosine", "linear", "onecycle"))


def logged_time(curve: Curve, match: Match) -> str:
    """Whether values are those of their step ("used") or one later ("next"), where it shows.

    It shows where the curve says when its time 0 was, and the positions when counting began: with
    0 (0, k ... or k-1, 2k-1 ...) or with 1 (1, 1+k ...). Positions k, 2k ... are those of either.
    """
    first, origin, spacing = float(curve.x[0]), match.origin, curve.spacing
    still = match.named.name == "constant" and match.named.warmup is None
    if not match.exact or still or (match.fixed_origin and not _ramp_from_zero(match)):
        return "unknown"
    if first == spacing and spacing > 1:
        return "used" if origin == 1 else "unknown"
    start = 0.0 if first in (0.0, spacing - 1.0) and not first == spacing == 1 else first
    if start not in (0.0, 1.0):
        return "unknown"
    return {start: "used", start - 1.0: "next"}.get(origin, "unknown")


def _ramp_from_zero(match: Match) -> bool:
    """Whether a warm-up shows its own start, by an LR of 0 there."""
    ramp = match.named.warmup
    return ramp is not None and ramp.shape == "linear" and ramp.start_lr == 0 and not ramp.overlap


def _may_alias(curve: Curve, match: Match, clock: Clock | None) -> bool:
    """Whether a much faster cosine would give these points: even sampling, once per epoch.

    With s between points, half periods T and s / (2 m +- s / T) agree at every point.
    """
    named = match.named
    if named.name != "cosine" or named.warmup is not None or named.interval > 1:
        return False
    gaps = np.diff(curve.x)
    even = len(gaps) > 2 and bool(np.all(gaps == gaps[0]))
    return even and len(curve) <= _MOST_EPOCHS and _per_epoch(float(gaps[0]), clock)


def _per_epoch(spacing: float, clock: Clock | None) -> bool:
    """Whether points lie about an epoch or more apart, as far as that is known."""
    if clock is None:
        return spacing == 1 or further_digits(spacing) >= _TYPED_DIGITS
    if clock.unit is ClockUnit.EPOCH:
        return spacing >= _PER_EPOCH
    if clock.steps_per_epoch is not None:
        return spacing >= _PER_EPOCH * clock.steps_per_epoch
    return further_digits(spacing) >= _TYPED_DIGITS
