"""What changed between scans: new, fixed and open findings, by run, by rule and over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrdoctor.fleet.store import Store
from lrdoctor.types import _Value

_COLUMNS = (
    "r.name, r.project, f.rule, f.code, f.severity, f.message, f.state, f.first_scan, "
    "f.last_scan, f.closed_scan, r.began, r.commit_hash"
)
_JOINED = f"SELECT {_COLUMNS} FROM finding f JOIN run r ON r.id = f.run"
_WORST_FIRST = (
    "ORDER BY CASE f.severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, f.code, r.name"
)


@dataclass(frozen=True, slots=True)
class Stored(_Value):
    """A finding with its history: the scans that first and last saw it, the one that did not."""

    run: str
    project: str
    rule: str
    code: str
    severity: str
    message: str
    state: str
    first_scan: int
    last_scan: int
    closed_scan: int | None
    began: float | None
    commit: str


@dataclass(frozen=True, slots=True)
class RuleCount(_Value):
    """Open findings of one rule; ``new`` of them have come since the scan before."""

    rule: str
    code: str
    severity: str
    open: int
    new: int


def new_since(store: Store, scan: int) -> list[Stored]:
    """Open findings that no scan up to ``scan`` saw, the worst first."""
    return stored(store, "WHERE f.state = 'open' AND f.first_scan > ?", (scan,))


def fixed_since(store: Store, scan: int) -> list[Stored]:
    """Findings that were open at ``scan`` and have been mended since."""
    where = "WHERE f.state = 'fixed' AND f.closed_scan > ? AND f.first_scan <= ?"
    return stored(store, where, (scan, scan))


def still_open(store: Store) -> list[Stored]:
    """All open findings, the worst first."""
    return stored(store, "WHERE f.state = 'open'")


def by_rule(store: Store, since: int) -> list[RuleCount]:
    """Open findings per rule and severity, the worst and most frequent first."""
    sql = (
        "SELECT rule, code, severity, count(*), sum(first_scan > ?) FROM finding f "
        "WHERE state = 'open' GROUP BY rule, code, severity ORDER BY CASE severity "
        "WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, count(*) DESC, code"
    )
    return [RuleCount(*row) for row in store.rows(sql, (since,))]


def unjudged(store: Store) -> int:
    """Runs that no rule could be applied to: no LR, too few points."""
    sql = "SELECT count(*) FROM run r JOIN log l ON l.id = r.log WHERE NOT judged AND state = ?"
    return int(store.rows(sql, ("read",))[0][0])


def stored(store: Store, where: str, values: Sequence[object] = ()) -> list[Stored]:
    """Findings (``f``) of runs (``r``) that a condition of SQL holds for, the worst first."""
    return [Stored(*row) for row in store.rows(f"{_JOINED} {where} {_WORST_FIRST}", values)]
