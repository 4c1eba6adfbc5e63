"""Which named schedule an LR curve is: candidates, their fit, and the simplest of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.fit_levels import edges_of, placed, planned, stairs
from lrdoctor.fit_refine import HOPELESS, Match, matched, refine
from lrdoctor.fit_segments import SIMPLICITY, Curve, Piece, as_segments, best_shape, segment
from lrdoctor.plugins import discover
from lrdoctor.schedules._recognise import ends, kind, number
from lrdoctor.shapes._solve import weighted_line
from lrdoctor.types import Array, Segment

# The order in which equally good and equally simple explanations are preferred.
PREFERENCE = (
    "constant", "step", "linear", "exponential", "cosine", "inverse_sqrt", "onecycle",
    "cosine_restarts", "cyclic", "wsd", "polynomial", "multistep", "reduce_on_plateau",
)  # fmt: skip
_POINTS = 160
_SURELY_LEVELS = 2
# Scheduler steps per x unit on an epoch axis are some hundreds; their exact number hardly shows.
_FINE = 1e-3
# Nobody types an LR of this many digits after the first.
_ODD_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Named:
    """The best name of a stretch of a curve and the other names that explain it as well."""

    match: Match
    others: tuple[Match, ...]


def name_pieces(curve: Curve, pieces: Sequence[Piece], origin: float) -> Named | None:
    """The simplest named schedule through the pieces; None where none comes near.

    ``origin`` is where time 0 is taken to be unless the curve itself shows it.
    """
    flight = stairs(curve, pieces, origin)
    few = _informative(curve, pieces)
    found = list(_refined(curve, few, pieces, origin))
    if flight is not None and not any(m.exact for m in found):
        found += _on_stairs(*flight, few, origin)
    largest = float(np.abs(curve.y).max(initial=0.0)) or 1.0
    found = [m for m in found if _sane(m, largest) and m.residual <= HOPELESS]
    if not found:
        return None
    demoted = _demoted(curve, pieces, origin)
    ranked = sorted(found, key=lambda m: _rank(m, demoted, few))
    best = ranked[0]
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
    if named.name == "polynomial" and abs(named.power - 1.0) < 1e-3:
        return False  # a line has a name of its own
    return bool(-1e-3 * largest <= bottom <= top <= 20.0 * largest)


def _rank(match: Match, demoted: frozenset[str], curve: Curve) -> tuple[float, ...]:
    """Exact before inexact, few parameters before many, then the order of preference."""
    place = (
        PREFERENCE.index(match.named.name) if match.named.name in PREFERENCE else len(PREFERENCE)
    )
    if match.exact:
        return (0.0, float(match.named.name in demoted), _parameters(match), place, match.rms)
    return (1.0, np.log(max(match.rms, 1e-9)) * len(curve) + 3.0 * _parameters(match), place)


def _parameters(match: Match) -> float:
    """How much somebody had to write down: one per parameter that is not at its default, and a
    quarter for each further digit it needs."""
    named = match.named
    ramp = named.warmup
    values = [
        v
        for f in fields(named)
        if f.name != "warmup" and (v := getattr(named, f.name)) != f.default
    ]
    if ramp is not None:
        values += [ramp.length, *([ramp.start_lr] if ramp.start_lr else [])]
    flat = [v for value in values for v in (value if isinstance(value, tuple) else (value,))]
    return sum(1.0 + 0.25 * _digits(v) if isinstance(v, float) else 0.5 for v in flat)


def _digits(value: float) -> int:
    """Further significant digits after the first, at most 7."""
    mantissa = f"{value:.7e}".split("e")[0].rstrip("0")
    return max(len(mantissa.replace("-", "").replace(".", "")) - 1, 0)


def _odd(named: Any) -> bool:
    """Whether a position or share is neither whole nor short."""
    values = [getattr(named, n, 0.0) for n in ("total_steps", "pct_start")]
    return any(v != int(v) and float(f"{v:.3g}") != v for v in values)


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
            named = replace(better.named, interval=interval)
            yield matched(named, better.origin, few, fixed_origin=better.fixed_origin)


def _refined(curve: Curve, few: Curve, pieces: Sequence[Piece], origin: float) -> Iterator[Match]:
    """Every family that recognises the row of segments or a variant of it, laid over the curve."""
    seen: set[Any] = set()
    stop = float(curve.x[-1]) + curve.spacing
    pieces = _ramped(curve, pieces, origin)
    exact = False
    for rows in (_rows, _rougher_rows):
        for row in rows(curve, pieces, origin, stop):
            for match in _from_row(row, few, seen):
                exact = exact or match.exact
                yield match
        if exact:
            return


def _from_row(row: tuple[Segment, ...], few: Curve, seen: set[Any]) -> Iterator[Match]:
    """The families that recognise one row of segments, and their variants if they do not fit."""
    origin, fixed = row[0].start, not _shows_its_start(row)
    for cls in discover("schedules").values():
        try:
            first = cls.recognise(row)
        except (ConfigError, ArithmeticError):
            continue
        if first is None or (first, origin) in seen:
            continue
        seen.add((first, origin))
        with np.errstate(all="ignore"):
            best = refine(matched(first, origin, few, fixed_origin=fixed), few)
            yield best
            if not best.exact or not _typical(best):
                for named in _variants(first, few, origin):
                    yield refine(matched(named, origin, few, fixed_origin=fixed), few)


def _typical(match: Match) -> bool:
    """Whether the parameters are of the kind people choose, so that no variant is looked for."""
    return match.named.name not in ("onecycle", "linear") or not _odd(match.named)


def _variants(named: Any, curve: Curve, origin: float) -> Iterator[Any]:
    """The same schedule with its other shapes, which few points do not tell apart by eye."""
    if named.name == "onecycle":
        # A schedule advanced per batch on an epoch axis: its steps are a small part of a unit.
        total = named.total_steps - named.interval
        share = named.peak_at / total
        yield replace(named, total_steps=total, pct_start=share, interval=_FINE)
        if named.anneal_strategy == "linear":
            yield from _usual_ends(named)
    if named.name == "linear" and named.end_lr == 0:
        # A line shows where it would cross 0, not where it ends: the usual shares of the LR left.
        for left in (0.01, 0.1, 0.001, 0.05, 0.2):
            yield replace(
                named, total_steps=named.total_steps * (1.0 - left), end_lr=named.peak_lr * left
            )
    if named.name == "cosine":
        yield replace(named, clamp=not named.clamp)
        yield from _as_onecycle(named)
    if named.warmup is not None:
        yield _overlapping(named)
    if named.name == "wsd":
        yield replace(named, decay_shape="linear")
        yield replace(named, decay_shape="cosine")
        yield from _square_root(named, curve, origin)
        if named.end_lr > 0:
            yield replace(named, decay_shape="exponential")


def _as_onecycle(named: Any) -> Iterator[Any]:
    """A rise of so few points that its shape did not show, as the first phase of a one-cycle."""
    ramp = named.warmup
    if ramp is not None and ramp.start_lr > named.eta_min >= 0:
        total = ramp.length + named.T_max + 1.0
        ratios = named.peak_lr / ramp.start_lr, ramp.start_lr / max(named.eta_min, 1e-9)
        one_cycle = discover("schedules")["onecycle"]
        yield one_cycle(named.peak_lr, total, (ramp.length + 1.0) / total, *ratios)


def _overlapping(named: Any) -> Any:
    """The same schedule begun together with its warm-up, as ultralytics does it."""
    ramp = replace(named.warmup, shape="linear", overlap=True)
    longer = {
        f.name: getattr(named, f.name) + ramp.length
        for f in fields(named)
        if f.name in ("T_max", "total_steps")
    }
    return replace(named, warmup=ramp, **({} if named.name == "onecycle" else longer))


def _usual_ends(named: Any) -> Iterator[Any]:
    """A straight fall shows its slope, not where it would end: the usual ends, with that slope."""
    top = named.peak_at
    slope = (named.max_lr - named.final_lr) / (named.total_steps - named.interval - top)
    for factor in (1e4, 1e3, 1e2):
        end = named.initial_lr / factor
        total = top + (named.max_lr - end) / slope + named.interval
        share = (top + named.interval) / total
        yield replace(named, total_steps=total, pct_start=share, final_div_factor=factor)


def _square_root(named: Any, curve: Curve, origin: float) -> Iterator[Any]:
    """A decay by 1 - sqrt(p) to 0: the square of what is gone is a line."""
    time = curve.x - origin
    use = (time > named.decay_start) & (curve.y < named.peak_lr) & (curve.y > 0)
    if use.sum() < 3:
        return
    gone = (1.0 - curve.y[use] / named.peak_lr) ** 2
    start, slope = weighted_line(time[use], gone, np.ones(int(use.sum())))
    if slope > 0 and start < 0:
        steps = 1.0 / slope
        yield replace(
            named, decay_shape="1-sqrt", decay_start=-start * steps, decay_steps=steps, end_lr=0.0
        )


def _rows(
    curve: Curve, pieces: Sequence[Piece], origin: float, stop: float
) -> Iterator[tuple[Segment, ...]]:
    """The pieces as segments, levels with placed borders, and the decay as each other shape."""
    row = _from_origin(as_segments(curve, pieces, origin, stop), curve, origin)
    if len(pieces) > 1 and all(p.shape.name == "constant" for p in pieces):
        yield placed(row, edges_of(curve, pieces), row[0].start, float(curve.x[-1]))
        return
    yield row
    yield from _one_step_off(row)
    yield from _other_decays(curve, pieces, origin, stop)


def _rougher_rows(
    curve: Curve, pieces: Sequence[Piece], origin: float, stop: float
) -> Iterator[tuple[Segment, ...]]:
    """Rows that overlook small bends, for curves that no row of shapes follows exactly."""
    yield from _other_decays(curve, pieces, origin, stop, close=np.inf)
    for again in (_straight_ramp(curve, pieces), _merged(curve, pieces)):
        if again is not None:
            yield _from_origin(as_segments(curve, again, origin, stop), curve, origin)
            yield from _other_decays(curve, again, origin, stop)


def _one_step_off(row: tuple[Segment, ...]) -> Iterator[tuple[Segment, ...]]:
    """A decay that does not show its start, begun one step earlier or later, if its LR is odd."""
    first = row[0]
    if (
        kind(first) not in ("linear", "polynomial", "exponential")
        or ends(first)[0] <= ends(first)[1]
    ):
        return
    if _digits(float(f"{ends(first)[0]:.5e}")) >= _ODD_DIGITS:
        for shift in (-1.0, 1.0):
            yield (_shifted(first, first.start + shift), *row[1:])


def _other_decays(
    curve: Curve, pieces: Sequence[Piece], origin: float, stop: float, close: float = 8.0
) -> Iterator[tuple[Segment, ...]]:
    """Rows with the only decay of a row as each other shape that comes near it.

    Near is an error of at most ``close`` times that of the shape it has.
    """
    falling = [i for i, p in enumerate(pieces) if curve.y[p.lo] > curve.y[p.hi - 1]]
    # A warm-up from above falls too.
    falling = falling[1:] if len(falling) == 2 and falling[0] == 0 else falling
    if len(falling) != 1:
        return
    at = falling[0]
    for name in SIMPLICITY[1:]:
        if name != pieces[at].shape.name:
            other = best_shape(curve, pieces[at].lo, pieces[at].hi, (name,))
            if other.shape.name == name and other.worst <= close * max(pieces[at].worst, 1.0):
                changed = [*pieces[:at], other, *pieces[at + 1 :]]
                again = as_segments(curve, changed, origin, stop)
                yield _from_origin(again, curve, origin)


def _straight_ramp(curve: Curve, pieces: Sequence[Piece]) -> list[Piece] | None:
    """The row with a first stretch that only bends a little as a line: a warm-up over a decay."""
    first = pieces[0]
    if len(pieces) < 2 or first.shape.name in ("linear", "constant") or first.hi - first.lo < 3:
        return None
    line = best_shape(curve, first.lo, first.hi, ("linear",))
    return [line, *pieces[1:]]


def _merged(curve: Curve, pieces: Sequence[Piece]) -> list[Piece] | None:
    """Neighbouring falling pieces as one; None where there are none."""
    result: list[Piece] = []
    for piece in pieces:
        falls = curve.y[piece.lo] > curve.y[piece.hi - 1] or piece.hi - piece.lo == 1
        before = result[-1] if result else None
        if before is not None and falls and curve.y[before.lo] > curve.y[before.hi - 1]:
            result[-1] = best_shape(curve, before.lo, piece.hi)
        else:
            result.append(piece)
    return result if len(result) < len(pieces) else None


def _ramped(curve: Curve, pieces: Sequence[Piece], origin: float) -> Sequence[Piece]:
    """A single low first point as a ramp, from 0 at the origin where it lies after that."""
    first = pieces[0]
    if len(pieces) < 2 or first.hi - first.lo > 1 or not 0 <= curve.y[0] < 0.98 * curve.y[1]:
        return pieces
    before = float(curve.x[0]) - origin
    rise = (
        (curve.y[0], before) if before > 0 else (curve.y[1] - curve.y[0], curve.x[1] - curve.x[0])
    )
    line = discover("shapes")["linear"](float(curve.y[0]), float(rise[0] / rise[1]))
    return [replace(first, shape=line), *pieces[1:]]


def _from_origin(row: tuple[Segment, ...], curve: Curve, origin: float) -> tuple[Segment, ...]:
    """The row begun where its first curve begins, or at ``origin`` where that cannot be seen."""
    first = row[0]
    if kind(first) == "cosine":
        begin = first.start + number(first, "peak_at")
        if ends(first)[1] > ends(first)[0]:
            begin -= number(first, "t_max")
        if begin <= first.start + curve.spacing:
            moved = replace(first.shape, peak_at=first.start + number(first, "peak_at") - begin)  # type: ignore[type-var]
            return (replace(first, start=begin, shape=moved), *row[1:])
    return (_shifted(first, _crossing(first, curve, origin)), *row[1:])


def _crossing(first: Segment, curve: Curve, origin: float) -> float:
    """``origin``, or where a ramp would be 0 if that is later: LRs are not negative."""
    if kind(first) != "linear" or not number(first, "slope") > 0 or curve.y.min() < 0:
        return origin
    zero = first.start - number(first, "lr_start") / number(first, "slope")
    whole = float(round(zero))
    zero = whole if abs(zero - whole) < 0.01 * curve.spacing else zero
    return zero if origin < zero <= first.start else origin


def _shifted(segment: Segment, start: float) -> Segment:
    """The same curve in time from ``start`` on."""
    delta = start - segment.start
    shape = segment.shape
    if delta == 0:
        return segment
    level = float(shape.lr(np.array([delta]))[0])
    values = dict(shape.parameters())
    if "lr_start" in values:
        values["lr_start"] = level
    if shape.name == "polynomial":
        values["t_max"] = number(segment, "t_max") - delta
    if shape.name == "inverse_sqrt":
        values["timescale"] = number(segment, "timescale") + delta
    if shape.name == "cosine":
        values["peak_at"] = number(segment, "peak_at") - delta
    return replace(segment, start=start, shape=type(shape)(**values))


def _shows_its_start(row: tuple[Segment, ...]) -> bool:
    """Whether the curve itself says where its time 0 is."""
    return kind(row[0]) == "cosine"


def largest_of(values: Array) -> float:
    """The largest magnitude, or 1 for nothing but zeros."""
    return float(np.abs(values).max(initial=0.0)) or 1.0
