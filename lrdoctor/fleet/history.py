"""Questions to a state file about the past: scans, runs, rules, projects, commits, lost time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from lrdoctor.fleet.store import Store
from lrdoctor.fleet.trends import Stored, stored
from lrdoctor.types import _Value


@dataclass(frozen=True, slots=True)
class ScanRow(_Value):
    """One finished scan; times in Unix seconds."""

    id: int
    started: float
    finished: float
    judged: int
    unchanged: int
    unreadable: int
    open_findings: int


@dataclass(frozen=True, slots=True)
class Trend(_Value):
    """Open findings of a rule at the end of each of some scans."""

    rule: str
    code: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProjectCount(_Value):
    """Runs of a folder: all, and those with an open finding; ``seconds`` of training and those of
    them within the spans of warnings and errors, of the runs whose logs have times."""

    project: str
    runs: int
    with_findings: int
    seconds: float
    wasted: float


@dataclass(frozen=True, slots=True)
class FirstBad(_Value):
    """The first run of a project with a finding, and the run before it, which had none.

    Commits are "" where a log names none; ``began`` in Unix seconds.
    """

    project: str
    run: str
    commit: str
    began: float | None
    good_run: str
    good_commit: str


def scans(store: Store, most: int = 20) -> list[ScanRow]:
    """The latest finished scans, oldest first."""
    sql = (
        "SELECT id, started, finished, judged, unchanged, unreadable, open_findings FROM scan "
        "WHERE finished IS NOT NULL ORDER BY id DESC LIMIT ?"
    )
    return [ScanRow(*row) for row in reversed(store.rows(sql, (most,)))]


def trends(store: Store, wanted: Sequence[ScanRow], rule: str | None = None) -> list[Trend]:
    """How many findings of each rule were open at the end of these scans; the most first."""
    sql = "SELECT rule, code, first_scan, closed_scan FROM finding ORDER BY rule, code"
    found = []
    for (name, code), rows in groupby(store.rows(sql), key=lambda row: row[:2]):
        if rule is not None and rule not in (name, code):
            continue
        spans = [(first, closed) for _, _, first, closed in rows]
        found.append(Trend(name, code, tuple(_open_at(spans, scan.id) for scan in wanted)))
    return sorted(found, key=lambda trend: (-trend.counts[-1] if trend.counts else 0, trend.code))


def _open_at(spans: Iterable[tuple[int, int | None]], scan: int) -> int:
    return sum(first <= scan and (closed is None or closed > scan) for first, closed in spans)


def of_rule(store: Store, rule: str) -> list[Stored]:
    """Every finding of a rule, by name or code, open ones and past ones."""
    return stored(store, "WHERE f.rule = ? OR f.code = ?", (rule, rule))


def of_run(store: Store, pattern: str) -> list[Stored]:
    """Every finding of the runs whose name, or its end, fits a shell pattern, by run and scan."""
    where = "WHERE r.name GLOB ? OR r.name GLOB ?"
    found = stored(store, where, (pattern, f"*/{pattern}"))
    return sorted(found, key=lambda f: (f.run, f.first_scan, f.code))


def runs_like(store: Store, pattern: str) -> list[str]:
    """Names of the runs that fit, also of those without findings."""
    sql = "SELECT name FROM run WHERE name GLOB ? OR name GLOB ? ORDER BY name"
    return [name for (name,) in store.rows(sql, (pattern, f"*/{pattern}"))]


def rule_names(store: Store) -> set[str]:
    """Names and codes of the rules that were ever found."""
    return {word for row in store.rows("SELECT DISTINCT rule, code FROM finding") for word in row}


def projects(store: Store, rule: str | None = None) -> list[ProjectCount]:
    """Folders by the time lost in them, then by runs with open findings; of one rule or of all."""
    chosen = "AND (f.rule = :rule OR f.code = :rule)" if rule else ""
    sql = (
        "SELECT project, count(*), sum(bad), sum(coalesce(seconds, 0)), "
        "sum(CASE WHEN bad THEN coalesce(wasted, 0) ELSE 0 END) FROM (SELECT r.*, EXISTS "
        f"(SELECT 1 FROM finding f WHERE f.run = r.id AND f.state = 'open' {chosen}) AS bad "
        "FROM run r JOIN log l ON l.id = r.log WHERE l.state = 'read') "
        "GROUP BY project HAVING sum(bad) ORDER BY 5 DESC, 3 DESC, 1"
    )
    rows = store.db.execute(sql, {"rule": rule}).fetchall()
    return [ProjectCount(*row) for row in rows]


def first_bad(store: Store, rule: str) -> Iterator[FirstBad]:
    """Per project with findings of a rule, the first run in time that has one.

    Runs are in the order in which they began, those without times in the order of their names.
    """
    sql = (
        "SELECT r.project, r.name, r.commit_hash, r.began, EXISTS (SELECT 1 FROM finding f "
        "WHERE f.run = r.id AND (f.rule = ? OR f.code = ?)) FROM run r WHERE r.judged "
        "ORDER BY r.project, r.began IS NULL, r.began, r.name"
    )
    for project, rows in groupby(store.rows(sql, (rule, rule)), key=lambda row: row[0]):
        good = ("", "")
        for _, name, commit, began, bad in rows:
            if bad:
                yield FirstBad(project, name, commit, began, *good)
                break
            good = name, commit
