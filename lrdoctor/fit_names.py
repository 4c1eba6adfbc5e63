"""Which named schedule an LR curve is: candidates, their fit, and the simplest of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.fit_cost import cost
from lrdoctor.fit_cycles import in_first_cycle, over_jumps
from lrdoctor.fit_echo import from_a_short_share, per_batch
from lrdoctor.fit_levels import edges_of, planned, stairs
from lrdoctor.fit_onecycle import SHARES, per_interval, plausible, straight, typical
from lrdoctor.fit_refine import HOPELESS, Match, matched, refine, usual_ends
from lrdoctor.fit_rows import ramped, rougher_rows, rows, shows_its_start
from lrdoctor.fit_segments import Curve, Piece, segment
from lrdoctor.fit_variants import variants
from lrdoctor.plugins import discover
from lrdoctor.types import Array, Segment

# The order in which equally good and equally simple explanations are preferred.
PREFERENCE = (
    "constant", "step", "linear", "exponential", "cosine", "inverse_sqrt", "onecycle",
    "cosine_restarts", "cyclic", "wsd", "polynomial", "multistep", "reduce_on_plateau",
)  # fmt: skip
_POINTS = 160
_SURELY_LEVELS = 2
# What it takes to believe that time 0 is not where counting began.
_ELSEWHERE = 0.5
# A first guess that misses by this many times the largest LR is of a shape that the curve lacks.
_ABSURD = 100.0


@dataclass(frozen=True, slots=True)
class Named:
    """The best name of a stretch of a curve and the other names that explain it as well."""

    match: Match
    others: tuple[Match, ...]


def name_pieces(curve: Curve, pieces: Sequence[Piece], origin: float) -> Named | None:
    """The simplest named schedule through the pieces; None where none comes near.

    ``origin`` is where time 0 is taken to be unless the curve itself shows it.
    """
    # Where steps are counted from 1, so are the edges.
    counted = (origin, origin + 1.0)
    flights = ((stairs(curve, pieces, first), first) for first in counted)
    flight, first = next((f for f in flights if f[0] is not None), (None, origin))
    few = _informative(curve, pieces)
    found = list(_refined(curve, few, pieces, origin))
    if flight is not None and not any(m.exact for m in found):
        found += _on_stairs(*flight, few, first)
    largest = float(np.abs(curve.y).max(initial=0.0)) or 1.0
    found = [m for m in found if _sane(m, largest) and m.residual <= HOPELESS]
    if not found:
        return None
    demoted = _demoted(curve, pieces, origin)
    ranked = sorted(found, key=lambda m: _rank(m, demoted, few, origin))
    if ranked[0].exact:
        ranked += usual_ends(ranked[0], few)
        ranked = sorted(ranked, key=lambda m: _rank(m, demoted, few, origin))
    best = from_a_short_share(per_batch(ranked[0], few), few)
    others = {m.named.name: m for m in reversed(ranked[1:]) if m.exact and best.exact}
    others.pop(best.named.name, None)
    return Named(best, tuple(others.values()))


def _informative(curve: Curve, pieces: Sequence[Piece]) -> Curve:
    """Few points that keep the neighbourhood of every border between pieces."""
    if len(curve) <= _POINTS:
        return curve
    even = np.linspace(0, len(curve) - 1, _POINTS).round().astype(np.int64)
    borders = np.array([p.lo for p in pieces[:200]], dtype=np.int64)
    around = (borders[:, None] + np.array([-2, -1, 0, 1])).ravel()
    keep = np.unique(np.clip(np.concatenate([even, around]), 0, len(curve) - 1))
    return curve.take(keep)


def _sane(match: Match, largest: float) -> bool:
    """Whether the parameters are ones that somebody could have set."""
    named = match.named
    top = getattr(named, "peak_lr", getattr(named, "max_lr", 0.0))
    bottom = getattr(named, "eta_min", getattr(named, "end_lr", getattr(named, "base_lr", 0.0)))
    if named.name == "constant":
        return True
    if named.name == "onecycle" and named.anneal_strategy == "linear" and not match.exact:
        return False  # two lines that nearly fit are a warm-up and a decay
    if named.name == "onecycle" and not plausible(named):
        return False
    if named.name == "polynomial" and abs(named.power - 1.0) < 1e-3:
        return False  # a line has a name of its own
    return bool(-1e-3 * largest <= bottom <= top <= 20.0 * largest)


def _rank(match: Match, demoted: frozenset[str], curve: Curve, natural: float) -> tuple[float, ...]:
    """Exact before inexact, few parameters before many, then the order of preference."""
    place = (
        PREFERENCE.index(match.named.name) if match.named.name in PREFERENCE else len(PREFERENCE)
    )
    if match.exact:
        length = cost(match.named) + _ELSEWHERE * (match.fixed_origin and match.origin != natural)
        return (0.0, float(match.named.name in demoted), length, place, match.rms)
    return (1.0, np.log(max(match.rms, 1e-9)) * len(curve) + 3.0 * cost(match.named), place)


def _demoted(curve: Curve, pieces: Sequence[Piece], origin: float) -> frozenset[str]:
    """Of milestones and plateau cuts, the one that the positions of the cuts speak against."""
    levels = [p for p in pieces if p.shape.name == "constant"]
    if len(levels) < 2 or len(levels) < len(pieces) - 1:
        return frozenset()
    edges = edges_of(curve, levels)
    unplanned = len(levels) > 1 + _SURELY_LEVELS and not planned(edges, origin, float(curve.x[-1]))
    return frozenset({"multistep"} if unplanned else {"reduce_on_plateau"})


def _on_stairs(levels: Curve, interval: float, few: Curve, origin: float) -> Iterator[Match]:
    """Matches of the curve behind a stair, advancing once per ``interval``."""
    smooth = segment(levels)
    for better in _refined(levels, levels, smooth, origin):
        if better.exact and any(f.name == "interval" for f in fields(better.named)):
            for named in _slowed(better.named, interval):
                found = matched(named, better.origin, few, fixed_origin=better.fixed_origin)
                yield refine(found, few) if named.name == "onecycle" else found


def _slowed(named: Any, interval: float) -> Iterator[Any]:
    """The same curve advancing once per ``interval``."""
    slow = per_interval(named, interval)
    yield slow
    if named.name == "onecycle" and named.anneal_strategy == "linear":
        yield from straight(slow)


def _refined(curve: Curve, few: Curve, pieces: Sequence[Piece], origin: float) -> Iterator[Match]:
    """Every family that recognises the row of segments or a variant of it, laid over the curve."""
    seen: set[Any] = set()
    stop = float(curve.x[-1]) + curve.spacing
    pieces = ramped(curve, pieces, origin)
    exact = False
    for row in rows(curve, pieces, origin, stop):
        for match in _from_row(row, few, seen):
            exact = exact or match.exact
            yield match
    if exact:
        return
    for row in rougher_rows(curve, pieces, origin, stop):
        for match in _from_row(row, few, seen):
            exact = exact or match.exact
            yield match
        if exact:
            return


def _from_row(row: tuple[Segment, ...], few: Curve, seen: set[Any]) -> Iterator[Match]:
    """The families that recognise one row of segments, and their variants if they do not fit."""
    origin = row[0].start
    for cls in discover("schedules").values():
        try:
            first = cls.recognise(row)
        except (ConfigError, ArithmeticError):
            continue
        if first is None or (first, origin) in seen:
            continue
        seen.add((first, origin))
        best = in_first_cycle(_fitted(first, origin, few, row), few)
        yield best
        if best.residual <= _ABSURD and not (best.exact and _typical(best)):
            named, begin = (best.named, best.origin) if best.exact else (first, origin)
            yield from _varied(named, begin, few, row)


def _varied(named: Any, origin: float, few: Curve, row: tuple[Segment, ...]) -> Iterator[Match]:
    """The variants of a schedule; of one that began with its warm-up also a step off."""
    for other, begin in _possible(variants(named, few, origin)):
        found = matched(other, begin, few, fixed_origin=_fixed(other, row))
        typed = other.name == "onecycle" and typical(other)
        if not (typed and found.exact):
            found = refine(found, few, keep=SHARES if typed else ())
        yield found
        together = other.warmup is not None and other.warmup.overlap
        if together and not found.exact and found.residual < HOPELESS:
            yield from (_fitted(other, begin + step, few, row) for step in (1.0, -1.0))


def _possible(schedules: Iterator[tuple[Any, float]]) -> Iterator[tuple[Any, float]]:
    """The schedules up to the first that cannot be."""
    with suppress(ConfigError, ArithmeticError):
        yield from schedules


def _fitted(named: Any, origin: float, few: Curve, row: tuple[Segment, ...]) -> Match:
    first = matched(named, origin, few, fixed_origin=_fixed(named, row))
    if first.residual > _ABSURD:
        return first
    found = refine(first, few)
    again = None if found.exact else over_jumps(named, origin, few)
    return again if again is not None and again.rms < found.rms else found


def _fixed(named: Any, row: tuple[Segment, ...]) -> bool:
    """Whether only convention places time 0: neither a cosine's top nor equal turns show it."""
    shown = named.name == "cyclic" or getattr(named, "three_phase", False)
    return not (shows_its_start(row) or shown)


def _typical(match: Match) -> bool:
    """Whether the parameters are of the kind people choose, so that no variant is looked for."""
    return match.named.name != "onecycle" or typical(match.named)


def largest_of(values: Array) -> float:
    """The largest magnitude, or 1 for nothing but zeros."""
    return float(np.abs(values).max(initial=0.0)) or 1.0
