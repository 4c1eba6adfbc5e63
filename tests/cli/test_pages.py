"""Where ``--report`` and ``--report-dir`` put the HTML report."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lrdoctor.cli import _output, run
from lrdoctor.reports.json_v1 import JsonV1
from tests.reports.sample_report import loss_jump, sample_report


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "saved.json"
    path.write_text(JsonV1().render(sample_report()), encoding="utf-8")
    return path


def test_few_faults_make_one_file(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "report.html"
    assert run(["report", str(saved), "--report", str(out)]) == 0
    assert [p.name for p in out.parent.iterdir()] == ["report.html"]


def test_report_dir_makes_a_page_per_run(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(["report", str(saved), "--report-dir", str(out)]) == 0
    assert sorted(p.name for p in out.iterdir()) == [
        "index.html", "lrdoctor.css", "lrdoctor.js", "runs",
    ]  # fmt: skip
    assert len(list((out / "runs").iterdir())) == 5


def test_many_faults_make_an_index_with_pages_beside_it(tmp_path: Path) -> None:
    many = tuple(replace(loss_jump(), run=f"run{i}") for i in range(51))
    saved = tmp_path / "saved.json"
    saved.write_text(JsonV1().render(replace(sample_report(), diagnoses=many)), encoding="utf-8")
    out = tmp_path / "out" / "report.html"
    assert run(["report", str(saved), "--report", str(out)]) == 0
    assert sorted(p.name for p in out.parent.iterdir()) == ["report.html", "report_files"]
    assert len(list((out.parent / "report_files" / "runs").iterdir())) == 51


def test_place_that_cannot_be_written_costs_neither_findings_nor_other_reports(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    bad, good = str(tmp_path / "file" / "report.html"), tmp_path / "good.md"
    assert run(["report", str(saved), "--report", bad, "--report", str(good)]) == 2
    shown = capsys.readouterr()
    assert "LRD201" in shown.out
    assert f"{bad}: cannot be written: " in shown.err
    assert good.exists()


def test_disk_that_fills_up_leaves_the_old_report_and_no_half_one(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out" / "report.html"
    out.parent.mkdir()
    out.write_text("the old one")

    class Full:
        def __init__(self, handle: int, *_: object, **__: object) -> None:
            self.handle = handle

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            os.close(self.handle)

        def write(self, text: str) -> None:
            os.write(self.handle, text[:100].encode())
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(_output.os, "fdopen", Full)
    assert run(["report", str(saved), "--report", str(out)]) == 2
    assert [p.name for p in out.parent.iterdir()] == ["report.html"]
    assert out.read_text() == "the old one"


def test_saved_report_of_real_logs_renders_to_the_same_bytes(tmp_path: Path) -> None:
    samples = Path(__file__).parents[2] / "sample_runs"
    runs = [str(samples / name) for name in ("onecycle-wrong-peak", "lr-missing")]
    first, saved, again = (tmp_path / name for name in ("first.html", "saved.json", "again.html"))
    wanted = ["--format", f"html:{first}", "--format", f"json:{saved}", "--fail-on", "never"]
    assert run(["analyze", *runs, *wanted]) == 0
    assert run(["report", str(saved), "--format", f"html:{again}"]) == 0
    assert "predicted loss" in first.read_text(encoding="utf-8")
    assert again.read_bytes() == first.read_bytes()
