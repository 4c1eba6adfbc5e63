from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lrdoctor.reports._templates import fence
from lrdoctor.reports.markdown import Markdown
from lrdoctor.types import Note
from lrdoctor.verdict import ReadFailure
from tests.reports.hostile import NAMES, hostile_report
from tests.reports.sample_report import late_peak, sample_report


def outside_fences(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)


def test_verdict_and_table_come_first() -> None:
    lines = Markdown().render(sample_report()).splitlines()
    assert lines[0] == "## lrdoctor: 2 of 5 runs have a learning-rate fault."
    assert "Set pct\\_start to 0.2" in lines[2]
    assert lines[6] == "| | Run | Findings | Checks made |"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_stay_text(name: str) -> None:
    text = outside_fences(Markdown().render(hostile_report(name)))
    assert not re.search(r"<(?!!-- -->)", text)
    assert not re.search(r"(?<!\\)\[a\]", text)
    assert "@everyone" not in text
    assert not re.search(r"^::", text, flags=re.MULTILINE)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)


def test_fence_is_longer_than_any_within() -> None:
    assert fence("a\n````\nb", "diff") == "`````diff\na\n````\nb\n`````"


def test_large_report_stays_below_what_a_job_summary_takes() -> None:
    run = late_peak()
    runs = tuple(replace(run, run=f"{'x' * 300}{i}") for i in range(2000))
    text = Markdown().render(replace(sample_report(), diagnoses=runs))
    assert len(text.encode()) < 900_000
    assert "1800 more runs are in the JSON and HTML reports." in text
    assert "1950 more findings are in the JSON and HTML reports." in text


@pytest.mark.parametrize("limit", [900_000, 20_000, 2_000, 700])
def test_no_limit_is_passed_however_long_messages_are(limit: int) -> None:
    run = late_peak()
    result, *rest = run.results
    assert result.finding is not None
    long = replace(result, finding=replace(result.finding, message="x " * 100_000))
    runs = tuple(replace(run, run=f"run{i}", results=(long, *rest)) for i in range(80))
    text = Markdown(limit=limit).render(replace(sample_report(), diagnoses=runs))
    assert text.startswith("## lrdoctor: 80 of 80 runs have a learning-rate fault.")
    assert len(text.encode()) <= limit


def test_nothing_is_written_where_nothing_fits() -> None:
    assert Markdown(limit=100).render(sample_report()) == ""


def test_suppressed_findings_are_listed_with_their_reason() -> None:
    _, section = Markdown().render(sample_report()).split("\n### Suppressed\n\n")
    assert section.startswith("- exp1/multistep: LRD301 decay-too-fast: short run, accepted by")


def test_what_is_left_out_and_how_logs_were_read_is_said() -> None:
    failures = tuple(ReadFailure(f"a/{i}.csv", "empty") for i in range(203))
    notes = (Note("passed-over", "2 broken links: a, b", "a/b"),)
    text = Markdown().render(replace(sample_report(), unreadable=failures, notes=notes))
    assert "\n- and 3 more, all in the JSON and HTML reports\n" in text
    assert "\n- 2 broken links: a, b (a/b)\n" in text
