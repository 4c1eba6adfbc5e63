"""The library's ``analyze``: what a report says besides the diagnoses."""

from __future__ import annotations

from pathlib import Path

from lrdoctor.api import analyze
from lrdoctor.types import Note

CSV = "step,loss,lr\n" + "".join(f"{i},{3 / (i + 1)},0.1\n" for i in range(30))


def test_what_was_passed_over_is_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(CSV)
    (tmp_path / "prices.csv").write_text("item,price\nhat,5\n")
    ended = Note("expired-suppression", "it ended")
    report = analyze(tmp_path, notes=(ended,))
    assert [n.kind for n in report.notes] == ["passed-over", "expired-suppression"]
    assert "prices.csv" in report.notes[0].message
