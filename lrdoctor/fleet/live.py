"""Looks at growing logs: finds what changed since the last look, reads that, and follows each run.

Nothing here waits: the caller decides when to look again. Files are only looked up (size and time
of change) unless one of them changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from lrdoctor.fleet.follow import Event, Following, Kind, advance
from lrdoctor.fleet.marks import mark
from lrdoctor.fleet.playback import first_known, judge, lengths, prefix
from lrdoctor.fleet.worker import Job, load_runs
from lrdoctor.readers._discover import RunFiles, find_runs
from lrdoctor.readers._walk import Met, Walk
from lrdoctor.types import Run, Severity
from lrdoctor.verdict import Diagnosis, ReadFailure

Load: TypeAlias = Callable[[RunFiles], "tuple[Run, ...] | ReadFailure"]
# A log that has grown already when it is first met is judged at this many earlier lengths as well,
# each this share shorter than the next: enough for the longest patience, so that what has stood for
# long is told at once.
_EARLIER, _APART = 4, 0.03


@dataclass(frozen=True, slots=True)
class Told:
    """An event with the step at which its finding could first be known, for one just confirmed."""

    event: Event
    known: int | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """One run: what was last read and judged of it, and what was told. ``unread`` says why its
    files cannot be read at present."""

    name: str
    state: Following = field(default_factory=Following)
    run: Run | None = None
    diagnosis: Diagnosis | None = None
    unread: str = ""


class Watch:
    """The runs under some paths, which need not exist yet.

    Findings below ``least`` are not followed. ``load`` reads the runs of one log; whoever knows a
    cheaper way than reading it whole gives it.
    """

    def __init__(
        self,
        paths: Sequence[str],
        job: Job,
        exclude: Sequence[str] = (),
        least: Severity = Severity.INFO,
        load: Load = load_runs,
    ) -> None:
        self._paths, self._job, self._exclude = paths, job, exclude
        self._least, self._load = least, load
        self._marks: dict[str, str] = {}
        self._logs: tuple[RunFiles, ...] = ()
        self._runs: dict[tuple[str, int], Followed] = {}

    @property
    def runs(self) -> tuple[Followed, ...]:
        """Every run met so far."""
        return tuple(self._runs.values())

    @property
    def finished(self) -> bool:
        """Whether there are runs and each has reached its planned length."""
        known = [f.diagnosis for f in self._runs.values() if f.diagnosis is not None]
        return bool(known) and all(d.finished is True for d in known)

    def look(self) -> tuple[bool, list[Told]]:
        """Whether any file has changed since the last look, and what there is to tell of it."""
        marks = {path: mark(path) for path in _files(self._paths, self._exclude)}
        changed = {path for path in marks | self._marks if marks.get(path) != self._marks.get(path)}
        self._marks = marks
        if not changed <= {file for log in self._logs for file in log.all_files}:
            self._logs = tuple(self._search())
        doubtful = {key for (key, _), f in self._runs.items() if f.state.shrunk}
        told = [
            one
            for log in self._logs
            if log.files[0] in doubtful or not changed.isdisjoint(_sources(log))
            for one in self._read(log)
        ]
        return bool(changed), told

    def close(self) -> list[Told]:
        """What the runs come to now that nothing more will be logged."""
        told = []
        for key, followed in list(self._runs.items()):
            if followed.run is not None:
                told += self._judge(key, followed, followed.run, over=True)
        return told

    def _search(self) -> Iterator[RunFiles]:
        """The logs that there are now. What is no log yet is looked at again when it changes."""
        there = [path for path in self._paths if os.path.exists(path)]  # noqa: PTH110
        for found in find_runs(there, self._exclude):
            if isinstance(found, RunFiles):
                yield found

    def _read(self, log: RunFiles) -> list[Told]:
        runs = self._load(log)
        key = log.files[0]
        if isinstance(runs, ReadFailure):
            # Perhaps caught in the middle of being written: what is known of it stays.
            old = self._runs.get((key, 0), Followed(log.name))
            self._runs[key, 0] = replace(old, unread=runs.reason)
            return []
        told = []
        for index, run in enumerate(runs):
            followed = self._runs.get((key, index), Followed(run.name))
            told += self._judge((key, index), replace(followed, name=run.name, unread=""), run)
        return told

    def _judge(
        self, key: tuple[str, int], followed: Followed, run: Run, *, over: bool = False
    ) -> list[Told]:
        """Follows one run a step further; what it could have told before is caught up with."""
        earlier = lengths(run, _APART)[-1 - _EARLIER : -1] if followed.run is None else []
        steps = [(prefix(run, stop), True, False) for stop in earlier]
        events: list[Event] = []
        for part, live, last in (*steps, (run, not over, over)):
            diagnosis = judge(part, self._job, live=live)
            if isinstance(diagnosis, ReadFailure):
                followed = replace(followed, run=run, unread=diagnosis.reason)
                continue
            state, new = advance(followed.state, diagnosis, over=last, least=self._least)
            followed = replace(followed, state=state, run=run, diagnosis=diagnosis, unread="")
            events += new
        self._runs[key] = followed
        # Whatever length showed it, it is told of the log as it is now.
        end = followed.state.last
        return [self._known(replace(event, step=end), run) for event in events]

    def _known(self, event: Event, run: Run) -> Told:
        finding = event.finding
        if event.kind is not Kind.CONFIRMED or finding is None:
            return Told(event)
        return Told(event, first_known(run, self._job, finding.rule.code, event.before))


def _files(paths: Sequence[str], exclude: Sequence[str]) -> Iterator[str]:
    """Every file below the paths, logs or not, unopened."""
    walk = Walk(exclude)
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112
            for met in walk.folders(path):
                yield from met.files if isinstance(met, Met) else ()
        elif os.path.exists(path):  # noqa: PTH110
            yield path


def _sources(log: RunFiles) -> tuple[str, ...]:
    """The files of a log and the settings near it."""
    return (*log.all_files, *(log.near.settings if log.near else ()))
