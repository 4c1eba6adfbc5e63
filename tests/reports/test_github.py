"""Annotations as a runner of GitHub Actions parses them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lrdoctor.reports.github import Github
from lrdoctor.verdict import Report
from tests.reports.cases import empty, many_findings, with_baseline
from tests.reports.hostile import NAMES, hostile_report
from tests.reports.sample_report import healthy, late_peak, sample_report


def commands(report: Report) -> list[tuple[str, dict[str, str], str]]:
    """Name, properties and message of each command, unescaped as the runner does it."""
    found = []
    for line in Github().render(report).splitlines():
        match = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
        if match is None:
            assert not line.lstrip().startswith("::") and "##[" not in line
            continue
        pairs = (part.partition("=") for part in match[2].split(","))
        found.append((match[1], {k: _plain(v) for k, _, v in pairs}, _plain(match[3])))
    return found


def _plain(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def test_a_command_per_finding_most_costly_first() -> None:
    told = commands(sample_report())
    assert [name for name, _, _ in told] == ["error", "warning", "notice"]
    assert told[0][1] == {
        "file": "exp1/onecycle/events.out.tfevents.1700000000.host",
        "title": "LRD201 onecycle-peak-misplaced",
    }
    assert told[0][2].startswith("exp1/onecycle: The LR peaks at epoch 27")


def test_suppressed_and_known_findings_are_not_annotated() -> None:
    assert "LRD301" not in Github().render(sample_report())
    assert [name for name, _, _ in commands(with_baseline())] == ["warning", "notice"]


def test_only_ten_then_how_many_more() -> None:
    report = many_findings(23)
    assert len(commands(report)) == 10
    last = Github().render(report).splitlines()[-1]
    assert last.startswith("lrdoctor: 23 of 23 runs have a learning-rate fault. 13 more findings")


def test_last_line_counts_what_is_suppressed() -> None:
    assert Github().render(with_baseline()).endswith("1 suppressed, 1 known before)\n")


def test_healthy_runs_give_no_command() -> None:
    assert commands(replace(sample_report(), diagnoses=(healthy(),))) == []


def test_nothing_to_judge_is_said() -> None:
    verdict = "Nothing was analysed: no run found."
    assert commands(empty()) == [("warning", {"title": "lrdoctor"}, verdict)]


def test_marks_of_the_command_are_escaped() -> None:
    run = replace(late_peak(), run="50% of a,b:c", files=("50% of a,b:c",))
    line = Github().render(replace(sample_report(), diagnoses=(run,))).splitlines()[0]
    assert line.startswith("::error file=50%25 of a%2Cb%3Ac,title=LRD201 ")
    assert "::50%25 of a,b:c: The LR" in line


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_give_no_further_command(name: str) -> None:
    report = hostile_report(name)
    ((command, properties, _),) = commands(report)
    assert command == "error" and set(properties) == {"file", "title"}
