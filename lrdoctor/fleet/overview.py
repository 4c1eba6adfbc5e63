"""A state file as one page shows it: runs, causes, rules, folders, the course over the scans."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from lrdoctor.fleet import history, trends
from lrdoctor.fleet.clusters import Cluster, OpenFinding, clusters, open_findings
from lrdoctor.fleet.sparks import DIGITS, path
from lrdoctor.fleet.store import Store
from lrdoctor.fleet.when import shown
from lrdoctor.reports._axes import step_axis
from lrdoctor.reports._format import count
from lrdoctor.reports._panels import Figure, Trace, figure_over, panel
from lrdoctor.types import Severity, _Value
from lrdoctor.verdict import ReadFailure

MOST_ROWS = 20_000  # runs in the table: all with findings, then others
MOST_SCANS = 200
MOST_UNREADABLE = 200
_RULES_DRAWN = 5
Href: TypeAlias = Callable[[str, str], str]
_STATES = ("error", "warning", "info", "unjudged", "healthy")


@dataclass(frozen=True, slots=True)
class RunRow(_Value):
    """One run: ``state`` is the severity of its worst finding, "unjudged" or "healthy"; ``faults``
    and ``remarks`` are codes of open findings, ``since`` is the scan that saw the newest fault
    first, ``page`` the path of its own page, "" without one; ``spark`` SVG path data
    over so many ``stretches``."""

    id: int
    name: str
    state: str
    length: int
    unit: str
    faults: tuple[str, ...]
    remarks: tuple[str, ...]
    since: int
    spark: str
    stretches: int
    page: str


@dataclass(frozen=True, slots=True)
class RuleRow(_Value):
    """One rule: how many findings are open, how many of them new, and its course as a path."""

    count: trends.RuleCount
    course: str


@dataclass(frozen=True, slots=True)
class Overview(_Value):
    """The page's content. ``scan`` is the last finished scan and ``before`` the one it is compared
    with (0: none); ``runs`` are at most ``MOST_ROWS``, the worst first, of ``all_runs``."""

    scan: history.ScanRow
    before: int
    began: dict[int, str]
    runs: tuple[RunRow, ...]
    all_runs: int
    states: dict[str, int]
    causes: tuple[Cluster, ...]
    remarks: tuple[Cluster, ...]
    rules: tuple[RuleRow, ...]
    folders: tuple[history.ProjectCount, ...]
    unreadable: tuple[ReadFailure, ...]
    all_unreadable: int
    fixed: int
    trend: Figure | None

    @property
    def faulty(self) -> int:
        """Runs with an error or a warning."""
        return self.states["error"] + self.states["warning"]

    @property
    def new(self) -> int:
        """Runs with a fault that the last scan saw first."""
        return sum(run.since > self.before for run in self.runs if run.faults) if self.before else 0

    @property
    def tone(self) -> str:
        """The colour of the page's head."""
        states = [s for s in ("error", "warning") if self.states[s]]
        judged = self.all_runs - self.states["unjudged"]
        return states[0] if states else "healthy" if judged else "unjudged"

    @property
    def verdict(self) -> str:
        """One sentence."""
        if not self.all_runs:
            return "No run could be read."
        if not self.faulty:
            judged = self.all_runs - self.states["unjudged"]
            return f"No learning-rate fault in {count(judged, 'run')} that could be judged."
        verb = "has" if self.faulty == 1 else "have"
        return f"{self.faulty:,} of {count(self.all_runs, 'run')} {verb} a learning-rate fault."


def overview(store: Store, href: Href = lambda log, run: "") -> Overview | None:
    """What the page shows; None before a scan has come to its end.

    ``href(log, run)`` gives the page of a run by the path of its log and its name, "" without one.
    """
    latest = history.scans(store, MOST_SCANS)
    if not latest:
        return None
    before = store.last_finished(latest[-1].id)
    found = open_findings(store)
    rows = _rows(store, found, href)
    unreadable = store.rows("SELECT path, reason FROM log WHERE state = 'unreadable' ORDER BY path")
    courses = {t.code: t.counts for t in history.trends(store, latest)}
    return Overview(
        scan=latest[-1],
        before=before,
        began={scan.id: shown(scan.started) for scan in latest},
        runs=tuple(rows[:MOST_ROWS]),
        all_runs=len(rows),
        states={state: sum(row.state == state for row in rows) for state in _STATES},
        causes=tuple(clusters(f for f in found if f.severity != Severity.INFO)),
        remarks=tuple(clusters(f for f in found if f.severity == Severity.INFO)),
        rules=tuple(RuleRow(c, course(courses[c.code])) for c in trends.by_rule(store, before)),
        folders=tuple(history.projects(store)),
        unreadable=tuple(ReadFailure(_text(p), r) for p, r in unreadable[:MOST_UNREADABLE]),
        all_unreadable=len(unreadable),
        fixed=len(trends.fixed_since(store, before)),
        trend=_trend(latest, courses),
    )


def _rows(store: Store, found: Sequence[OpenFinding], href: Href) -> list[RunRow]:
    """All runs as they were when they could last be read, the worst first."""
    of_run: dict[int, list[OpenFinding]] = {}
    for finding in found:
        of_run.setdefault(finding.run, []).append(finding)
    sql = (
        "SELECT l.path, r.id, r.name, r.judged, r.last_step, r.unit, r.spark FROM run r "
        "JOIN log l ON l.id = r.log WHERE l.state != 'gone'"
    )
    rows = [_row(log, run, of_run.get(run[0], []), href) for log, *run in store.rows(sql)]
    return sorted(rows, key=lambda r: (_STATES.index(r.state), -len(r.faults), r.name))


def _row(
    log: str | bytes, run: Sequence[Any], findings: Sequence[OpenFinding], href: Href
) -> RunRow:
    number, name, judged, last, unit, spark = run
    faults = [f for f in findings if f.severity != Severity.INFO]
    state = "healthy" if judged else "unjudged"
    if findings:
        state = max((Severity(f.severity) for f in findings), key=lambda s: s.rank).value
    return RunRow(
        id=number,
        name=name,
        state=state,
        length=last,
        unit=unit,
        faults=tuple(dict.fromkeys(f.code for f in faults)),
        remarks=tuple(dict.fromkeys(f.code for f in findings if f not in faults)),
        since=max((f.first_scan for f in faults), default=0),
        spark=path(spark),
        stretches=len(spark),
        page=href(_text(log), name) if faults else "",
    )


def course(counts: Sequence[int]) -> str:
    """Counts over the scans as a path in the box of a sparkline, from 0 up."""
    return path("".join(DIGITS[35 * n // max(1, *counts)] for n in counts))


def _trend(
    latest: Sequence[history.ScanRow], courses: Mapping[str, Sequence[int]]
) -> Figure | None:
    """Open findings over the scans: all, and of the rules with most; None for a single scan."""
    if len(latest) < 2:
        return None
    steps = np.array([scan.id for scan in latest], dtype=np.float64)
    totals = np.array([scan.open_findings for scan in latest], dtype=np.float64)
    traces = [Trace("lr", "all rules", steps, totals)]
    often = sorted(courses, key=lambda code: -max(courses[code]))[:_RULES_DRAWN]
    for kind, code in enumerate(often, start=2):
        traces.append(Trace(f"run{kind}", code, steps, np.array(courses[code], dtype=np.float64)))
    along = step_axis(steps[0], steps[-1])
    covered = f"scans {latest[0].id} to {latest[-1].id}"
    notes = [f"From {shown(latest[0].started)} to {shown(latest[-1].started)}."]
    return figure_over(
        along, [panel("open", traces, along, notes, log=False)], "scan", covered, notes=notes
    )


def _text(path: str | bytes) -> str:
    return path if isinstance(path, str) else os.fsdecode(path)
