"""Values of judgement: rules, evidence, findings, candidates, the diagnosis and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from lrdoctor.types import (
    Array,
    ClockUnit,
    Confidence,
    Note,
    Quantity,
    Restart,
    Role,
    Scalar,
    Schedule,
    Series,
    Severity,
    Status,
    _freeze,
    _Value,
)

# The category of rules about what was logged, not about how training went.
LOG_QUALITY = "log-quality"


@dataclass(frozen=True, slots=True)
class Threshold(_Value):
    """A number a detector compares with; ``source`` says where it comes from."""

    value: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Rule(_Value):
    """The text and numbers of one rule file, complete and checked at load.

    ``explained_by`` names the rules whose finding makes one of this rule an effect.
    """

    code: str
    name: str
    category: str
    title: str
    severity: Severity
    confidence: Confidence
    detector: str
    message: str
    why: str
    harmless: str
    fixes: tuple[str, ...]
    references: tuple[str, ...]
    thresholds: Mapping[str, Threshold]
    fires: str = ""
    quiet: str = ""
    explained_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _freeze(self, thresholds=self.thresholds)


@dataclass(frozen=True, slots=True)
class Evidence(_Value):
    """What a detector measured over ``[start, stop)``.

    ``detail`` is free text for the message's ``{detail}``: every number in it is in ``measured``.
    ``revision`` is what would change our mind. ``severity`` and ``confidence`` replace the rule's
    where the detector knows better (structure without damage, two independent symptoms).
    """

    start: int
    stop: int
    tags: tuple[str, ...]
    measured: Mapping[str, Quantity]
    param_group: str | None = None
    detail: str = ""
    revision: str = ""
    severity: Severity | None = None
    confidence: Confidence | None = None

    def __post_init__(self) -> None:
        _freeze(self, measured=self.measured)


@dataclass(frozen=True, slots=True)
class Unjudged(_Value):
    """A detector that cannot judge this case says why and what would decide."""

    reason: str


Judgement: TypeAlias = Evidence | Unjudged


@dataclass(frozen=True, slots=True)
class Finding(_Value):
    """A rule and the evidence that made it fire; ``cause`` is the code that explains it away."""

    rule: Rule
    evidence: Evidence
    message: str
    severity: Severity
    confidence: Confidence
    fingerprint: str
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class RuleResult(_Value):
    """One rule on one run: one entry per finding, or one that says why there is none.

    ``known_since`` is the ISO date from which the baseline has the finding, which then is
    suppressed; None for any other.
    """

    rule: Rule
    status: Status
    finding: Finding | None = None
    reason: str | None = None
    traceback: str | None = None
    known_since: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Band(_Value):
    """A predicted or measured loss over ``step`` with its interval: float64[n] each, n >= 1."""

    step: Array
    loss: Array
    low: Array
    high: Array

    def __post_init__(self) -> None:
        names = ("step", "loss", "low", "high")
        columns = {name: np.array(getattr(self, name), dtype=np.float64) for name in names}
        if len({len(column) for column in columns.values()}) != 1:
            raise ValueError("the columns of a loss band must be of one length")
        _freeze(self, **columns)

    def rounded(self) -> Band:
        """The same to five digits: it is drawn, not computed with, and saved as it is drawn."""
        columns = (self.step, self.loss, self.low, self.high)
        return Band(*(np.array([float(f"{v:.5g}") for v in column]) for column in columns))


@dataclass(frozen=True, slots=True)
class Outcome(_Value):
    """What one replay level says about a candidate; never without its assumptions.

    ``level`` is dry_run, law, proxy or user. ``interval`` bounds the candidate's loss,
    ``gain_interval`` the loss saved against the baseline (positive is better), ``band`` the
    candidate's loss over the steps of the logged run. ``probe`` is code whose short training would
    turn a range into a number. ``verdict`` of a training is "better", "worse" or "no effect".
    """

    level: str
    assumptions: tuple[str, ...]
    grade: str | None = None
    refused: str | None = None
    baseline_loss: float | None = None
    loss: float | None = None
    interval: tuple[float, float] | None = None
    gain_interval: tuple[float, float] | None = None
    seeds: int | None = None
    device: str | None = None
    seconds: float | None = None
    band: Band | None = None
    probe: str = ""
    verdict: str | None = None


@dataclass(frozen=True, slots=True)
class Curve(_Value):
    """A series as a report shows it, at most 2,000 points, every extreme kept."""

    role: Role
    tag: str
    series: Series
    param_group: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate(_Value):
    """A complete corrected schedule per param group, not advice.

    ``answers`` are the rule codes it was made for, ``curves`` the corrected LR per param group at
    the logged steps, ``diff`` the change in PyTorch terms (unified diff), ``code`` the constructor
    calls by framework. ``resolves`` and ``introduces`` are rule codes after the dry run.
    """

    fix: str
    title: str
    answers: tuple[str, ...]
    disposition: str  # "safe" | "review"
    schedules: Mapping[str, Schedule]
    curves: tuple[Curve, ...] = ()
    diff: str = ""
    code: Mapping[str, str] = field(default_factory=dict)
    resolves: tuple[str, ...] = ()
    introduces: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    def __post_init__(self) -> None:
        _freeze(self, schedules=self.schedules, code=self.code)


@dataclass(frozen=True, slots=True)
class GroupSchedule(_Value):
    """A recovered schedule with the param group it belongs to and the code that makes it."""

    param_group: str
    tag: str
    schedule: Schedule
    code: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _freeze(self, code=self.code)


@dataclass(frozen=True, slots=True)
class Diagnosis(_Value):
    """All that is known about one run after judgement: small, picklable, JSON both ways."""

    run: str
    files: tuple[str, ...]
    format: str
    first: int
    last: int
    unit: ClockUnit
    steps_per_epoch: float | None
    planned: int | None
    finished: bool | None
    roles: Mapping[Role, tuple[str, ...]]
    restarts: tuple[Restart, ...]
    schedules: tuple[GroupSchedule, ...]
    results: tuple[RuleResult, ...]
    candidates: tuple[Candidate, ...] = ()
    curves: tuple[Curve, ...] = ()
    hparams: Mapping[str, Scalar] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        _freeze(self, roles=self.roles, hparams=self.hparams)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found and not suppressed, most severe first, then by step."""
        found = [r.finding for r in self.results if r.status is Status.FOUND and r.finding]
        return tuple(sorted(found, key=lambda f: (-f.severity.rank, f.evidence.start)))

    @property
    def effects(self) -> tuple[Finding, ...]:
        """What another finding explains, by step."""
        explained = [r.finding for r in self.results if r.finding and r.finding.cause]
        return tuple(sorted(explained, key=lambda f: f.evidence.start))

    @property
    def judged(self) -> bool:
        """Whether at least one rule could be applied; one about the log itself judges no run."""
        return any(
            r.status in (Status.PASSED, Status.FOUND, Status.SUPPRESSED)
            for r in self.results
            if r.rule.category != LOG_QUALITY
        )


@dataclass(frozen=True, slots=True)
class Suppression(_Value):
    """A finding the user has accepted: rule name or code, glob of runs, and the reason why.

    ``until`` is the ISO date from which it no longer holds.
    """

    rule: str
    reason: str
    runs: str = "*"
    until: str | None = None

    @property
    def told(self) -> str:
        """The reason as reports give it, with the end where there is one."""
        return self.reason if self.until is None else f"{self.reason} (until {self.until})"


@dataclass(frozen=True, slots=True)
class ReadFailure(_Value):
    """A file or run that could not be read or diagnosed, and why, in one line."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report(_Value):
    """Everything a renderer sees: the diagnoses of one command and what it could not read.

    ``fail_on`` is the severity from which a finding fails a build, or "never"; ``baseline`` the
    file of known findings that was taken into account.
    """

    diagnoses: tuple[Diagnosis, ...]
    unreadable: tuple[ReadFailure, ...]
    version: str
    rulebook_digest: str
    arguments: tuple[str, ...]
    rules: tuple[Rule, ...]
    files_found: int = 0
    notes: tuple[Note, ...] = ()
    fail_on: str = str(Severity.ERROR)
    baseline: str | None = None
