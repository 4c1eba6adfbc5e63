"""What a scan keeps of a diagnosis: small enough for ten thousand runs, complete for a history."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lrdoctor._version import __version__
from lrdoctor.fleet.files import size_of
from lrdoctor.fleet.run_page import run_page
from lrdoctor.fleet.sparks import levels
from lrdoctor.fleet.worker import Job, diagnose_files
from lrdoctor.readers._discover import RunFiles
from lrdoctor.readers._tails import Tail, Tails
from lrdoctor.reports._json_write import number
from lrdoctor.types import Array, Role, Severity, _freeze, _Value
from lrdoctor.verdict import LOG_QUALITY, Diagnosis, Finding, ReadFailure

_COMMIT_KEY = re.compile(
    r"(?:.*[./_-])?(?:(?:git_?)?(?:commit|sha|hash|rev|revision)(?:_?(?:hash|sha|id))?|code_version)"
)
_SCRIPT_KEY = re.compile(
    r"(?:.*[./_-])?(?:program|script|entry_?point|(?:main|train|code)_?(?:file|script))"
    r"(?:_?(?:file|path|name))?"
)
_SCRIPT = re.compile(r"[^\s/]{1,80}\.(?:py|sh|ipynb)")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_PAUSE = 20.0  # times the median interval between points: the run stood still
_SHORTEST_PAUSE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class FindingRecord(_Value):
    """A finding as it is stored; ``body`` is JSON: span, measured numbers, the fix."""

    fingerprint: str
    rule: str
    code: str
    severity: str
    message: str
    body: str


@dataclass(frozen=True, slots=True)
class RunRecord(_Value):
    """One diagnosed run. ``judged`` is whether it has an LR that a rule could be applied to;
    ``began`` in Unix seconds and ``seconds`` of training without pauses are
    None where the log has no times; ``wasted`` are those of them within warnings and errors.
    ``spark`` is its LR as ``sparks.levels`` writes it, ``script`` the file that the log says
    trained it, ``page`` its HTML page where wanted, which is not stored."""

    name: str
    project: str
    judged: bool
    last_step: int
    unit: str
    began: float | None
    seconds: float | None
    wasted: float | None
    commit: str
    findings: tuple[FindingRecord, ...]
    spark: str = ""
    script: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class LogTask(_Value):
    """A log to judge, what is known of its files from before, and since when (Unix seconds) a file
    must have changed for it to be worth remembering where its reading ended."""

    found: RunFiles
    tails: Mapping[str, Tail] = field(default_factory=dict)
    live_since: float = math.inf

    def __post_init__(self) -> None:
        _freeze(self, tails=self.tails)


@dataclass(frozen=True, slots=True)
class LogRecord(_Value):
    """What became of one log: its runs, or why there are none; ``size`` in bytes that were read,
    ``tails`` where its files can be read on."""

    runs: tuple[RunRecord, ...] = ()
    reason: str = ""
    size: int = 0
    tails: Mapping[str, Tail] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _freeze(self, tails=self.tails)


def judge_log(task: LogTask, job: Job, pages: bool = False) -> LogRecord:
    """Reads and diagnoses one log, in a worker, and makes ``pages`` of its runs with a fault; never
    raises."""
    found, tails = task.found, Tails(task.tails, since=task.live_since)
    size = sum(map(size_of, found.all_files))
    outcomes = diagnose_files(found, job, tails)
    runs = [d for d in outcomes if isinstance(d, Diagnosis)]
    failures = [f for f in outcomes if isinstance(f, ReadFailure)]
    reason = f"{failures[0].path}: {failures[0].reason}" if failures else ""
    kept = tuple(record_of(d, found) for d in runs)
    if pages:
        kept, reason = with_pages(kept, runs, job, reason)
    return LogRecord(kept, reason, size - tails.skipped, tails.kept)


def with_pages(
    kept: tuple[RunRecord, ...], runs: Sequence[Diagnosis], job: Job, reason: str
) -> tuple[tuple[RunRecord, ...], str]:
    """The records with the pages of their runs, and ``reason``, or why one could not be made."""
    try:
        pages = [run_page(diagnosis, job) for diagnosis in runs]
    except Exception as error:
        told = f"its page could not be made: {type(error).__name__} (a bug of ours)"
        return kept, reason or f"{kept[0].name}: {told}"
    return tuple(replace(r, page=page) for r, page in zip(kept, pages, strict=True)), reason


def record_of(diagnosis: Diagnosis, found: RunFiles) -> RunRecord:
    """The part of a diagnosis that is kept."""
    step, wall = _times(diagnosis)
    passed = _training_seconds(wall)
    return RunRecord(
        name=diagnosis.run,
        project=diagnosis.run.rpartition("/")[0] or Path(found.root).resolve().name,
        judged=diagnosis.judged and bool(diagnosis.roles.get(Role.LR)),
        last_step=diagnosis.last,
        unit=diagnosis.unit.value,
        began=float(wall[0]) if len(wall) else None,
        seconds=float(passed.sum()) if len(wall) else None,
        wasted=_wasted(diagnosis.findings, step, passed) if len(wall) else None,
        commit=_commit(diagnosis),
        findings=tuple(_finding(f, diagnosis) for f in diagnosis.findings),
        spark=_spark(diagnosis),
        script=_script(diagnosis),
    )


def job_digest(job: Job) -> str:
    """Hash of everything that changes a judgement: what has another one is judged anew."""
    parts = [
        __version__,
        job.rulebook.digest,
        sorted(job.roles.items()),
        sorted(job.expect.items()),
        sorted([s.rule, s.runs, s.reason] for s in job.suppressions),
        [job.replay, job.torch_check],
    ]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]


def _finding(finding: Finding, diagnosis: Diagnosis) -> FindingRecord:
    evidence, rule = finding.evidence, finding.rule
    fix = next((c for c in diagnosis.candidates if rule.code in c.answers), None)
    body = {
        "start": int(evidence.start),
        "stop": int(evidence.stop),
        "param_group": evidence.param_group,
        "tags": list(evidence.tags),
        "confidence": finding.confidence.value,
        "measured": {k: [number(q.value), q.unit] for k, q in evidence.measured.items()},
        "fix": fix.title if fix else "",
        "diff": fix.diff if fix else "",
    }
    return FindingRecord(
        finding.fingerprint,
        rule.name,
        rule.code,
        finding.severity.value,
        finding.message,
        json.dumps(body),
    )


def _commit(diagnosis: Diagnosis) -> str:
    for name, value in diagnosis.hparams.items():
        if not isinstance(value, str) or not _COMMIT_KEY.fullmatch(name.lower()):
            continue
        if _COMMIT.fullmatch(value.lower()):
            return value.lower()
    return ""


def _script(diagnosis: Diagnosis) -> str:
    for name, value in diagnosis.hparams.items():
        if isinstance(value, str) and _SCRIPT_KEY.fullmatch(name.lower()):
            script = value.replace("\\", "/").rpartition("/")[2]
            if _SCRIPT.fullmatch(script):
                return script
    return ""


def _spark(diagnosis: Diagnosis) -> str:
    found = (curve.series for curve in diagnosis.curves if curve.role is Role.LR)
    return next((levels(series) for series in found if len(series)), "")


def _times(diagnosis: Diagnosis) -> tuple[Array, Array]:
    """Step and Unix seconds of the points of the curve with most times; empty without any."""
    best: tuple[Array, Array] = (np.zeros(0), np.zeros(0))
    for series in (curve.series for curve in diagnosis.curves):
        if series.wall_time is None:
            continue
        finite = np.isfinite(series.wall_time)
        if np.count_nonzero(finite) > len(best[1]):
            best = series.step[finite].astype(np.float64), series.wall_time[finite]
    return best


def _training_seconds(wall: Array) -> Array:
    """``float64[n]``: seconds from each point to the next, without pauses and clocks set back."""
    passed = np.diff(wall).clip(0)
    if not len(passed):
        return np.zeros(len(wall))
    usual = float(np.median(passed))
    longest = max(_PAUSE * usual, _SHORTEST_PAUSE)
    return np.append(np.where(passed > longest, usual, passed), 0.0)


def _wasted(findings: Iterable[Finding], step: Array, passed: Array) -> float:
    inside = np.zeros(len(step), dtype=bool)
    for start, stop in _costly_spans(findings):
        inside |= (step >= start) & (step < stop)
    return float(passed[inside].sum())


def _costly_spans(findings: Iterable[Finding]) -> Iterator[tuple[int, int]]:
    for finding in findings:
        if finding.severity is not Severity.INFO and finding.rule.category != LOG_QUALITY:
            yield finding.evidence.start, finding.evidence.stop
