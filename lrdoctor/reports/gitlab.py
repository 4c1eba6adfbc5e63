"""GitLab's code quality report: findings in the widget of a merge request."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

from lrdoctor.reports._ci import Item, advice, items, log_file, message, run_name
from lrdoctor.reports._view import view
from lrdoctor.types import Severity
from lrdoctor.verdict import Report

_SEVERITY = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


@dataclass(frozen=True, slots=True)
class Gitlab:
    """A list of findings. A suppressed one stays in it as information with its reason: were it
    left out, the widget would call it fixed."""

    name: ClassVar[str] = "gitlab"
    suffix: ClassVar[str] = "code-quality-report.json"

    def render(self, report: Report) -> str:
        """The whole document, ASCII, ending in a newline."""
        seen: Counter[str] = Counter()
        entries = [_entry(item, seen) for item in items(view(report))]
        return json.dumps(entries, indent=2) + "\n"


def _entry(item: Item, seen: Counter[str]) -> dict[str, Any]:
    finding = item.finding
    accepted = "" if item.accepted is None else f"Suppressed ({item.accepted}): "
    told = [f"{accepted}{run_name(item.diagnosis)}: {message(item)}", *advice(item)]
    severity = "info" if item.accepted is not None else _SEVERITY[finding.severity]
    return {
        "description": " ".join(told),
        "check_name": f"{finding.rule.code}-{finding.rule.name}",
        "fingerprint": _unique(finding.fingerprint, seen),
        "severity": severity,
        "location": {"path": log_file(item.diagnosis), "lines": {"begin": 1}},
    }


def _unique(fingerprint: str, seen: Counter[str]) -> str:
    """GitLab wants no fingerprint twice; runs whose names were cut to the same text share one."""
    seen[fingerprint] += 1
    if seen[fingerprint] == 1:
        return fingerprint
    return hashlib.sha256(f"{fingerprint}#{seen[fingerprint]}".encode()).hexdigest()
