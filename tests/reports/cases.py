"""Reports that the formats of CI servers are tried on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from lrdoctor.baseline import Baseline, Known, accept
from lrdoctor.types import Note
from lrdoctor.verdict import Report
from tests.reports.sample_report import late_peak, sample_report


def with_baseline() -> Report:
    """The sample report whose error was known before, and one entry that no longer holds."""
    (finding,) = late_peak().findings
    known = Known(
        "exp1/onecycle", finding.rule.name, finding.fingerprint, "2026-01-31", "being rewritten"
    )
    gone = replace(known, run="exp2/cosine", fingerprint="f" * 64)
    return accept(sample_report(), Baseline("known.json", (known, gone)), date(2026, 2, 1))


def many_findings(runs: int) -> Report:
    """A report with one error in each of so many runs, each with a fingerprint of its own."""
    run = late_peak()
    result, *rest = run.results
    assert result.finding is not None
    made = []
    for number in range(runs):
        finding = replace(result.finding, fingerprint=f"{number:064x}")
        made.append(
            replace(run, run=f"run{number}", results=(replace(result, finding=finding), *rest))
        )
    return replace(sample_report(), diagnoses=tuple(made))


def empty() -> Report:
    """Nothing was found to read."""
    report = sample_report()
    notes = (Note("idle-suppression", "the suppression of LRD401 for runs '*' matches no finding"),)
    return replace(report, diagnoses=(), unreadable=(), notes=notes)
