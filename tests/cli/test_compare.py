from __future__ import annotations

import re
from pathlib import Path

import pytest

from lrdoctor.cli import run

SAMPLES = Path(__file__).parents[2] / "sample_runs"
ONE, OTHER = str(SAMPLES / "onecycle-healthy"), str(SAMPLES / "onecycle-wrong-peak")


def test_runs_are_compared_and_the_page_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "compare.html"
    assert run(["compare", ONE, OTHER, "--html", str(page)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Of 2 runs, A ends with the lowest validation loss")
    assert re.search(r"^total_steps +288 +144$", shown, re.MULTILINE)
    assert "Who differs in what" in page.read_text(encoding="utf-8")


def test_saved_report_is_compared_without_its_logs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "saved.json"
    assert run(["analyze", ONE, OTHER, "--format", f"json:{saved}", "--fail-on", "never"]) == 0
    capsys.readouterr()
    assert run(["compare", ONE, OTHER]) == 0
    from_logs = capsys.readouterr().out
    assert run(["compare", str(saved)]) == 0
    assert capsys.readouterr().out == from_logs


def test_one_run_cannot_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", ONE]) == 2
    assert "a comparison needs two runs or more; found one run, " in capsys.readouterr().err
