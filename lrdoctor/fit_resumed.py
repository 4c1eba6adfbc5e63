"""What became of a schedule after a restart: begun again, moved in time, stretched, or scaled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.fit_refine import ORIGIN, Match, matched, no_worse, solved
from lrdoctor.fit_segments import Curve

REBUILT = "rebuilt: another schedule took over"
RESET = "reset: the same schedule began again from its first step, its state was not restored"
OLD_HORIZON = (
    "old horizon restored: the run went on past the schedule's end, whose length was kept, "
    "so that the LR rises again"
)
_TWICE = "advanced twice: the steps before the restart were counted once more"
# Fields that are LRs (or LR per x unit) and scale with the param group.
LEVELS = frozenset({
    "value", "lr_max", "lr_start", "lr_end", "eta_min", "slope", "rise", "peak_lr", "end_lr",
    "base_lr", "max_lr", "min_lr", "start_lr",
})  # fmt: skip
_LENGTHS = ("T_max", "total_steps", "decay_start")
_GRID = 400
_STRETCHES = np.geomspace(0.1, 10.0, 41)
# Lengths and shifts are known to a share of the steps between points, or of themselves.
_SAME_SPACINGS = 1.5
_SAME_SHARE = 0.02


def continued(before: Match, curve: Curve) -> tuple[Match, str] | None:
    """The schedule of the part before a cut as it goes on after it, and what happened to it; None
    where it does not explain the part after the cut."""
    for match, why in _continuations(before, curve):
        if match.exact:
            return match, why
    return None


def outlived(match: Match, curve: Curve, boundaries: Sequence[float]) -> int | None:
    """Index of the first point after a restart at the end of a cosine that then rises again."""
    named = match.named
    if named.name != "cosine" or named.clamp:
        return None
    length = named.warmup.length if named.warmup is not None else 0.0
    end = match.origin + length + named.T_max
    slack = max(2.0 * curve.spacing, _SAME_SHARE * named.T_max)
    if curve.x[-1] < end + 3.0 * curve.spacing:
        return None
    near = [b for b in boundaries if abs(b - end) <= slack]
    return int(np.searchsorted(curve.x, near[0])) if near else None


def scaled(curve: Any, factor: float) -> Any:
    """A dataclass with every LR in it multiplied, also in a nested warm-up."""
    changed = {}
    for item in fields(curve):
        value = getattr(curve, item.name)
        if is_dataclass(value):
            changed[item.name] = scaled(value, factor)
        elif item.name in LEVELS and value is not None:
            changed[item.name] = value * factor
    return replace(curve, **changed)


def _continuations(before: Match, curve: Curve) -> Iterator[tuple[Match, str]]:
    named, start = before.named, float(curve.x[0])
    if named.name == "constant":
        return
    again = _settled(matched(named, start, curve, fixed_origin=False), curve, ORIGIN)
    if abs(again.origin - start) <= _SAME_SPACINGS * curve.spacing:
        yield again, RESET
    yield from _shifted(before, curve)
    for length in (n for n in _LENGTHS if hasattr(named, n)):
        yield from _stretched(before, curve, length)
    expected = float(named.lr(curve.x[:1] - before.origin)[0])
    factor = float(f"{curve.y[0] / expected:.5g}") if expected != 0 else 0.0
    if factor != 0 and abs(factor - 1.0) > 1e-4:
        with suppress(ConfigError):  # an LR beyond floats
            other = matched(scaled(named, factor), before.origin, curve, fixed_origin=True)
            yield other, f"rescaled: the same schedule at {factor:.5g} times its LR"


def _shifted(before: Match, curve: Curve) -> Iterator[tuple[Match, str]]:
    """The same schedule at another time, wherever it has the LR of the first point."""
    due = float(curve.x[0]) - before.origin
    span = float(curve.x[-1] - curve.x[0])
    time = np.linspace(0.0, 3.0 * max(due, span), _GRID)
    over = before.named.lr(time) > curve.y[0]
    for at in np.flatnonzero(over[1:] != over[:-1]):
        origin = float(curve.x[0]) - float(time[at])
        found = _settled(matched(before.named, origin, curve, fixed_origin=False), curve, ORIGIN)
        ahead = before.origin - found.origin
        if abs(ahead) > _SAME_SPACINGS * curve.spacing:
            yield found, _moved(ahead, due, curve.spacing)


def _moved(ahead: float, due: float, spacing: float) -> str:
    if abs(ahead - due) <= max(_SAME_SPACINGS * spacing, _SAME_SHARE * due):
        return _TWICE
    way = "ahead of" if ahead > 0 else "behind"
    return f"moved: the same schedule goes on {abs(ahead):.6g} steps {way} its time"


def _stretched(before: Match, curve: Curve, length: str) -> Iterator[tuple[Match, str]]:
    """The same schedule on its way to another end."""
    own = getattr(before.named, length)
    trials = []
    for stretch in _STRETCHES:
        try:
            other = replace(before.named, **{length: own * stretch})
        except ConfigError:
            continue
        trials.append(matched(other, before.origin, curve, fixed_origin=True))
    if not trials:
        return
    found = _settled(min(trials, key=lambda m: m.rms), curve, length)
    new = getattr(found.named, length)
    if abs(new / own - 1.0) > _SAME_SHARE / 2:
        yield found, f"other horizon: {length} is {new:.6g} from here on instead of {own:.6g}"


def _settled(match: Match, curve: Curve, name: str) -> Match:
    """Least squares in one parameter, then a whole number where that explains the curve as well."""
    found = solved(match, curve, [name])
    value = found.origin if name == ORIGIN else getattr(found.named, name)
    if not np.isfinite(value):
        return match
    whole = float(round(value))
    try:
        named = found.named if name == ORIGIN else replace(found.named, **{name: whole})
    except ConfigError:
        return found
    origin = whole if name == ORIGIN else found.origin
    trial = matched(named, origin, curve, fixed_origin=found.fixed_origin)
    return trial if no_worse(trial, found) else found
