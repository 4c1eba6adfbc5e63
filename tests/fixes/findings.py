"""Findings made by hand, so that fixes are tested apart from detectors."""

from __future__ import annotations

from lrdoctor.plugins import discover
from lrdoctor.types import Case, Confidence, Quantity, Severity
from lrdoctor.verdict import Candidate, Evidence, Finding, Rule


def a_finding(
    start: int = 0,
    stop: int = 1,
    code: str = "LRD999",
    param_group: str | None = None,
    **measured: float,
) -> Finding:
    """A finding over ``[start, stop)`` with these measures."""
    rule = Rule(
        code=code,
        name="fault",
        category="test",
        title="A fault",
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        detector="none",
        message="",
        why="",
        harmless="",
        fixes=(),
        references=(),
        thresholds={},
    )
    evidence = Evidence(
        start=start,
        stop=stop,
        tags=(),
        measured={name: Quantity(value, "") for name, value in measured.items()},
        param_group=param_group,
    )
    return Finding(rule, evidence, "", rule.severity, rule.confidence, "0")


def propose(fix: str, case: Case, finding: Finding) -> list[Candidate]:
    """What the fix of this name proposes."""
    return list(discover("fixes")[fix]().propose(case, finding))
