"""What one wants to know of a schedule before training: its LR at the points that matter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import Array, Series, _Value

# Beyond this an int64 step times a share of it would lose whole steps.
MOST_STEPS = 10**12
_GRID = 2000
_BEYOND = (1.1, 1.5, 2.0)
_QUARTERS = (0.25, 0.5, 0.75)
# A schedule without an end of its own is shown over so many of its own units.
_CYCLES, _TAIL, _TIMESCALES, _WARMUPS = 3, 1.25, 10, 10
_DEPTH = 1e-3
_SHORT = 100
_MOST_DROPS = 6


@dataclass(frozen=True, slots=True)
class KeyPoint(_Value):
    """A step worth knowing and why: "first", "warm-up ends", "peak", "25 %", "last" …"""

    step: int
    what: str


@dataclass(frozen=True, slots=True)
class Row(_Value):
    """The LR of several schedules at one step that matters to at least one of them."""

    step: int
    what: str
    lr: tuple[float, ...]


LETTERS = "ABCDEF"  # schedules beside each other go by these


def rows_of(schedules: Sequence[NamedSchedule], steps: int) -> tuple[Row, ...]:
    """The key points of up to six schedules in one table; a name that holds for some of them
    carries their letters ("peak A")."""
    names: dict[int, dict[str, str]] = {}
    for letter, named in zip(LETTERS, schedules, strict=False):
        for point in key_points(named, steps):
            for what in point.what.split(", "):
                own = names.setdefault(point.step, {})
                own[what] = own.get(what, "") + letter
    at = sorted(names)
    columns = [lr_at(named, at).tolist() for named in schedules]
    return tuple(
        Row(step, _label(names[step], len(schedules)), tuple(values))
        for step, *values in zip(at, *columns, strict=True)
    )


def _label(names: Mapping[str, str], everyone: int) -> str:
    """Words before shares: "peak, 25 %"."""
    ordered = sorted(names.items(), key=lambda item: item[0][0].isdigit())
    return ", ".join(w if len(who) == everyone else f"{w} {' '.join(who)}" for w, who in ordered)


def length_of(named: NamedSchedule) -> int:
    """How many steps (x units) show the whole schedule: its horizon, or some of its cycles."""
    warmup = named.parameters().get("warmup")
    length = _own_length(named.parameters())
    counted = named.name in ("onecycle", "wsd", "multistep", "reduce_on_plateau")
    if isinstance(warmup, int | float) and not counted:
        length += 0 if named.parameters().get("warmup_overlap") else warmup
        length = max(length, _WARMUPS * warmup) if named.name == "constant" else length
    return checked_steps(math.ceil(length) if length < MOST_STEPS else length)


def _own_length(parameters: Mapping[str, Any]) -> float:
    """The length without warm-up, by whichever parameter sets it."""
    p = dict(parameters)
    positions = p.get("milestones") or p.get("reductions")
    if positions:
        return float(_TAIL * max(positions))
    if "decay_start" in p:
        return float(p["decay_start"] + p["decay_steps"])
    if "T_0" in p:
        return float(p["T_0"] * sum(p["T_mult"] ** k for k in range(_CYCLES)))
    if "step_size" in p:
        return float(p["step_size"] * (_CYCLES + 1))
    if "step_size_up" in p:
        return float(2 * (p["step_size_up"] + (p.get("step_size_down") or p["step_size_up"])))
    if "timescale" in p:
        return float(_TIMESCALES * p["timescale"])
    if p.get("gamma", 1) != 1:
        return abs(math.log(_DEPTH) / math.log(p["gamma"]))
    return float(p.get("total_steps") or p.get("T_max") or _SHORT)


def checked_steps(steps: float) -> int:
    """A number of steps, 2 or more. Raises ``ConfigError`` for more than can be counted exactly."""
    if not steps <= MOST_STEPS:
        raise ConfigError(f"{steps:.3g} steps are more than lrdoctor counts ({MOST_STEPS:.0g})")
    return max(int(steps), 2)


def key_points(named: NamedSchedule, steps: int) -> tuple[KeyPoint, ...]:
    """Points of a run of ``steps`` steps (the last is ``steps - 1``), and some beyond its end."""
    named_points = [(0, "first"), *_own_points(named, steps), (steps - 1, "last"), (steps, "100 %")]
    shares = [(int(q * steps), f"{100 * q:g} %") for q in _QUARTERS]
    beyond = [(round(b * steps), f"{100 * b:g} %") for b in _BEYOND]
    found: dict[int, str] = {}
    for step, what in [*named_points, *shares, *beyond]:
        found[step] = f"{found[step]}, {what}" if step in found else what
    return tuple(KeyPoint(step, what) for step, what in sorted(found.items()))


def _own_points(named: NamedSchedule, steps: int) -> Iterator[tuple[int, str]]:
    """End of the warm-up, drops and peak, as far as the run reaches them."""
    warmup = named.parameters().get("warmup")
    rise = round(warmup) if isinstance(warmup, int | float) else 0
    if 0 < rise < steps:
        yield rise, "warm-up ends"
    for drop in _corners(named)[:_MOST_DROPS]:
        if 0 < drop < steps - 1:
            yield drop, "drop"
    peak = peak_of(named, steps)
    if peak not in (0, rise, steps - 1):
        yield peak, "peak"


def peak_of(named: NamedSchedule, steps: int) -> int:
    """The first step of the largest LR in a run: on a grid, then among all steps around there."""
    grid = np.unique(np.linspace(0, steps - 1, _GRID).round()).astype(np.int64)
    best = int(np.nanargmax(lr_at(named, grid.tolist())))
    low, high = int(grid[max(best - 1, 0)]), int(grid[min(best + 1, len(grid) - 1)])
    near = np.unique(np.linspace(low, high, min(high - low + 1, 10 * _GRID)).round())
    at = near.astype(np.int64)
    return int(at[np.nanargmax(lr_at(named, at.tolist()))])


def lr_at(named: NamedSchedule, steps: Sequence[int]) -> Array:
    """LR at whole steps, ``float64[m]``; overflow gives infinity without a warning."""
    with np.errstate(all="ignore"):
        return named.lr(np.asarray(steps, dtype=np.float64))


def sampled(named: NamedSchedule, tag: str, steps: int) -> Series:
    """The schedule over a run as a series of at most some thousand points, corners kept."""
    own = [p.step for p in key_points(named, steps) if p.step < steps]
    corners = [c + d for c in (*own, *_corners(named)) for d in (-1, 0, 1)]
    grid = np.linspace(0, steps - 1, min(steps, _GRID)).round().astype(np.int64)
    inside = [c for c in corners if 0 <= c < steps]
    at = np.unique(np.concatenate([grid, np.asarray(inside, dtype=np.int64)]))
    return Series(tag, at, lr_at(named, at.tolist()))


def remarks(named: NamedSchedule, steps: int) -> Iterator[str]:
    """What surprises people about this schedule over a run of ``steps`` steps."""
    p = named.parameters()
    length = length_of(named)
    ends = named.name in ("onecycle", "cosine", "linear", "polynomial", "wsd")
    if ends and steps < length:
        share = 100 * float(lr_at(named, [steps - 1])[0]) / float(np.max(_values(named, steps)))
        yield (
            f"the run ends before the schedule, which takes {length:,} steps: "
            f"the last LR is {share:.3g} % of the largest"
        )
    if named.name == "cosine" and not p.get("clamp") and steps >= length:
        again = "" if steps <= length else f", within this run of {steps:,}"
        yield f"after step {length:,} the LR rises again{again}"
    if named.name == "onecycle":
        yield f"torch's OneCycleLR raises an error beyond step {length:,}"
    if named.name in ("linear", "polynomial", "wsd") and steps > 1.02 * length:
        yield f"the last {steps - length:,} steps train at the final LR"
    milestones = p.get("milestones")
    if isinstance(milestones, tuple):
        late = [m for m in milestones if m >= steps]
        if late:
            yield f"milestone {late[0]:,g} never acts: the last step is {steps - 1:,}"
    if p.get("warmup") and p.get("warmup_start_lr") == 0 and lr_at(named, [0])[0] == 0:
        yield "the first step trains at LR 0"


def _values(named: NamedSchedule, steps: int) -> Array:
    return lr_at(named, np.unique(np.linspace(0, steps - 1, _GRID).round()).astype(int).tolist())


def _corners(named: NamedSchedule) -> list[int]:
    """Steps at which a schedule of levels drops."""
    lists = [v for v in named.parameters().values() if isinstance(v, tuple)]
    return [round(v) for values in lists for v in values[:_GRID]]
