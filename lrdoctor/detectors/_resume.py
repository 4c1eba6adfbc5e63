"""Where one schedule of a run follows another, and what became of the first one there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from lrdoctor.detectors._context import governing_groups, typical_gap
from lrdoctor.detectors._unfreezing import find_places
from lrdoctor.fit_resumed import OLD_HORIZON
from lrdoctor.types import Case, ParamGroup, Restart, Schedule, Series

# Canonical parameters that are LRs; all other numbers are lengths, shares or factors.
_LEVELS = frozenset(
    {"lr", "max_lr", "min_lr", "base_lr", "eta_min", "end_lr", "peak_lr", "warmup_start_lr"}
)
_IGNORED = frozenset({"interval", "clamp"})
# Two fitted parameters are the same number within this share; fits of logged LRs are far closer.
_SAME = 0.01
# A fitted origin, and the first logged step after a restart, are known to this many intervals.
_CLOSE = 1.5
# Shares of what is due, and of the run, within which two places are one.
_SAME_SHARE = 0.02
# No warm-up that is a share of the total is longer than this share of the steps so far.
_WARMUP_SHARE = 0.1
# LRs printed with two digits differ by so much without being others.
_VISIBLE = 0.05


class Change(Enum):
    """What the schedule after a border is to the one before."""

    AGAIN = "the same, from its first step"
    TWICE = "the same, ahead by all the steps so far"
    MOVED = "the same, at another time"
    STRETCHED = "the same with other lengths"
    SCALED = "the same at another LR"
    OUTLIVED = "the same, past its end"
    OTHER = "another one"


@dataclass(frozen=True, slots=True, eq=False)
class Border:
    """One schedule of ``group`` ends and ``after`` begins at ``step``, its first logged step.

    ``restart`` is the resume that falls there, if the log shows one. ``ahead`` is by how many x
    units the schedule jumped forward, for ``MOVED`` and ``TWICE``. ``lr_before`` is the last logged
    LR before; ``strays`` the largest factor, either way, between an LR logged after the border and
    the one that was due, ``lr_after`` and ``lr_due`` the first such pair that differs.
    """

    group: ParamGroup
    before: Schedule
    after: Schedule
    step: int
    restart: Restart | None
    change: Change
    ahead: float
    lr_before: float
    lr_after: float
    lr_due: float
    strays: float

    def done(self) -> float | None:
        """The share of the first schedule that was over; None where it has no end of its own."""
        length = horizon(self.before)
        return None if length is None else (self.step - self.before.origin) / length


def horizon(schedule: Schedule) -> float | None:
    """X units from a schedule's own step 0 to its end; None where it has none."""
    if schedule.named is None:
        return None
    values = {k: v for k, v in schedule.named.parameters().items() if isinstance(v, int | float)}
    name = schedule.named.name
    warmup = float(values.get("warmup", 0.0))
    if name == "onecycle":
        return float(values["total_steps"])
    if name == "wsd":
        return float(values["decay_start"] + values["decay_steps"])
    length = values.get("T_max", values.get("total_steps"))
    return None if length is None else warmup + float(length)


def borders(case: Case) -> tuple[Border, ...]:
    """The borders of the first governing group that has any, ascending."""
    for group in governing_groups(case):
        if len(group.schedules) > 1:
            return tuple(_borders(case, group))
    return ()


def unfreezes(case: Case, border: Border) -> bool:
    """Whether the log or the configuration says that something is unfrozen there."""
    reach = max(_SAME_SHARE * (case.last - case.first), 2 * typical_gap(border.group.lr))
    return any(
        abs(p.step - border.step) <= reach
        for p in find_places(case)
        if p.configured or p.joined is not None
    )


def restart_near(case: Case, step: float, gap: float) -> Restart | None:
    """The resume whose first step lies within ``gap`` of ``step``, the nearest one."""
    near = [r for r in case.run.restarts if abs(r.step - step) <= _CLOSE * gap]
    return min(near, key=lambda r: abs(r.step - step), default=None)


def _borders(case: Case, group: ParamGroup) -> Iterator[Border]:
    lr = group.lr.finite()
    gap = typical_gap(lr)
    for before, after in zip(group.schedules, group.schedules[1:], strict=False):
        at = int(np.searchsorted(lr.step, after.start))
        if not 0 < at < len(lr):
            continue
        change, ahead = _change(before, after, lr, at, gap)
        new, due, strays = _against_due(before, lr.between(lr.step[at], after.stop), lr, at)
        yield Border(
            group, before, after, int(lr.step[at]), restart_near(case, after.start, gap), change,
            ahead, float(lr.value[at - 1]), new, due, strays,
        )  # fmt: skip


def _against_due(before: Schedule, part: Series, lr: Series, at: int) -> tuple[float, float, float]:
    """The first LR of ``part`` that differs from the one due there, that one, and the largest
    factor between such two. LRs below a hundredth of the largest count as that."""
    due = np.full(len(part), lr.value[at - 1])
    if before.named is not None:
        due = before.lr(part.step)
    least = max(_SAME * float(np.max(np.abs(lr.value))), np.finfo(float).tiny)
    with np.errstate(over="ignore", invalid="ignore"):
        new, old = np.maximum(part.value, least), np.maximum(np.nan_to_num(due), least)
        factor = np.maximum(new / old, old / new)
    differs = np.flatnonzero(factor > 1 + _VISIBLE)
    first = int(differs[0]) if len(differs) else 0
    return float(part.value[first]), float(due[first]), float(np.max(factor))


def _change(
    before: Schedule, after: Schedule, lr: Series, at: int, gap: float
) -> tuple[Change, float]:
    if after.began == OLD_HORIZON:
        return Change.OUTLIVED, 0.0
    after = _from_the_same_peak(before, after)
    slack = max(_CLOSE * gap, _interval(before))
    due = float(lr.step[at]) - before.origin
    if _drops_again(before, after, lr, at, slack):
        return Change.AGAIN, -due
    differing = _differing(before, after)
    if differing is None:
        return Change.OTHER, 0.0
    began = after.origin - _missing_warmup(before, after)
    if not differing:
        ahead = _within_period(before, before.origin - began)
        if abs(after.origin - float(lr.step[at])) <= slack:
            return Change.AGAIN, -due
        if abs(ahead - due) <= max(slack, _SAME_SHARE * due):
            return Change.TWICE, ahead
        return Change.MOVED, ahead
    apart = abs(before.origin - began)
    if differing <= _LEVELS and apart <= max(slack, _SAME_SHARE * due):
        return Change.SCALED, 0.0
    # A warm-up that is a share of the total moves with it.
    if not differing & _LEVELS and apart <= max(slack, _WARMUP_SHARE * due):
        return Change.STRETCHED, 0.0
    return Change.OTHER, 0.0


def _from_the_same_peak(before: Schedule, after: Schedule) -> Schedule:
    """A straight line that the log shows in part only, followed back to the peak of the first."""
    if before.named is None or after.named is None:
        return after
    if before.named.name != "linear" or after.named.name != "linear":
        return after
    old, new = before.named.parameters(), after.named.parameters()
    peak = _number(old["lr"])
    top, low, length = (_number(new[name]) for name in ("lr", "end_lr", "total_steps"))
    if "warmup" in new or not low < top < peak or _equal(top, peak, "lr", peak):
        return after
    whole = length * (peak - low) / (top - low)
    named = replace(after.named, peak_lr=peak, total_steps=whole)  # type: ignore[type-var]
    return replace(after, named=named, origin=after.origin - (whole - length))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _interval(schedule: Schedule) -> float:
    """X units between two steps of the scheduler; 1 where it is not known to be more."""
    value = None if schedule.named is None else schedule.named.parameters().get("interval")
    return float(value) if isinstance(value, int | float) else 1.0


def _drops_again(before: Schedule, after: Schedule, lr: Series, at: int, slack: float) -> bool:
    """Whether a schedule of levels is at its first one again and leaves it as it did before.

    A fit knows only the drops that it saw, so it may name two stretches of one schedule apart.
    """
    old, new = _drops(before), _drops(after)
    if not old or lr.value[at] <= lr.value[at - 1] * (1 + _SAME):
        return False
    begin, length = float(lr.step[at]), after.stop - float(lr.step[at])
    level = float(np.max(lr.between(before.start, begin).value))
    if abs(float(lr.value[at]) - level) > _SAME * level or new is None:
        return False
    seen = [d - begin for d in new]
    due = [d - before.origin for d in old]
    if not seen:
        return length <= due[0] + slack
    return abs(seen[0] - due[0]) <= slack + _SAME_SHARE * due[0]


def _drops(schedule: Schedule) -> list[float] | None:
    """Steps at which a schedule of levels drops; None for any other."""
    if schedule.named is None or schedule.named.name not in {"step", "multistep", "constant"}:
        return None
    values = schedule.named.parameters()
    marks = values.get("milestones", ())
    if schedule.named.name == "step":
        size = float(values["step_size"])  # type: ignore[arg-type]
        marks = (size,)
    if not isinstance(marks, tuple):
        return None
    return [schedule.origin + m for m in marks if schedule.origin + m < schedule.stop]


def _missing_warmup(before: Schedule, after: Schedule) -> float:
    """The length of a warm-up that the second schedule lacks, because it was past it."""
    assert before.named is not None and after.named is not None
    old, new = before.named.parameters().get("warmup", 0.0), after.named.parameters()
    return 0.0 if "warmup" in new or not isinstance(old, int | float) else float(old)


def _within_period(schedule: Schedule, shift: float) -> float:
    """A shift in time, less whole periods of a cosine that swings."""
    assert schedule.named is not None
    values = schedule.named.parameters()
    if schedule.named.name != "cosine" or values.get("clamp"):
        return shift
    half = float(values["T_max"])  # type: ignore[arg-type]
    return (shift + half) % (2 * half) - half if abs(shift) > half else shift


def _differing(before: Schedule, after: Schedule) -> frozenset[str] | None:
    """Names of the parameters in which two schedules of one family differ; None for others."""
    if before.named is None or after.named is None or before.named.name != after.named.name:
        return None
    old, new = before.named.parameters(), after.named.parameters()
    if _missing_warmup(before, after):
        old = {k: v for k, v in old.items() if not k.startswith("warmup")}
    top = max((abs(v) for k, v in old.items() if k in _LEVELS and isinstance(v, float)), default=1)
    names = (old.keys() | new.keys()) - _IGNORED
    return frozenset(n for n in names if not _equal(old.get(n), new.get(n), n, top))


def _equal(a: object, b: object, name: str, top: float) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and bool(np.allclose(a, b, rtol=_SAME))
    if not isinstance(a, int | float) or not isinstance(b, int | float):
        return a == b
    # Floors and starts are small beside the peak, and known to a share of that.
    scale = max(abs(a), abs(b), _SAME * top if name in _LEVELS else 0.0)
    return abs(a - b) <= _SAME * scale
