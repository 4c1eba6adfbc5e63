"""What lrdoctor says about one trial."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy.trials import Trial
from lrdoctor.api import analyze
from lrdoctor.types import Severity
from lrdoctor.verdict import Finding

# A finding is at the right place when it begins within this share of the run of the true one.
NEAR = 0.05


@dataclass(frozen=True)
class Verdict:
    """``findings`` of one trial, ``effects`` that another finding explains; ``resolved``: a
    candidate passed the dry run; ``last``: the end of the log on its own x axis."""

    trial: Trial
    findings: tuple[Finding, ...]
    effects: tuple[Finding, ...]
    resolved: bool
    last: int
    problem: str = ""

    def named(self, code: str, also: tuple[str, ...] = ()) -> Finding | None:
        """The first finding of ``code``; as an effect where a code of ``also`` explains it."""
        own = [f for f in self.findings if f.rule.code == code]
        own += [f for f in self.effects if f.rule.code == code and f.cause in also]
        return min(own, key=lambda f: -f.severity.rank, default=None)

    def hit(self, code: str, also: tuple[str, ...] = ()) -> bool:
        """Whether the fault is named aloud: as a warning or error, or by a rule that only notes."""
        found = self.named(code, also)
        return found is not None and (is_loud(found) or found.rule.severity is Severity.INFO)

    @property
    def loud(self) -> tuple[Finding, ...]:
        """Findings that a healthy run must not have."""
        return tuple(filter(is_loud, self.findings))

    @property
    def located(self) -> bool:
        """Whether the finding begins where the fault does."""
        found, start = self.named(self.trial.code, self.trial.also), self.trial.start
        if found is None or start is None:
            return found is not None
        return abs(found.evidence.start / self.last - start / self.trial.length) <= NEAR


def is_loud(finding: Finding) -> bool:
    """Whether a finding is a warning or an error."""
    return finding.severity.rank >= Severity.WARNING.rank


def judge(trial: Trial, folder: Path) -> Verdict:
    """Analyses the log of one trial as ``lrdoctor analyze`` does."""
    report = analyze(folder / trial.name)
    problems = [f"{f.path}: {f.reason}" for f in report.unreadable]
    problems += [
        f"{r.rule.code} {r.reason}"
        for d in report.diagnoses
        for r in d.results
        if r.traceback is not None
    ]
    if len(report.diagnoses) != 1:
        problems.append(f"{len(report.diagnoses)} runs in one log")
    resolved = any(
        trial.code in c.resolves and not c.introduces
        for d in report.diagnoses
        for c in d.candidates
    )
    last = max((d.last for d in report.diagnoses), default=1)
    return Verdict(
        trial,
        tuple(f for d in report.diagnoses for f in d.findings),
        tuple(f for d in report.diagnoses for f in d.effects),
        resolved,
        max(last, 1),
        "; ".join(problems),
    )
