"""Findings that look like one mistake: one rule, one factor, one script or part of the tree."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from lrdoctor.fleet.store import Store
from lrdoctor.types import Severity, _Value

# What detectors call the factor that a schedule is off by, or the argument that makes it so.
_FACTORS = ("factor", "times", "accumulation", "pct_start", "ratio", "times_missed")
_NEAR = 0.005  # of a whole number, or of one over a whole number: logs are rounded
_SHARE = 0.9  # of the runs of a cluster that have it
_MOST_SHARED = 3
_LARGEST = 4096


@dataclass(frozen=True, slots=True)
class OpenFinding(_Value):
    """A finding as it stands now. ``run`` is the number in the store, ``body`` JSON as a scan wrote
    it (``records.FindingRecord``)."""

    run: int
    name: str
    project: str
    script: str
    rule: str
    code: str
    severity: str
    message: str
    body: str
    first_scan: int


@dataclass(frozen=True, slots=True)
class Cluster(_Value):
    """Findings of one rule with likely one cause. ``place`` is the script of all the runs
    (``is_script``) or the folder they are in ("" for the root); ``factor`` such as "factor 8";
    ``shared`` what else was measured alike in them, and ``message`` what is said of the first."""

    rule: str
    code: str
    severity: str
    factor: str
    place: str
    is_script: bool
    shared: tuple[str, ...]
    message: str
    fix: str
    runs: tuple[tuple[int, str], ...]
    first_scans: tuple[int, ...]

    def new_since(self, scan: int) -> int:
        """How many of the findings no scan up to this one saw."""
        return sum(first > scan for first in self.first_scans)

    @property
    def what(self) -> str:
        """The rule, with its factor."""
        return f"{self.rule} ({self.factor})" if self.factor else self.rule

    @property
    def sentence(self) -> str:
        """As "37 runs from train.py share horizon-short-by-factor (factor 8)"."""
        if len(self.runs) == 1:
            return f"{self.runs[0][1]} has {self.what}"
        where = f" {self.preposition} {self.place}" if self.place else ""
        return f"{len(self.runs):,} runs{where} share {self.what}"

    @property
    def preposition(self) -> str:
        """What stands before ``place``."""
        return "from" if self.is_script else "in"


def open_findings(store: Store, since: int = 0) -> list[OpenFinding]:
    """Open findings that no scan up to ``since`` saw, by run name."""
    sql = (
        "SELECT r.id, r.name, r.project, r.script, f.rule, f.code, f.severity, f.message, f.body, "
        "f.first_scan FROM finding f JOIN run r ON r.id = f.run "
        "WHERE f.state = 'open' AND f.first_scan > ? ORDER BY r.name, f.code"
    )
    return [OpenFinding(*row) for row in store.rows(sql, (since,))]


def clusters(findings: Iterable[OpenFinding]) -> list[Cluster]:
    """The findings in groups, the worst and largest first; a finding may be alone in its group."""
    groups: dict[tuple[str, ...], list[OpenFinding]] = {}
    for found in findings:
        top, inside, _ = found.name.partition("/")
        near = found.script or (top if inside else found.project)
        key = (found.code, found.severity, factor_of(found.body), near)
        groups.setdefault(key, []).append(found)
    made = [_cluster(members, key[2]) for key, members in groups.items()]
    return sorted(made, key=lambda c: (-Severity(c.severity).rank, -len(c.runs), c.code, c.place))


def factor_of(body: str) -> str:
    """The factor that a finding measured, where it is a simple one: "factor 1/8"; "" without.

    >>> factor_of('{"measured": {"factor": [0.1251, ""], "lr": [0.3, ""]}}')
    'factor 1/8'
    """
    measured = _measured(body)
    for name in _FACTORS:
        value = measured.get(name, (None, ""))[0]
        if value is not None and value > 0 and (simple := _simple(value)):
            return f"{name.replace('_', ' ')} {simple}"
    return ""


def _simple(value: float) -> str:
    if not 1 / _LARGEST < value < _LARGEST:
        return ""
    whole = round(value) if value >= 1 else round(1 / value)
    near = Fraction(whole) if value >= 1 else Fraction(1, whole)
    if whole > 1 and abs(value / near - 1) <= _NEAR:
        return str(near)
    return f"{value:.3g}" if float(f"{value:.2g}") == round(value, 12) else ""


def _cluster(members: Sequence[OpenFinding], factor: str) -> Cluster:
    first = members[0]
    runs = tuple(dict.fromkeys((m.run, m.name) for m in members))
    script = first.script if {m.script for m in members} == {first.script} else ""
    return Cluster(
        rule=first.rule,
        code=first.code,
        severity=first.severity,
        factor=factor,
        place=script or _folder(members),
        is_script=bool(script),
        shared=_shared(members),
        message=first.message,
        fix=str(json.loads(first.body or "{}").get("fix", "")),
        runs=runs,
        first_scans=tuple(m.first_scan for m in members),
    )


def _folder(members: Sequence[OpenFinding]) -> str:
    """The folder that all the runs are in, "" where they have none in common."""
    paths = [m.name.split("/")[:-1] for m in members]
    common = paths[0]
    for path in paths[1:]:
        same = (i for i, pair in enumerate(zip(common, path, strict=False)) if pair[0] != pair[1])
        common = common[: next(same, min(len(common), len(path)))]
    return "/".join(common) or (
        members[0].project if len({m.project for m in members}) == 1 else ""
    )


def _shared(members: Sequence[OpenFinding]) -> tuple[str, ...]:
    """What was measured alike in most of several runs, as "pct start 0.3"."""
    if len(members) < 3:
        return ()
    seen: dict[str, Counter[tuple[str, str]]] = {}
    for member in members:
        for name, (value, unit) in _measured(member.body).items():
            if value:
                seen.setdefault(name, Counter())[_rounded(value), unit] += 1
    told = []
    for name, counts in seen.items():
        (text, unit), often = counts.most_common(1)[0]
        if often >= _SHARE * len(members):
            told.append(f"{name.replace('_', ' ')} {text} {unit}".strip())
    return tuple(told[:_MOST_SHARED])


def _rounded(value: float) -> str:
    return f"{value:.3g}"


def _measured(body: str) -> dict[str, tuple[float | None, str]]:
    """Name to value and unit; None for what is not finite."""
    found = json.loads(body or "{}").get("measured", {})
    return {
        name: (value if isinstance(value, int | float) else None, unit)
        for name, (value, unit) in found.items()
    }
