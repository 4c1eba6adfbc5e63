"""The fields that GitLab documents for its code quality report."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lrdoctor.reports.gitlab import Gitlab
from lrdoctor.verdict import Report
from tests.reports.cases import empty, with_baseline
from tests.reports.hostile import NAMES, hostile_report
from tests.reports.sample_report import sample_report

SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def entries(report: Report) -> list[Any]:
    """The entries, each of which must have GitLab's fields and a fingerprint of its own."""
    text = Gitlab().render(report)
    assert text.isascii()  # and so without a byte order mark
    found = json.loads(text)
    for entry in found:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["description"].strip() and "\n" not in entry["description"]
        assert re.fullmatch(r"LRD\d{3}-[a-z0-9-]+", entry["check_name"])
        assert entry["severity"] in SEVERITIES
        assert not entry["location"]["path"].startswith("./")
        assert entry["location"]["lines"] == {"begin": 1}
    assert len({entry["fingerprint"] for entry in found}) == len(found)
    return list(found)


def test_severities() -> None:
    assert [e["severity"] for e in entries(sample_report())] == [
        "critical",
        "major",
        "info",
        "info",
    ]


def test_suppressed_finding_stays_with_its_reason() -> None:
    last = entries(sample_report())[-1]
    assert last["description"].startswith("Suppressed (short run, accepted by the team")
    (known,) = [e for e in entries(with_baseline()) if e["check_name"].startswith("LRD201")]
    assert known["severity"] == "info" and "known since 2026-01-31" in known["description"]


def test_fingerprint_does_not_depend_on_suppression() -> None:
    def prints(report: Report) -> set[str]:
        return {entry["fingerprint"] for entry in entries(report)}

    assert prints(sample_report()) == prints(with_baseline())


def test_two_findings_with_one_fingerprint_get_two() -> None:
    report = sample_report()
    doubled = Report(
        (*report.diagnoses, *report.diagnoses), (), "0.1.0", "sha256:0", (), report.rules
    )
    assert len(entries(doubled)) == 2 * len(entries(report))


def test_nothing_found_is_an_empty_list() -> None:
    assert entries(empty()) == []


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_stay_text(name: str) -> None:
    for entry in entries(hostile_report(name)):
        assert entry["description"].isprintable()
        assert entry["location"]["path"].isprintable()
