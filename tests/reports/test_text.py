from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lrdoctor.reports._format import cells
from lrdoctor.reports.text import Text
from lrdoctor.types import Note
from lrdoctor.verdict import Report
from tests.reports.hostile import NAMES, hostile_report
from tests.reports.sample_report import healthy, late_peak, sample_report

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def test_first_screen_says_what_to_change_in_which_run() -> None:
    screen = "\n".join(Text().render(sample_report()).splitlines()[:24])
    assert screen.startswith("2 of 5 runs have a learning-rate fault.")
    assert "Start with exp1/onecycle: Set pct_start to 0.2" in screen
    assert "LRD201 onecycle-peak-misplaced" in screen
    assert "+    pct_start=0.2," in screen
    assert "Dry run: resolves LRD201, introduces nothing." in screen


def test_most_costly_finding_comes_first_and_effects_under_their_cause() -> None:
    text = Text().render(sample_report())
    places = [text.index(t) for t in ("1. ERROR LRD201", "2. WARNING LRD401", "● LRD402 plateau")]
    assert places == sorted(places)
    assert "Explains LRD402 plateau-never-reduced" in text[places[1] : places[2]]


def test_last_line_accounts_for_everything() -> None:
    last = " ".join(Text().render(sample_report()).splitlines()[-2:])
    assert last == (
        "files found 8 · runs read 5 · judged 4 · not judgeable 1 · not read 1 · checks "
        "failed 1 · suppressed 1"
    )


def test_what_was_not_judged_or_read_is_said() -> None:
    text = " ".join(Text().render(sample_report()).split())
    assert "Not judged: exp3/no-lr: the log has no learning rate" in text
    assert "Not read: exp3/broken.csv: not text: byte 0x00 at offset 3" in text
    assert "Check failed: exp1/multistep: LRD601" in text
    assert "1 healthy run: exp2/cosine" in text


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("verbose", [False, True])
def test_lines_fit_the_terminal(width: int, verbose: bool) -> None:
    for line in Text(width=width, verbose=verbose).render(sample_report()).splitlines():
        assert cells(line) <= width, line


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_neither_break_lines_nor_reach_the_terminal(name: str) -> None:
    text = Text(verbose=True).render(hostile_report(name))
    text.encode("utf-8")
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text
    )
    for line in text.splitlines():
        assert cells(line) <= 80, line
        assert not line.startswith("::")


def test_colour_changes_nothing_but_colour() -> None:
    coloured = Text(color=True).render(sample_report())
    assert ANSI.search(coloured)
    assert ANSI.sub("", coloured) == Text().render(sample_report())


def test_quiet_is_one_line_per_finding() -> None:
    lines = Text(quiet=True).render(sample_report()).splitlines()
    assert len(lines) == 3  # what a finding explains is no finding
    assert lines[1] == (
        "exp1/multistep:4500: LRD401 loss-jump-at-lr-drop: "
        "training loss rises from 0.672 to 1.143 at batch 4,500"
    )


def test_quiet_says_nothing_where_nothing_was_found() -> None:
    assert Text(quiet=True).render(replace(sample_report(), diagnoses=(healthy(),))) == ""


def test_verbose_adds_evidence_and_every_check() -> None:
    text = " ".join(Text(verbose=True).render(sample_report()).split())
    assert "Measured: peak epoch 27 epochs, expected epoch 18 epochs, ratio 1.5" in text
    assert "Thresholds: tolerance 0.02 of the run" in text
    assert "passed LRD301 decay-too-fast, LRD401 loss-jump-at-lr-drop" in text
    assert "not judged LRD201 onecycle-peak-misplaced: the schedule is not one-cycle" in text
    assert "suppressed LRD301 decay-too-fast: short run" in text


def test_clean_report_says_how_much_was_looked_at() -> None:
    report = replace(sample_report(), diagnoses=(healthy(), healthy()), unreadable=())
    assert Text().render(report).startswith("No learning-rate fault in 2 runs.")


def test_nothing_found_to_analyse() -> None:
    assert "Nothing was analysed: no run found." in Text().render(
        Report((), (), "0.1.0", "sha256:0", (), ())
    )


def test_many_findings_stay_readable_and_none_is_dropped() -> None:
    run = late_peak()
    runs = tuple(replace(run, run=f"run{i:03}") for i in range(60))
    text = Text().render(replace(sample_report(), diagnoses=runs))
    assert text.count("LRD201 onecycle-peak-misplaced") == 60
    assert text.count("+    pct_start=0.2,") == 5
    assert "Plots and diffs from finding 6 on: -v, or --report FILE.html" in text
    assert "and 20 more, all of them in the other formats" in text


def test_longer_span_of_equal_findings_comes_first() -> None:
    def run(name: str, stop: int) -> object:
        base = late_peak()
        result = base.results[0]
        assert result.finding is not None
        evidence = replace(result.finding.evidence, stop=stop)
        changed = replace(result, finding=replace(result.finding, evidence=evidence))
        return replace(base, run=name, results=(changed,))

    report = replace(sample_report(), diagnoses=(run("short", 2000), run("long", 8000)))
    assert "Start with long" in Text().render(report)


def test_severity_beats_span() -> None:
    quiet = Text(quiet=True).render(sample_report()).splitlines()
    assert quiet[0].startswith("exp1/onecycle")


def test_clean_verdict_does_not_hide_what_was_not_looked_at() -> None:
    text = Text().render(replace(sample_report(), diagnoses=(healthy(),)))
    assert text.startswith("No learning-rate fault in 1 run; 1 more could not be read or judged.")


def test_notes_are_told_or_counted() -> None:
    report = replace(sample_report(), notes=(Note("passed-over", "2 broken links: a, b"),))
    text = Text().render(report)
    assert "\nNote: 2 broken links: a, b\n" in text
    kept = sum(len(d.notes) for d in report.diagnoses)
    assert kept and f"\n{kept} note{'s' * (kept > 1)} on how logs were read: -v" in text
    assert "on how logs were read" not in Text(verbose=True).render(report)


def test_loss_is_plotted_where_it_is_the_fault_and_nothing_corrects_it() -> None:
    run = late_peak()
    result, *rest = run.results
    assert result.finding is not None
    evidence = replace(result.finding.evidence, tags=("train/loss",))
    found = replace(result, finding=replace(result.finding, evidence=evidence))
    report = replace(
        sample_report(), diagnoses=(replace(run, results=(found, *rest), candidates=()),)
    )
    assert "⠤ train/loss (linear axis) ━ where" in Text().render(report)
    assert "⠤ lr/head (linear axis)" in Text().render(sample_report())
