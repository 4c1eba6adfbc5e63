"""The library's ``analyze``: what a report says besides the diagnoses."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdoctor.api import analyze, read_runs
from lrdoctor.errors import ReadError
from lrdoctor.fleet.worker import Job
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Note
from lrdoctor.verdict import Suppression

CSV = "step,loss,lr\n" + "".join(f"{i},{3 / (i + 1)},0.1\n" for i in range(30))


def test_what_was_passed_over_is_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(CSV)
    (tmp_path / "prices.csv").write_text("item,price\nhat,5\n")
    ended = Note("expired-suppression", "it ended")
    report = analyze(tmp_path, notes=(ended,))
    assert [n.kind for n in report.notes] == ["passed-over", "expired-suppression"]
    assert "prices.csv" in report.notes[0].message


def test_a_file_that_is_no_log_is_an_error_for_the_library(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("item,price\nhat,5\n")
    with pytest.raises(ReadError, match="no training log"):
        list(read_runs(tmp_path / "prices.csv"))
    with pytest.raises(ReadError, match=r"absent\.csv"):
        list(read_runs(tmp_path / "absent.csv"))


def test_a_suppression_that_matches_nothing_is_told() -> None:
    samples = Path(__file__).parent.parent / "sample_runs" / "decay-too-fast"
    used = Suppression("LRD301", "known", "*", None)
    idle = Suppression("decay-too-fast", "old", "gone/*", None)
    job = Job(load_rulebook(), suppressions=(used, idle), replay="none")
    (note,) = analyze(samples, job).notes[-1:]
    assert note.kind == "idle-suppression" and "'gone/*'" in note.message
