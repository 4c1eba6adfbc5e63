"""Decides which parts of logs are one training: resumed, continued, copied, or begun anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from lrdoctor.readers._cut import concatenated
from lrdoctor.readers._table import is_loss, is_lr
from lrdoctor.types import Array, IntArray, Note, RawLog, RawSeries, Restart

NEAR_START = 0.02  # of the steps so far; a checkpoint that early is hardly resumed from
_MAYBE_START = 0.1  # up to here the loss decides between a resume and a new run
_FEW = 2  # logged steps of a start that was given up at once
_LONGER = 5  # the attempt that follows is so many times longer
_SAME = 1e-6  # relative difference of values read twice
_LOOK_BACK = 5  # runs of which a part may be a copy
_AGREE = 0.01  # relative difference of LRs of one schedule


class Kind(Enum):
    """What a part is to the parts before it."""

    OTHER_TAGS = "other tags"
    CONTINUES = "continues"
    COPY = "copy"
    LONGER_COPY = "longer copy"
    NEW = "new run"
    AFTER_FALSE_START = "after a false start"
    EARLIER = "earlier part"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, at which step the part begins, and on which grounds."""

    kind: Kind
    step: int
    reason: str


@dataclass
class Attempt:
    """One run: its parts in the order of training, each with the restart it began with, if any."""

    parts: list[tuple[RawLog, Restart | None]]
    copies: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    _whole: list[RawSeries] = field(default_factory=list)
    _in_whole: int = 0

    @property
    def logs(self) -> list[RawLog]:
        """The parts alone."""
        return [part for part, _ in self.parts]

    def whole(self) -> RawLog:
        """All parts as one log, a series per tag. It grows with the parts: to put hundreds of them
        together anew for each that follows would take most of the time of reading."""
        for part, _ in self.parts[self._in_whole :]:
            self._whole = _grown(self._whole, part)
        self._in_whole = len(self.parts)
        first = self.parts[0][0]
        return RawLog(first.file, first.format, first.axis, tuple(self._whole))

    def put_first(self, part: RawLog, restart: Restart) -> None:
        """``part`` goes before the others, the first of which begins with ``restart``."""
        self.parts[0] = (self.parts[0][0], restart)
        self.parts.insert(0, (part, None))
        self._whole, self._in_whole = [], 0

    def replace_by(self, part: RawLog) -> None:
        """``part`` holds all that was here."""
        self.copies += [log.file for log in self.logs]
        self.parts = [(part, None)]
        self._whole, self._in_whole = [], 0


def _grown(whole: Sequence[RawSeries], part: RawLog) -> list[RawSeries]:
    by_tag = {series.tag: series for series in whole}
    for series in part.series:
        there = by_tag.get(series.tag)
        by_tag[series.tag] = series if there is None else _end_to_end(there, series)
    return list(by_tag.values())


def _end_to_end(one: RawSeries, other: RawSeries) -> RawSeries:
    """Both series; wall times that only one of them has stay."""
    walls = [
        np.full(len(s.step), np.nan) if s.wall_time is None else s.wall_time for s in (one, other)
    ]
    return RawSeries(
        one.tag,
        np.concatenate([one.step, other.step]),
        np.concatenate([one.value, other.value]),
        np.concatenate(walls),
    )


def attempts(parts: Sequence[RawLog]) -> list[Attempt]:
    """Groups parts, given in the order they were written, into runs."""
    found: list[Attempt] = []
    for part in parts:
        decided = [(decide([a.whole()], part), a) for a in found[: -_LOOK_BACK - 1 : -1]]
        # A copy may be of an earlier run; all else is decided against the last.
        copies = (d for d in decided if d[0].kind in (Kind.COPY, Kind.LONGER_COPY))
        decision, attempt = next(copies, decided[0] if decided else (None, None))
        if decision is None or attempt is None:
            found.append(Attempt([(part, None)]))
        elif decision.kind is Kind.NEW:
            found.append(Attempt([(part, None)], notes=[_note("split", part, decision)]))
        else:
            _take(attempt, part, decision)
    if len(found) > 1:
        message = f"{len(found)} runs in one place; this is the first"
        found[0].notes.append(Note("split", message, found[0].logs[0].file))
    return found


def _take(attempt: Attempt, part: RawLog, decision: Decision) -> None:
    kind = decision.kind
    if kind is Kind.COPY:
        attempt.copies.append(part.file)
    elif kind is Kind.LONGER_COPY:
        attempt.replace_by(part)
    elif kind is Kind.EARLIER:
        first = attempt.logs[0]
        attempt.put_first(part, _restart([part], first, _first_step(first)))
        attempt.notes.append(_note("order", part, decision))
    elif kind is Kind.OTHER_TAGS:
        attempt.parts.append((part, None))
    else:
        attempt.parts.append((part, _restart([attempt.whole()], part, decision.step)))
        attempt.notes.append(_note("restart", part, decision))


def _note(kind: str, part: RawLog, decision: Decision) -> Note:
    return Note(kind, decision.reason, part.file, decision.step)


# ---------------------------------------------------------------------------- one decision


def decide(before: Sequence[RawLog], part: RawLog) -> Decision:
    """What ``part`` is to the parts of a run ``before`` it: step overlap first, then values."""
    tag = _main_tag(before, part)
    if tag is None:
        return Decision(
            Kind.OTHER_TAGS, _first_step(part), "no tag in common: other values of the same run"
        )
    old, new = _of_tag(before, tag), _of_tag([part], tag)
    declared = part.purges[0] if part.purges and part.purge_order[:1] == (0,) else None
    start = int(new.step.min()) if declared is None else declared
    first, last = int(old.step.min()), int(old.step.max())
    if start > last:
        text = f"goes on at step {start} after step {last}"
        return Decision(Kind.CONTINUES, start, text)
    if (copy := _copy(before, part, old, new)) is not None:
        return copy
    spacing = float(np.median(np.diff(np.unique(old.step)))) if last > first else 1.0
    near = first + max(1.5 * spacing, NEAR_START * (last - first))
    if start < first - 1.5 * spacing and _one_schedule(before, part, spacing):
        text = f"steps {start} to {int(new.step.max())} stand behind later ones; put before them"
        return Decision(Kind.EARLIER, start, text)
    if start <= near:
        return _at_start(old, new, start)
    if start <= first + _MAYBE_START * (last - first) and _loss_starts_over(before, part, start):
        text = f"goes back to step {start} and the loss to its first value: another run"
        return Decision(Kind.NEW, start, text)
    again = _again(old.step, start)
    text = f"resumed: goes back from step {last} to {start}, {again} logged steps again"
    return Decision(Kind.RESUME, start, text)


def _at_start(old: RawSeries, new: RawSeries, start: int) -> Decision:
    logged = len(np.unique(old.step))
    if logged <= _FEW and len(np.unique(new.step)) >= _LONGER * logged:
        text = f"begins again at step {start} after a start of {logged} logged steps, left out"
        return Decision(Kind.AFTER_FALSE_START, start, text)
    text = f"begins again at step {start} after step {int(old.step.max())}: another run"
    return Decision(Kind.NEW, start, text)


def _main_tag(before: Sequence[RawLog], part: RawLog) -> str | None:
    """The tag both sides have with most points on the shorter side."""
    there: dict[str, int] = {}
    for log in before:
        for s in log.series:
            there[s.tag] = there.get(s.tag, 0) + len(s.step)
    shared = [(min(there[s.tag], len(s.step)), s.tag) for s in part.series if s.tag in there]
    shared = [entry for entry in shared if entry[0]]
    return max(shared)[1] if shared else None


def _of_tag(logs: Sequence[RawLog], tag: str) -> RawSeries:
    return concatenated([s for log in logs for s in log.series if s.tag == tag])


def _again(steps: IntArray, start: int) -> int:
    return len(np.unique(steps[steps >= start]))


def _copy(
    before: Sequence[RawLog], part: RawLog, old: RawSeries, new: RawSeries
) -> Decision | None:
    """Whether one side is all in the other: nested checkpoints, a log appended to itself."""
    inner, outer = (new, old) if len(new.step) <= len(old.step) else (old, new)
    if len(inner.step) < 2 or not _contains(outer, inner):
        return None
    shared = {s.tag for s in part.series}
    for tag in sorted(shared & {s.tag for log in before for s in log.series}):
        one, two = _of_tag(before, tag), _of_tag([part], tag)
        if not _contains(*((two, one) if inner is old else (one, two))):
            return None
    kind = Kind.COPY if inner is new else Kind.LONGER_COPY
    return Decision(kind, int(inner.step.min()), "all its values are in the longer log")


def _contains(outer: RawSeries, inner: RawSeries) -> bool:
    """Whether every point of ``inner`` is in ``outer``."""
    order = np.argsort(outer.step, kind="stable")
    steps = outer.step[order]
    at = np.minimum(np.searchsorted(steps, inner.step), len(steps) - 1)
    if not np.array_equal(steps[at], inner.step):
        return False
    return bool(np.all(_close(outer.value[order][at], inner.value, _SAME)))


def _close(a: Array, b: Array, tolerance: float) -> npt.NDArray[np.bool_]:
    return np.isclose(a, b, rtol=tolerance, atol=0.0, equal_nan=True)


def _common(a: RawSeries, b: RawSeries) -> tuple[Array, Array]:
    """The values of both at the steps both have."""
    _, at_a, at_b = np.intersect1d(a.step, b.step, return_indices=True)
    return a.value[at_a], b.value[at_b]


def _one_schedule(before: Sequence[RawLog], part: RawLog, spacing: float) -> bool:
    """Whether the LR (the loss, where there is none) of ``part`` leads over to what is before."""
    there = {s.tag for log in before for s in log.series}
    for wanted in (is_lr, is_loss):
        for new in (s for s in part.series if s.tag in there and wanted(s.tag)):
            old = _of_tag(before, new.tag)
            a, b = _common(old, new)
            if len(a) >= 3:
                return bool(np.mean(_close(a, b, _AGREE)) > 0.8)
            gap = int(old.step.min()) - int(new.step.max())
            return 0 < gap <= 5 * spacing and bool(_close(old.value[:1], new.value[-1:], 0.2)[0])
    return False


def _loss_starts_over(before: Sequence[RawLog], part: RawLog, start: int) -> bool:
    """Whether the first losses are far nearer to the first ever than to those at that step."""
    there = {s.tag for log in before for s in log.series}
    for new in (s for s in part.series if s.tag in there and is_loss(s.tag)):
        old = _of_tag(before, new.tag)
        order = np.argsort(old.step, kind="stable")
        at = int(np.searchsorted(old.step[order], start))
        values = old.value[order]
        first, there_then, now = (
            float(np.median(v)) if len(v) else np.nan
            for v in (values[:3], values[max(at - 3, 0) : at + 3], new.value[:3])
        )
        if np.isfinite([first, there_then, now]).all() and abs(first - there_then) > 0:
            return abs(now - first) < 0.25 * abs(now - there_then)
    return False


# ---------------------------------------------------------------------------- restarts


def _restart(before: Sequence[RawLog], part: RawLog, step: int) -> Restart:
    again = np.concatenate([s.step[s.step >= step] for log in before for s in log.series])
    ended, began = _wall(before), _wall([part])
    known = len(ended) > 0 and len(began) > 0
    gap = float(began.min() - ended.max()) if known else None
    return Restart(step, len(np.unique(again)), part.file, gap)


def _first_step(part: RawLog) -> int:
    return min((int(s.step.min()) for s in part.series), default=0)


def _wall(logs: Sequence[RawLog]) -> Array:
    times = [s.wall_time for log in logs for s in log.series if s.wall_time is not None]
    known = np.concatenate(times) if times else np.zeros(0)
    return known[np.isfinite(known)]
