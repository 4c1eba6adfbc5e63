"""Raw logs as runs: cut, grouped, joined, in order, one value per step; each decision is a note."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lrdoctor.readers._attempts import Attempt, attempts
from lrdoctor.readers._cut import concatenated, parts
from lrdoctor.readers._purge import purged
from lrdoctor.readers._text import display_name
from lrdoctor.types import Note, RawLog, RawSeries, Restart, Run, Scalar, Series


def assemble(name: str, logs: Sequence[RawLog]) -> tuple[Run, ...]:
    """The runs in ``logs``, the raw logs of one place; the first keeps ``name``, others get "#2".

    Logs without series (text or hparams only) give what they know to all runs. Series come out in
    step order with one value per step, the one written last; where training went back, what was
    logged from there on before is left out, and the ``Restart`` says so.
    """
    logs = [_without_empty(log) for log in logs]
    full = _in_order([log for log in logs if log.series])
    found = attempts([part for log in full for part in parts(log)])
    if not found:
        found = [Attempt([(log, None)]) for log in logs[:1]]
    empty = [log for log in logs if not log.series]
    names = [display_name(name if i == 0 else f"{name}#{i + 1}") for i in range(len(found))]
    return tuple(
        _run(run_name, attempt, empty) for run_name, attempt in zip(names, found, strict=True)
    )


def _in_order(logs: Sequence[RawLog]) -> list[RawLog]:
    """By the first wall time where all have one, else by name with numbers as numbers."""
    if len({log.file for log in logs}) == 1:
        return list(logs)
    starts = [_first_wall(log) for log in logs]
    if np.isfinite(starts).all():
        return [logs[i] for i in np.argsort(starts, kind="stable")]
    return sorted(logs, key=lambda log: _natural(log.file))


def _without_empty(log: RawLog) -> RawLog:
    series = tuple(s for s in log.series if len(s.step))
    return log if len(series) == len(log.series) else replace(log, series=series)


def _first_wall(log: RawLog) -> float:
    walls = [s.wall_time for s in log.series if s.wall_time is not None]
    return min((float(np.fmin.reduce(w)) for w in walls if len(w)), default=np.nan)


def _natural(path: str) -> list[tuple[int, str]]:
    return [(int(p) if p.isdecimal() else -1, p) for p in re.split(r"(\d{1,18})", path)]


def _run(name: str, attempt: Attempt, empty: Sequence[RawLog]) -> Run:
    logs = [*attempt.logs, *(log for log in empty if log not in attempt.logs)]
    joined, restarts = _joined(attempt)
    series: dict[str, Series] = {}
    disorder: list[tuple[int, int]] = []
    for raw in joined:
        tidy, *counts = _tidy(raw)
        tag = _free(display_name(raw.tag), series)
        series[tag] = replace(tidy, tag=tag)
        disorder.append((counts[0], counts[1]))
    hparams: dict[str, Scalar] = {}
    sources: dict[str, str] = {}
    for log in logs:
        hparams |= log.hparams
        sources |= dict.fromkeys(log.hparams, display_name(log.file, 1000))
    notes = [n for log in logs for n in log.notes]
    notes += [*attempt.notes, *_copy_note(attempt.copies), *_order_notes(disorder)]
    return Run(
        name=name,
        files=tuple(dict.fromkeys(display_name(log.file, 1000) for log in logs)),
        format=logs[0].format,
        axis=logs[0].axis,
        series=series,
        hparams=hparams,
        hparam_sources=sources,
        restarts=restarts,
        notes=tuple(dict.fromkeys(map(shown, notes))),
    )


def _copy_note(files: Sequence[str]) -> list[Note]:
    if not files:
        return []
    distinct = list(dict.fromkeys(files))
    listed = ", ".join(distinct[:3]) + (", …" if len(distinct) > 3 else "")
    count = f"{len(files)} logs or parts are" if len(files) > 1 else "1 log or part is"
    return [Note("copy", f"{count} contained in the longest with the same values: {listed}")]


def shown(note: Note) -> Note:
    """The note fit for printing."""
    file = None if note.file is None else display_name(note.file, 1000)
    return replace(note, file=file, message=display_name(note.message, 1000))


def _free(tag: str, taken: Mapping[str, object]) -> str:
    """``tag``, numbered where shortening made two names equal."""
    if tag not in taken:
        return tag
    return next(f"{tag}~{i}" for i in range(2, len(taken) + 3) if f"{tag}~{i}" not in taken)


# ---------------------------------------------------------------------------- series


def _joined(attempt: Attempt) -> tuple[list[RawSeries], tuple[Restart, ...]]:
    """One series per tag: of each part what no later restart made obsolete."""
    first, *later = attempt.logs
    if first.record_steps is not None or (later and all(map(_declares, later))):
        view = purged(attempt.logs)
        return [s for s in view.series if len(s.step)], view.restarts
    by_tag: dict[str, list[RawSeries]] = {}
    lowest = np.inf
    for part, restart in reversed(attempt.parts):
        for series in part.series:
            by_tag.setdefault(series.tag, []).insert(0, _below(series, lowest))
        lowest = lowest if restart is None else min(lowest, restart.step)
    order = dict.fromkeys(s.tag for part in attempt.logs for s in part.series)
    joined = [concatenated(by_tag[tag]) for tag in order]
    restarts = tuple(restart for _, restart in attempt.parts if restart is not None)
    return [s for s in joined if len(s.step)], restarts


def _declares(part: RawLog) -> bool:
    """Whether the writer says itself what a restart made obsolete (event files)."""
    return part.purge_order[:1] == (0,) or part.record_steps is not None


def _below(series: RawSeries, limit: float) -> RawSeries:
    keep = series.step < limit
    if keep.all():
        return series
    wall = None if series.wall_time is None else series.wall_time[keep]
    return RawSeries(series.tag, series.step[keep], series.value[keep], wall)


def _tidy(raw: RawSeries) -> tuple[Series, int, int]:
    """Sorted by step, the last of equal steps; how often steps fell, and how many points were
    replaced by a later one of another value."""
    step, value, wall = raw.step, raw.value, raw.wall_time
    rising = np.diff(step)
    if np.all(rising > 0):
        return Series(raw.tag, step, value, wall), 0, 0
    order = np.argsort(step, kind="stable")
    last = np.append(np.diff(step[order]) > 0, True)
    pick = order[last]
    kept = np.searchsorted(step[pick], step)
    differs = ~np.isclose(value[pick][kept], value, rtol=1e-9, atol=0.0, equal_nan=True)
    tidy = Series(raw.tag, step[pick], value[pick], None if wall is None else wall[pick])
    return tidy, int(np.count_nonzero(rising < 0)), int(np.count_nonzero(differs))


def _order_notes(counts: Sequence[tuple[int, int]]) -> list[Note]:
    out_of_order = max((c[0] for c in counts), default=0)
    repeated = max((c[1] for c in counts), default=0)
    notes = []
    if out_of_order:
        message = f"rows out of order, steps fall {out_of_order} times; sorted by step"
        notes.append(Note("order", message))
    if repeated:
        message = (
            f"{repeated} points have another value at the same step written later; that counts"
        )
        notes.append(Note("repeated-steps", message))
    return notes
