from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.api import analyze
from lrdoctor.baseline import (
    Baseline,
    Known,
    accept,
    accept_in,
    baseline_text,
    extended,
    in_force,
    listed,
    missing,
    parse_baseline,
    read_baseline,
    stale,
)
from lrdoctor.errors import ConfigError
from lrdoctor.gate import exit_code
from lrdoctor.readers._load import display_name
from lrdoctor.reports._view import view
from lrdoctor.reports.json_v1 import JsonV1, read_json
from lrdoctor.types import Status
from lrdoctor.verdict import Diagnosis, Report
from tests.reports.cases import with_baseline
from tests.reports.hostile import NAMES
from tests.reports.sample_report import late_peak, loss_jump, sample_report

TODAY = date(2026, 6, 1)
SAMPLES = Path(__file__).parent.parent / "sample_runs"


def written(report: Report) -> tuple[Known, ...]:
    """The entries of a baseline made from the report."""
    return extended((), report, TODAY, "known")


def test_known_findings_do_not_fail_and_new_ones_do() -> None:
    report = replace(sample_report(), fail_on="info")
    known = written(report)
    assert exit_code(accept(report, Baseline("b", known), TODAY)) == 0
    but_one = tuple(e for e in known if e.rule != "loss-jump-at-lr-drop")
    changed = accept(report, Baseline("b", but_one), TODAY)
    assert exit_code(changed) == 1
    assert [f.rule.code for d in changed.diagnoses for f in d.findings] == ["LRD401"]


def test_known_findings_alone_get_no_corrections_and_no_trainings() -> None:
    known = in_force(Baseline("b", written(sample_report())), TODAY)
    run = late_peak()
    assert run.candidates and accept_in(run, known).candidates == ()
    jump = loss_jump()
    one = {k: e for k, e in known.items() if e.rule != "loss-jump-at-lr-drop"}
    assert accept_in(jump, one) is jump and jump.candidates


def test_analysis_trains_for_new_findings_only() -> None:
    asked: list[str] = []

    def trainer(case: object, diagnosis: Diagnosis, told: object) -> tuple[Diagnosis, bool]:
        asked.append(diagnosis.run)
        return diagnosis, False

    sick = [str(SAMPLES / name) for name in ("step-per-batch", "decay-too-fast")]
    first = analyze(sick, trainer=trainer)
    assert sorted(asked) == sorted(d.run for d in first.diagnoses)
    known = tuple(e for e in written(first) if e.rule == "decay-too-fast")
    asked.clear()
    again = analyze(sick, trainer=trainer, baseline=Baseline("b", known))
    assert len(asked) == 1 and "step-per-batch" in asked[0]
    assert again.baseline == "b" and exit_code(again) == 1


def test_steps_and_values_do_not_matter() -> None:
    run = late_peak()
    (first, *rest) = run.results
    assert first.finding is not None
    moved = replace(first.finding.evidence, start=7, stop=9, measured={})
    later = replace(first, finding=replace(first.finding, evidence=moved, message="other words"))
    report = replace(sample_report(), diagnoses=(replace(run, results=(later, *rest)),))
    assert exit_code(accept(report, Baseline("b", written(sample_report())), TODAY)) == 0


def test_suppressed_and_explained_findings_are_not_written() -> None:
    assert sorted(e.rule for e in written(sample_report())) == [
        "loss-jump-at-lr-drop", "onecycle-peak-misplaced", "plateau-never-reduced",
    ]  # fmt: skip


def test_entries_keep_their_date_and_reason() -> None:
    old = (replace(written(sample_report())[0], first_seen="2020-01-01", reason="long ago"),)
    again = extended(old, sample_report(), TODAY, "new")
    assert again[0] == old[0]
    assert {e.first_seen for e in again[1:]} == {"2026-06-01"}
    assert extended(again, sample_report(), TODAY, "x") == again


def test_findings_that_another_baseline_knew_are_written_too() -> None:
    assert len(extended((), with_baseline(), TODAY, "known")) == 3


def test_entry_that_ended_counts_as_new_is_said_and_written_afresh() -> None:
    over = tuple(replace(e, until="2026-06-01") for e in written(sample_report()))
    report = accept(sample_report(), Baseline("b.json", over), TODAY)
    assert exit_code(report) == 1
    (note,) = [n for n in report.notes if n.kind == "expired-baseline"]
    assert note.file == "b.json" and "loss-jump-at-lr-drop in exp1/multistep" in note.message
    renewed = extended(over, sample_report(), TODAY, "again")
    assert {(e.reason, e.until) for e in renewed} == {("again", None)}
    still = tuple(replace(e, until="2026-06-02") for e in over)
    kept = accept(sample_report(), Baseline("b", still), TODAY)
    assert exit_code(kept) == 0
    (reason, *_) = [r.reason for d in kept.diagnoses for r in d.results if r.known_since]
    assert reason == "known since 2026-06-01: known (until 2026-06-02)"


def test_stale_is_what_was_judged_and_is_gone() -> None:
    base = Known("exp2/cosine", "onecycle-peak-misplaced", "0" * 64, "2026-01-01", "x")
    unjudged = replace(base, run="exp3/no-lr")
    absent = replace(base, run="elsewhere")
    ruleless = replace(unjudged, rule="a-rule-of-old")
    entries = (base, unjudged, absent, ruleless)
    assert stale(entries, sample_report()) == (base, ruleless)
    assert missing(entries, sample_report()) == (absent,)
    assert stale(written(sample_report()), with_baseline()) == ()


def test_stale_entries_and_a_baseline_of_other_paths_are_reported() -> None:
    (note,) = [n for n in with_baseline().notes if n.kind == "stale-baseline"]
    assert "onecycle-peak-misplaced in exp2/cosine" in note.message and note.file == "known.json"
    elsewhere = tuple(replace(e, run=f"runs/{e.run}") for e in written(sample_report()))
    report = accept(sample_report(), Baseline("b", elsewhere), TODAY)
    assert report.notes[-1].kind == "unused-baseline"


def test_counts_tell_new_known_and_suppressed_apart() -> None:
    counts = view(with_baseline()).counts
    assert (counts.findings, counts.known, counts.suppressed) == (2, 1, 1)
    assert view(sample_report()).counts.known is None
    assert view(with_baseline()).verdict == (
        "1 of 5 runs has a new learning-rate fault; 1 finding known before."
    )
    assert {run.name: run.state for run in view(with_baseline()).runs}["exp1/onecycle"] == (
        "suppressed"
    )


def test_saved_report_keeps_what_the_baseline_did() -> None:
    text = JsonV1().render(with_baseline())
    again = read_json(text)
    assert again.baseline == "known.json" and JsonV1().render(again) == text
    (known,) = [r for d in again.diagnoses for r in d.results if r.known_since]
    assert (known.status, known.known_since) == (Status.SUPPRESSED, "2026-01-31")


def test_long_lists_are_cut() -> None:
    entry = written(sample_report())[0]
    assert listed((entry,) * 5).endswith("exp1/onecycle and 2 more")


PRINTABLE = st.text(max_size=12).map(display_name)
ENTRIES = st.builds(
    Known,
    run=PRINTABLE,
    rule=PRINTABLE,
    fingerprint=PRINTABLE,
    first_seen=st.dates().map(date.isoformat),
    reason=PRINTABLE.map(lambda text: text.strip() or "why"),
    until=st.none() | st.dates().map(date.isoformat),
)


@settings(deadline=None, max_examples=50)
@given(st.lists(ENTRIES, max_size=4))
def test_file_reads_back_sorted(entries: list[Known]) -> None:
    again = parse_baseline(baseline_text(entries), "b.json").entries
    assert sorted(map(repr, again)) == sorted(map(repr, entries))
    assert [(e.run, e.rule) for e in again] == sorted((e.run, e.rule) for e in again)
    assert baseline_text(reversed(again)) == baseline_text(again)


GOOD = json.loads(baseline_text(written(sample_report())))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, 'not a baseline of lrdoctor: "format" is not "lrdoctor-baseline"'),
        ({"format_version": 2}, "format_version is 2, and this lrdoctor reads 1"),
        ({"findings": {}}, "findings: expected a list of objects"),
        ({"findings": [{**GOOD["findings"][0], "reason": " "}]}, "why the finding is accepted"),
        ({"findings": [{**GOOD["findings"][0], "until": "soon"}]}, "a date such as 2030-01-31"),
        ({"findings": [{**GOOD["findings"][0], "untill": None}]}, "unknown key .untill."),
        ({"findings": [{"run": "a"}]}, r"findings\[0\].reason is missing"),
    ],
)
def test_wrong_file_names_the_place(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(ConfigError, match=message) as raised:
        read_baseline(str(path))
    assert raised.value.path == str(path)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_entries_are_made_printable_and_still_match(name: str) -> None:
    shown = display_name(name)
    entry = Known(name, name, name, "2026-01-01", name)
    (read,) = parse_baseline(baseline_text([entry]), "b.json").entries
    assert (read.run, read.rule, read.fingerprint) == (shown, shown, shown)
    assert listed([read]).isprintable()


def test_merge_conflict_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text("{\n<<<<<<< HEAD\n")
    with pytest.raises(ConfigError) as raised:
        read_baseline(str(path))
    assert raised.value.line == 2


def test_missing_file_tells_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lrdoctor baseline write PATHS --baseline"):
        read_baseline(str(tmp_path / "none.json"))
