"""Transcripts: each ``*.txt`` beside this file is a session of commands, exit codes and output.

A line ``$ lrdoctor …`` is run in a fresh folder that holds the files of ``FILES``; a line ``[n]``
closes it with the exit code. Standard output comes first, then lines of standard error marked
``! ``. ``pytest --update-golden`` rewrites the transcripts.
"""

from __future__ import annotations

import re
import shlex
import shutil
from datetime import date
from pathlib import Path

import pytest

from lrdoctor.cli import run

HERE = Path(__file__).parent
SAMPLES = HERE.parent.parent / "sample_runs"
FILES = {
    "notes.md": "# no log\n",
    "wrong.toml": 'jobs = 1\n\n[rules.decay-to-fast]\nseverity = "info"\n',
    "broken.toml": 'fail_on = "sometimes"\n',
    "slip.toml": "[[suppress]]\nrule = 'decay-to-fast'\nreason = 'known'\n",
    "old.toml": "[[suppress]]\nrule = 'LRD301'\nreason = 'known'\nuntil = 2020-01-31\n",
    "renamed.json": '{"format": "lrdoctor-baseline", "format_version": 1, "findings": [{"rule": '
    '"decay-to-fast", "run": "a", "fingerprint": "f", "first_seen": "2020-01-31", "reason": "x"}]}',
    "empty.csv": "",
    "logs/plain.csv": "step,loss\n" + "".join(f"{i},{2 / (i + 1):.4f}\n" for i in range(30)),
    "image.png": "\x89PNG\r\n not an image",
}
COPIED = ("onecycle-wrong-peak", "onecycle-healthy")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a few good and bad files, as the current folder of an 80-column terminal."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in COPIED:
        shutil.copytree(SAMPLES / name, tmp_path / "runs" / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def replayed(text: str, capfd: pytest.CaptureFixture[str], folder: Path) -> str:
    """The transcript as the commands in it behave now."""
    lines = []
    for command in re.findall(r"^\$ lrdoctor ?(.*)$", text, re.MULTILINE):
        code = run(shlex.split(command))
        out, err = capfd.readouterr()
        lines.append(f"$ lrdoctor {command}")
        lines += [line.rstrip() for line in out.splitlines()]
        lines += [f"! {line}".rstrip() for line in err.splitlines()]
        lines += [f"[{code}]", ""]
    return scrubbed("\n".join(lines), folder)


def scrubbed(text: str, folder: Path) -> str:
    """The text without what differs between machines and versions."""
    text = text.replace(str(folder.resolve()), "FOLDER").replace(str(folder), "FOLDER")
    text = re.sub(r"sha256:[0-9a-f]+", "sha256:…", text)
    text = re.sub(r"\b0\.1\.0\b", "VERSION", text)
    return text.replace(date.today().isoformat(), "TODAY")


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda p: p.stem)
def test_transcript(
    path: Path,
    workplace: Path,
    capfd: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    expected = path.read_text()
    actual = replayed(expected, capfd, workplace)
    if request.config.getoption("--update-golden"):
        path.write_text(actual)
        return
    assert actual == expected
