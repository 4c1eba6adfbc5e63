"""Output that cannot be written as meant: full disks, closed streams, narrow encodings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lrdoctor.cli import run
from lrdoctor.cli._output import format_of_file
from lrdoctor.plugins import discover
from lrdoctor.reports.json_v1 import JsonV1
from tests.reports.sample_report import late_peak, sample_report

ROOT = Path(__file__).parents[2]
SAMPLE = str(ROOT / "sample_runs" / "step-per-batch")


def lrdoctor(
    *words: str, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own, its streams as ``shell`` redirects them."""
    line = f'"{sys.executable}" -m lrdoctor {" ".join(words)} {shell}'
    # The parent's encoding must not decide.
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LC_", "LANG"))}
    variables = {**plain, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        line, shell=True, capture_output=True, check=False, env=variables, timeout=120
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_one_line() -> None:
    done = lrdoctor("rules", shell=">/dev/full")
    assert done.returncode == 2
    assert done.stderr == b"lrdoctor: cannot write the output: No space left on device\n"


def test_closed_output_is_no_failure() -> None:
    assert lrdoctor("analyze", SAMPLE, "--fail-on never", shell=">&-").stderr == b""


def test_reader_that_goes_away_is_no_failure() -> None:
    done = lrdoctor("analyze", SAMPLE, "--format json", shell="| head -c 10")
    assert done.stdout == b'{\n  "forma' and done.stderr == b""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
def test_any_encoding_can_be_written(encoding: str) -> None:
    done = lrdoctor("analyze", SAMPLE, "--fail-on never", PYTHONIOENCODING=encoding)
    assert done.returncode == 0 and done.stderr == b""
    assert "learning-rate fault" in done.stdout.decode(encoding if encoding != "ascii" else "utf-8")


def test_plain_locale(tmp_path: Path) -> None:
    name = tmp_path / "größe\N{RIGHT-TO-LEFT OVERRIDE}"
    name.mkdir()
    (name / "metrics.csv").write_bytes((Path(SAMPLE) / "metrics.csv").read_bytes())
    done = lrdoctor("series", str(tmp_path), LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0 and b"files found 1" in done.stdout


# ---------------------------------------------------------------------------- files


def saved(folder: Path) -> str:
    """A report to render again, which is quicker than an analysis."""
    path = folder / "saved.json"
    path.write_text(JsonV1().render(sample_report()))
    return str(path)


def unwritable(folder: Path) -> dict[str, tuple[str, str]]:
    """Places that cannot be written, with what is said of them."""
    (folder / "file").write_text("")
    return {
        "full": ("/dev/full", "No space left on device"),
        "folder": (str(folder), "Is a directory"),
        "below a file": (str(folder / "file" / "a.xml"), "a part of the path is a file"),
        "too long": (str(folder / ("x" * 300)), "File name too long"),
        "kernel": ("/proc/version/a", "a part of the path is a file"),
    }


@pytest.mark.parametrize("case", ["full", "folder", "below a file", "too long", "kernel"])
def test_unwritable_file_is_one_line_after_findings_and_other_reports(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, reason = unwritable(tmp_path)[case]
    if place == "/dev/full" and not Path(place).exists():
        pytest.skip("needs /dev/full")
    good = tmp_path / "good" / "report.md"
    formats = ["--format", f"junit:{place}", "--format", f"markdown:{good}"]
    assert run(["report", saved(tmp_path), *formats, "--fail-on", "never"]) == 2
    told = capsys.readouterr()
    assert "2 of 5 runs have a learning-rate fault." in told.out
    assert "cannot be written: " in told.err and reason in told.err
    assert len(told.err.splitlines()) == 2 and "Traceback" not in told.err
    assert good.read_text().startswith("## lrdoctor: 2 of 5")
    assert not list(tmp_path.rglob(".lrdoctor-*"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = saved(tmp_path)
    (locked := tmp_path / "locked").mkdir(mode=0o500)
    assert run(["report", report, "--report", str(locked / "a.md")]) == 2
    assert "Permission denied" in capsys.readouterr().err


def test_report_that_cannot_be_replaced_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "report.md"
    target.write_text("the one before")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    assert run(["report", saved(tmp_path), "--report", str(target)]) == 2
    assert target.read_text() == "the one before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.md", "saved.json"]
    assert "No space left on device" in capsys.readouterr().err


def test_a_link_is_followed_not_replaced(tmp_path: Path) -> None:
    real, link = tmp_path / "real.md", tmp_path / "link.md"
    link.symlink_to(real)
    run(["report", saved(tmp_path), "--report", str(link)])
    assert link.is_symlink() and real.read_text().startswith("## lrdoctor")


def test_devices_and_pipes_are_written_to_and_stay(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = lrdoctor("report", saved(tmp_path), "-q", f"--format json:{pipe}", shell=f"& cat {pipe}")
    assert b'"format": "lrdoctor-report"' in done.stdout and pipe.is_fifo()
    assert run(["report", saved(tmp_path), "--format", "json:/dev/null", "-q"]) == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("place", ["-", "/dev/stdout"])
def test_standard_output_by_name(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["report", saved(tmp_path), "--format", f"gitlab:{place}"])
    assert json.loads(capsys.readouterr().out)[0]["severity"] == "critical"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.html", "html"),
        ("a.sarif", "sarif"),
        ("junit.xml", "junit"),
        ("a.json", "json"),
        ("gl-code-quality-report.json", "gitlab"),
    ],
)
def test_file_name_says_which_format(name: str, kind: str) -> None:
    assert format_of_file(f"some/where.html/{name}") == kind


def test_every_format_is_written_in_one_go_and_the_same_from_a_saved_report(
    tmp_path: Path,
) -> None:
    kinds = sorted(discover("reports"))

    def files(folder: str) -> list[str]:
        return [f"--format={kind}:{tmp_path}/{folder}/{kind}" for kind in kinds]

    assert run(["analyze", SAMPLE, *files("first"), "-q"]) == 1
    assert run(["report", f"{tmp_path}/first/json", *files("again"), "-q"]) == 0
    for kind in kinds:
        first, again = (tmp_path / folder / kind for folder in ("first", "again"))
        assert again.read_bytes() == first.read_bytes(), kind


# ---------------------------------------------------------------------------- GitHub


@pytest.fixture
def action(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A step of a GitHub job; the file of its summary."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path / "summary.md"


def test_job_gets_annotations_and_summary(action: Path, capsys: pytest.CaptureFixture[str]) -> None:
    action.write_text("earlier\n")
    assert run(["analyze", SAMPLE, "--format", "json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["runs"]  # annotations are no part of it
    assert told.err.startswith("::error file=") and "LRD502" in told.err
    assert action.read_text().startswith("earlier\n## lrdoctor: 1 of 1 run")


def test_annotations_come_once(action: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyze", SAMPLE, "--format", "github"]) == 1
    told = capsys.readouterr()
    assert (told.out + told.err).count("::error file=") == 1
    assert run(["report", saved(action.parent), "-q"]) == 0  # told when it was analysed
    assert "::error" not in capsys.readouterr().err


def test_summary_takes_no_more_than_fits(action: Path) -> None:
    action.write_bytes(b"x" * 899_000)
    assert run(["analyze", SAMPLE, "-q"]) == 1
    assert 899_000 < action.stat().st_size <= 900_000
    action.write_bytes(b"x" * 899_990)
    assert run(["analyze", SAMPLE, "-q"]) == 1
    assert action.stat().st_size == 899_990


def test_summary_that_cannot_be_written_is_said(
    action: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    action.mkdir()
    assert run(["analyze", SAMPLE, "-q"]) == 2
    assert "cannot write the job summary" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["::error file=a::b", "  ::stop-commands::x", "a ##[error]b"])
def test_text_of_a_job_holds_no_command(
    name: str, action: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = action.parent / "saved.json"
    diagnosis = replace(late_peak(), run=name)
    report.write_text(JsonV1().render(replace(sample_report(), diagnoses=(diagnosis,))))
    for option in ("-q", "-v", "--format=markdown"):
        run(["report", str(report), option])
    for line in capsys.readouterr().out.splitlines():
        assert not line.lstrip().startswith("::") and "##[" not in line
