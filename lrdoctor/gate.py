"""What makes a build fail: the severity from which findings count, and the exit code."""

from __future__ import annotations

from collections.abc import Iterable

from lrdoctor.types import Role, Severity
from lrdoctor.verdict import Diagnosis, Finding, Report

NEVER = "never"
FAIL_ON = (*map(str, reversed(Severity)), NEVER)

PASSED, FAILED, NOTHING_READ = 0, 1, 3


def reaches(severity: Severity, fail_on: str) -> bool:
    """Whether a finding of this severity fails a build, unless it is suppressed or known."""
    return fail_on != NEVER and severity.rank >= Severity(fail_on).rank


def failing(report: Report) -> tuple[Finding, ...]:
    """The findings that fail a build, run by run."""
    found = (f for d in report.diagnoses for f in d.findings)
    return tuple(f for f in found if reaches(f.severity, report.fail_on))


def any_judged(diagnoses: Iterable[Diagnosis]) -> bool:
    """Whether a run has a learning rate that could be judged."""
    return any(d.roles.get(Role.LR) and d.judged for d in diagnoses)


def exit_code(report: Report, allow_empty: bool = False) -> int:
    """3 where no run has a learning rate that could be judged, since a green "nothing analysed"
    would mislead; else 1 for findings that fail the build, else 0."""
    if not any_judged(report.diagnoses) and not allow_empty:
        return NOTHING_READ
    return FAILED if failing(report) else PASSED
