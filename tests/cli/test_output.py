"""Output that cannot be written as meant: full disks, closed streams, narrow encodings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
