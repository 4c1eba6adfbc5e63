"""A run as it was while it trained: cut at a step, so that what was known when can be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from lrdoctor.fleet.follow import Event, Following, advance
from lrdoctor.fleet.worker import Job, case_of, diagnose_case
from lrdoctor.types import IntArray, Run, Severity
from lrdoctor.verdict import Diagnosis, ReadFailure

_COUNTER = "global_step"  # Hugging Face keeps the steps done so far beside the settings


def judge(run: Run, job: Job, *, live: bool) -> Diagnosis | ReadFailure:
    """The diagnosis of a run. While it is ``live``, the end of the log is not taken for the end of
    the training where no planned length says how far it has got."""
    case = case_of(run, job.roles, job.expect)
    if isinstance(case, ReadFailure):
        return case
    if live and case.finished is None:
        case = replace(case, finished=False)
    return diagnose_case(case, job)


def prefix(run: Run, stop: int) -> Run:
    """What the log said before ``stop``: the points, restarts and notes of steps below it."""
    series = {tag: s.between(-np.inf, stop) for tag, s in run.series.items()}
    done = run.hparams.get(_COUNTER)
    counted = isinstance(done, int | float) and done >= stop
    return replace(
        run,
        series={tag: s for tag, s in series.items() if len(s)},
        hparams={**run.hparams, _COUNTER: stop - 1} if counted else run.hparams,
        restarts=tuple(r for r in run.restarts if r.step < stop),
        notes=tuple(n for n in run.notes if n.step is None or n.step < stop),
    )


def logged_steps(run: Run) -> IntArray:
    """Every step at which anything was logged, ascending: int64[n]."""
    steps = [s.step for s in run.series.values()]
    return np.unique(np.concatenate(steps)) if steps else np.empty(0, np.int64)


def lengths(run: Run, growth: float, shortest: float = 0.04) -> list[int]:
    """Where to cut a run to see it grow by the share ``growth`` at a time: ``stop`` of each prefix,
    ascending, from the share ``shortest`` of its length to the whole."""
    steps = logged_steps(run)
    if not len(steps):
        return []
    count = int(np.ceil(-np.log(shortest) / np.log1p(growth)))
    shares = (1 + growth) ** -np.arange(count, -1.0, -1.0)
    ends = steps[0] + shares * (steps[-1] - steps[0])
    logged = np.searchsorted(steps, np.floor(ends), side="right") - 1
    return [int(stop) + 1 for stop in np.unique(steps[logged])]


def play(
    run: Run, job: Job, stops: Iterable[int], least: Severity = Severity.INFO
) -> Iterator[Event]:
    """What a user who watched this run would have been told, had it been looked at each time the
    log reached one of ``stops``; at the end it counts as over."""
    state = Following()
    for stop in stops:
        diagnosis = judge(prefix(run, stop), job, live=True)
        if isinstance(diagnosis, Diagnosis):
            state, events = advance(state, diagnosis, least=least)
            yield from events
    diagnosis = judge(run, job, live=False)
    if isinstance(diagnosis, Diagnosis):
        yield from advance(state, diagnosis, over=True, least=least)[1]


def first_known(run: Run, job: Job, code: str, seen: int, *, resolution: float = 0.01) -> int:
    """The last step of the shortest log in which the rule ``code`` finds something, to within
    ``resolution`` of the log up to step ``seen``, where it does.

    By halving, which takes for granted that it is found in every longer log as well.
    """
    steps = logged_steps(run)
    steps = steps[steps <= seen]
    least, at = -1, len(steps) - 1
    while at - least > max(1, round(resolution * len(steps))):
        middle = (at + least + 1) // 2
        diagnosis = judge(prefix(run, int(steps[middle]) + 1), job, live=True)
        found = isinstance(diagnosis, Diagnosis) and any(
            f.rule.code == code for f in diagnosis.findings
        )
        least, at = (least, middle) if found else (middle, at)
    return int(steps[at]) if len(steps) else seen
