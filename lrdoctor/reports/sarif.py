"""SARIF 2.1.0 (OASIS), for code scanning services and editors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from lrdoctor.reports._ci import (
    Item,
    advice,
    failure_text,
    is_of_the_site,
    items,
    log_file,
    message,
    note_text,
    run_name,
    totals,
    uri,
)
from lrdoctor.reports._format import one_line, visible
from lrdoctor.reports._prose import plain
from lrdoctor.reports._view import ReportView, all_rules, view
from lrdoctor.types import Severity
from lrdoctor.verdict import Report, Rule

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
Json = dict[str, Any]

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
# GitHub's names for what a finding costs; those for how rarely a rule is wrong are our own.
_PROBLEM = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
# Code scanning wants a line, and a log has none that would mean anything.
_REGION = {"startLine": 1}
_MOST_RESULTS = 25_000  # what code scanning takes of one run


@dataclass(frozen=True, slots=True)
class Sarif:
    """One SARIF run: every rule, every finding most costly first, suppressed ones with their
    justification; files that were not read and checks that failed are notifications."""

    name: ClassVar[str] = "sarif"
    suffix: ClassVar[str] = ".sarif"

    def render(self, report: Report) -> str:
        """The whole document, ASCII, ending in a newline."""
        seen = view(report)
        rules = all_rules(report)
        log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(seen, rules)]}
        return json.dumps(log, indent=2) + "\n"


def _run(seen: ReportView, rules: list[Rule]) -> Json:
    index = {rule.code: number for number, rule in enumerate(rules)}
    told = list(items(seen))
    has_baseline = seen.report.baseline is not None
    return {
        "tool": {
            "driver": {
                "name": "lrdoctor",
                "version": seen.report.version,
                "semanticVersion": seen.report.version,
                "rules": [_rule(rule) for rule in rules],
                "properties": {"rulebookDigest": seen.report.rulebook_digest},
            }
        },
        "invocations": [_invocation(seen, index, len(told) - _MOST_RESULTS)],
        "results": [
            _result(item, index[item.finding.rule.code], has_baseline)
            for item in told[:_MOST_RESULTS]
        ],
        "properties": {"verdict": seen.verdict, "counts": totals(seen)},
    }


def _rule(rule: Rule) -> Json:
    harmless = f"Harmless: {rule.harmless}" if rule.harmless else ""
    more = f"More: `lrdoctor explain {rule.code}`"
    help_text = [rule.why, harmless, *rule.references, more]
    text = "\n\n".join(visible(part) for part in help_text if part)
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": one_line(rule.title) or rule.name},
        "fullDescription": {"text": _first_sentence(plain(rule.why)) or rule.name},
        "help": {"text": plain(text), "markdown": text},
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
        "properties": {
            "tags": ["learning-rate", rule.category] if rule.category else ["learning-rate"],
            "precision": rule.confidence.value,
            "problem.severity": _PROBLEM[rule.severity],
        },
    }


def _first_sentence(text: str) -> str:
    """A sentence of our rules ends in a full stop before a blank."""
    head, stop, _ = one_line(text).partition(". ")
    return head + stop.rstrip()


def _result(item: Item, rule_index: int, has_baseline: bool) -> Json:
    finding, diagnosis = item.finding, item.diagnosis
    lines = [f"{run_name(diagnosis)}: {message(item)}", *advice(item)]
    result: Json = {
        "ruleId": finding.rule.code,
        "ruleIndex": rule_index,
        "level": _LEVEL[finding.severity],
        "message": {"text": "\n".join(lines)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(log_file(diagnosis))},
                    "region": _REGION,
                },
                "logicalLocations": _logical(item),
            }
        ],
        "partialFingerprints": {"lrdoctorFinding/v1": finding.fingerprint},
        "properties": {
            "run": one_line(diagnosis.run),
            "start": int(finding.evidence.start),
            "stop": int(finding.evidence.stop),
            "unit": diagnosis.unit.value,
            "confidence": finding.confidence.value,
        },
    }
    if has_baseline:
        result["baselineState"] = "unchanged" if item.is_known else "new"
    if item.accepted is not None:
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": item.accepted}
        ]
    return result


def _logical(item: Item) -> list[Json]:
    run = one_line(item.diagnosis.run)
    group = item.finding.evidence.param_group
    places = [{"name": run, "kind": "module"}]
    if group:
        places.append({"name": one_line(group), "kind": "member"})
    return places


def _invocation(seen: ReportView, index: dict[str, int], left_out: int) -> Json:
    report = seen.report
    about_logs = [note for note in report.notes if not is_of_the_site(note)]
    about_site = [note for note in report.notes if is_of_the_site(note)]
    execution = [
        *(_notification("warning", failure_text(failure)) for failure in report.unreadable),
        *_failed(seen, index),
        *(_notification("note", note_text(note)) for note in about_logs),
    ]
    if left_out > 0:
        text = f"{left_out:,} findings are left out here; the JSON report has them"
        execution.append(_notification("warning", text))
    return {
        "executionSuccessful": True,
        "arguments": [one_line(argument) for argument in report.arguments],
        "ruleConfigurationOverrides": list(_disabled(seen, index)),
        "toolExecutionNotifications": execution,
        "toolConfigurationNotifications": [
            _notification("warning", note_text(note)) for note in about_site
        ],
    }


def _notification(level: str, text: str) -> Json:
    return {"level": level, "message": {"text": text}}


def _failed(seen: ReportView, index: dict[str, int]) -> Iterator[Json]:
    """Checks that raised an error: the run was not judged by them."""
    for run in seen.runs:
        for result in run.failed:
            text = f"{run_name(run.diagnosis)}: {one_line(result.reason or 'the check failed')}"
            yield _notification("error", text) | {"associatedRule": _reference(result.rule, index)}


def _disabled(seen: ReportView, index: dict[str, int]) -> Iterator[Json]:
    """Rules that the configuration switched off, with the reason."""
    reasons = {
        r.rule.code: (r.rule, r.reason or "")
        for run in seen.runs
        for r in run.suppressed
        if r.finding is None
    }
    for rule, reason in reasons.values():
        yield {
            "configuration": {"enabled": False},
            "descriptor": _reference(rule, index),
            "properties": {"justification": one_line(reason)},
        }


def _reference(rule: Rule, index: dict[str, int]) -> Json:
    return {"id": rule.code, "index": index[rule.code]}
