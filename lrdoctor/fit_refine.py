"""Least squares in the parameters of a named schedule, then the round numbers behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.fit_numbers import further_digits, short_decimals
from lrdoctor.fit_segments import Curve
from lrdoctor.shapes._solve import least_squares
from lrdoctor.types import Array

# Fields on which a curve depends smoothly, by the size a change of them has.
_OF_LR = frozenset({"peak_lr", "max_lr", "base_lr", "eta_min", "end_lr", "min_lr"})
_OF_TIME = frozenset(
    {"T_max", "T_0", "total_steps", "timescale", "decay_start", "decay_steps"}
    | {"step_size_up", "step_size_down"}
)
_OF_RATIO = frozenset({"power", "pct_start", "div_factor", "final_div_factor", "gamma", "factor"})
_WARMUP = ("warmup.length", "warmup.start_lr")
_OPTIONAL = ("min_lr", "step_size_down")
_ZEROS = ("eta_min", "end_lr", "warmup.start_lr")
# Lengths with the end that goes with them, and the shares of the LR at which schedules mostly end.
_ENDS = (("T_max", "eta_min"), ("total_steps", "end_lr"))
_SHARES = (0.1, 0.01, 0.001, 0.05, 0.2)
# Digits after the first that people still type.
_MOST_TYPED = 3
# LRs below this share of the largest one, or within the log's resolution, are first tried as 0.
_NOTHING = 1e-7
_HIGHEST_POWER = 6
_DEFAULT_END = 1e4
ORIGIN = "origin"
# A schedule that misses the curve by more than this share of its largest LR is not its name.
HOPELESS = 0.01
# A smooth LR changes by some times its size while a parameter changes by its own.
_STEEPEST = 1e4
# One that misses by less than this may only need more steps of the solver.
_NEARLY = 1e-3


@dataclass(frozen=True, slots=True)
class Match:
    """A named schedule laid over a curve; its time 0 is at ``origin``.

    ``rms`` and ``worst`` are errors in tolerances, ``residual`` the RMS error over the largest LR;
    ``fixed_origin`` says whether only convention places the origin.
    """

    named: Any
    origin: float
    rms: float
    worst: float
    residual: float
    fixed_origin: bool

    @property
    def exact(self) -> bool:
        """Whether it explains every point as well as the log's resolution allows."""
        return self.rms <= 1.2 and self.worst <= 4.0


def matched(named: Any, origin: float, curve: Curve, *, fixed_origin: bool) -> Match:
    """The schedule with its errors on the curve."""
    distance = named.lr(curve.x - origin) - curve.y
    error = np.abs(distance) / curve.tolerance
    rms = float(np.sqrt(np.mean(error**2)))
    largest = float(np.abs(curve.y).max(initial=0.0)) or 1.0
    residual = float(np.sqrt(np.mean(distance**2))) / largest
    return Match(named, origin, rms, float(error.max(initial=0.0)), residual, fixed_origin)


def refine(match: Match, curve: Curve, *, keep: Sequence[str] = ()) -> Match:
    """Least squares in all smooth parameters but those to ``keep``, then whole positions and short
    decimals."""
    names = [n for n in _smooth(match) if n not in keep]
    if not names:
        return _rounded(match, curve, [n for n in _values(match) if n not in keep])
    direct = _direct(match, curve, names)
    if direct is not None:
        return direct
    best = solved(match, curve, names)
    best = best if best.rms < match.rms else match
    if best.residual > HOPELESS:
        return best
    if not best.exact and best.residual < _NEARLY:
        best = min(best, solved(best, curve, names, iterations=40), key=lambda m: m.rms)
    best = _zeros(best, curve, names)
    names = [n for n in names if n not in _ZEROS or _get(best, n) != 0]
    best = _whole(best, curve, names)
    return _rounded(best, curve, [n for n in names if not _is_position(n)])


def usual_ends(match: Match, curve: Curve) -> Iterator[Match]:
    """The same schedule ending at usual shares of its LR instead of at 0, where that makes its
    length whole; a run that stopped before the end hardly shows it."""
    for length, end in _ENDS:
        missing = not hasattr(match.named, end) or not hasattr(match.named, length)
        if missing or _typed(match, length):
            continue
        lowest = float(curve.y.min()) / _get(match, "peak_lr")
        for share in (s for s in _SHARES if s <= lowest):
            low, origin = _with(match, [end], [share * _get(match, "peak_lr")])
            start = matched(low, origin, curve, fixed_origin=match.fixed_origin)
            found = refine(start, curve, keep=[end])
            low, origin = _with(found, [end], [float(f"{share * _get(found, 'peak_lr'):.12g}")])
            found = matched(low, origin, curve, fixed_origin=found.fixed_origin)
            if found.exact and _get(found, length).is_integer():
                yield found


def _typed(match: Match, length: str) -> bool:
    """Whether somebody may have written this length and this LR."""
    top, steps = _get(match, "peak_lr"), _get(match, length)
    return steps.is_integer() and further_digits(top) <= _MOST_TYPED


def _smooth(match: Match) -> list[str]:
    names = [f.name for f in fields(match.named) if f.name in _OF_LR | _OF_TIME | _OF_RATIO]
    names = [n for n in names if n not in _OPTIONAL or _get(match, n) > 0]
    ramp = match.named.warmup
    if ramp is not None and ramp.shape == "constant" and ramp.start_lr == match.named.peak_lr:
        # A level that a decay leaves: it goes on from there, wherever between two points.
        names = [*(n for n in names if n != "peak_lr"), _WARMUP[0]]
    elif ramp is not None:
        names += _WARMUP
    return names if match.fixed_origin else [*names, ORIGIN]


def _values(match: Match) -> list[str]:
    return [f.name for f in fields(match.named) if f.name in _OF_LR | _OF_RATIO]


def _is_position(name: str) -> bool:
    return name in _OF_TIME or name in ("warmup.length", ORIGIN)


def _get(match: Match, name: str) -> float:
    if name == ORIGIN:
        return match.origin
    owner = match.named.warmup if name.startswith("warmup.") else match.named
    return float(getattr(owner, name.removeprefix("warmup.")))


def _with(match: Match, names: Sequence[str], values: Sequence[float]) -> tuple[Any, float]:
    """The schedule and origin with some values replaced. Raises ``ConfigError``."""
    own: dict[str, Any] = {}
    ramp: dict[str, float] = {}
    origin = match.origin
    for name, value in zip(names, values, strict=True):
        if name == ORIGIN:
            origin = float(value)
        elif name.startswith("warmup."):
            ramp[name.removeprefix("warmup.")] = float(value)
        else:
            own[name] = float(value)
    if ramp:
        own["warmup"] = replace(match.named.warmup, **ramp)
    return replace(match.named, **own), origin


def solved(match: Match, curve: Curve, names: Sequence[str], iterations: int = 12) -> Match:
    """Least squares in the parameters ``names``: fields, "warmup.length" and such, "origin"."""
    if not names:
        return match
    start = np.array([_get(match, n) for n in names])
    largest = float(np.abs(curve.y).max()) or 1.0
    span = float(curve.x[-1] - curve.x[0]) or 1.0
    scale = np.array([_scale(n, v, largest, span) for n, v in zip(names, start, strict=True)])
    weight = 1.0 / curve.tolerance

    def residuals(values: Array) -> Array:
        try:
            named, origin = _with(match, names, values.tolist())
        except ConfigError:
            return np.full(len(curve), np.inf)
        return np.asarray((named.lr(curve.x - origin) - curve.y) * weight)

    found = least_squares(
        residuals,
        start,
        scale,
        steepest=_STEEPEST * largest * weight,
        iterations=iterations,
        slow=3.6 / iterations,
    )
    named, origin = _with(match, names, found.tolist())
    return matched(named, origin, curve, fixed_origin=match.fixed_origin)


def _scale(name: str, value: float, largest: float, span: float) -> float:
    if _is_position(name):
        return min(span, abs(value)) or span
    if name == "gamma":  # per x unit, of which there are many
        return max(abs(1.0 - value), 1.0 / span)
    return largest if name in _OF_LR or name == "warmup.start_lr" else abs(value) or 1.0


def no_worse(trial: Match, than: Match) -> bool:
    """Whether a simpler schedule explains the curve about as well as another."""
    return trial.rms <= max(1.05 * than.rms, 0.8) and trial.worst <= max(1.2 * than.worst, 2.5)


def _whole(match: Match, curve: Curve, names: Sequence[str]) -> Match:
    """Positions set to whole numbers, all at once or one by one, where the fit stays as good."""
    positions = [n for n in names if _is_position(n)]
    others = [n for n in names if not _is_position(n)]
    # A time 0 between two points is only as exact as what it was found from.
    between = [ORIGIN] if match.fixed_origin and not float(match.origin).is_integer() else []
    whole = [round(_get(match, n)) for n in positions]
    together = _try(match, curve, positions, whole, [*others, *between])
    if together is not None:
        return together
    fixed: list[str] = []
    for name in sorted(positions, key=lambda n: (n != ORIGIN, n)):
        free = [n for n in names if n != name and n not in fixed]
        trial = _try(match, curve, [name], [round(_get(match, name))], free)
        if trial is not None:
            match = trial
            fixed.append(name)
    return match


def _direct(match: Match, curve: Curve, names: Sequence[str]) -> Match | None:
    """The first guess with whole positions and short values, where that is already the answer."""
    values = [_get(match, n) for n in names]
    nothing = max(_NOTHING * float(np.abs(curve.y).max()), 4.0 * float(np.median(curve.tolerance)))
    for digits in range(1, 6):
        pairs = zip(names, values, strict=True)
        rounded = [_short(n, v, min(digits, _digits_of(n)), nothing) for n, v in pairs]
        try:
            named, origin = _with(match, names, rounded)
        except ConfigError:
            continue
        trial = matched(named, origin, curve, fixed_origin=match.fixed_origin)
        if trial.rms <= 0.8 and trial.worst <= 2.5:
            return trial
    return None


def _digits_of(name: str) -> int:
    return 1 if name == "final_div_factor" else 9


def _short(name: str, value: float, digits: int, nothing: float) -> float:
    if _is_position(name):
        return float(round(value))
    if name in _ZEROS and abs(value) < nothing:
        return 0.0
    if name == "final_div_factor" and digits == 1:
        # The end is so near 0 that rounding hides it: a power of ten, torch's where it is lost.
        power = round(float(np.log10(value)))
        return 10.0**power if power <= _HIGHEST_POWER else _DEFAULT_END
    return float(f"{value:.{digits - 1}e}")


def _zeros(match: Match, curve: Curve, names: Sequence[str], *, resolve: bool = True) -> Match:
    """Ends and starts at exactly 0 where the curve allows it, which is how most are configured."""
    for name in names:
        if name in _ZEROS and _get(match, name) != 0:
            others = [n for n in names if n != name]
            trial = _try(match, curve, [name], [0.0], others)
            if trial is None and _get(match, name) < 0 <= curve.y.min():
                named, origin = _with(match, [name], [0.0])
                zero = matched(named, origin, curve, fixed_origin=match.fixed_origin)
                trial = solved(zero, curve, others)
            match = match if trial is None else trial
    if "final_div_factor" in names and _get(match, "final_div_factor") > 10**_HIGHEST_POWER:
        # The end is too near 0 to show: torch's default, if that does as well.
        others = [n for n in names if n != "final_div_factor"]
        match = _try(match, curve, ["final_div_factor"], [_DEFAULT_END], others) or match
    return match


def _try(
    match: Match, curve: Curve, names: Sequence[str], values: Sequence[float], free: Sequence[str]
) -> Match | None:
    try:
        named, origin = _with(match, names, values)
    except ConfigError:
        return None
    trial = matched(named, origin, curve, fixed_origin=match.fixed_origin)
    if not no_worse(trial, match) and free:
        trial = solved(trial, curve, free)
    return trial if no_worse(trial, match) else None


def _rounded(match: Match, curve: Curve, names: Sequence[str]) -> Match:
    """LRs and ratios as the shortest decimals that explain the curve as well."""
    for name in names:
        value = _get(match, name)
        for short in short_decimals(value):
            if short == value:
                break
            trial = _try(match, curve, [name], [short], ())
            if trial is not None:
                match = trial
                break
    return match
