"""``lrdoctor scan`` as a command: exit codes, what it says, slips."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lrdoctor.cli import run
from lrdoctor.fleet import webhook
from lrdoctor.fleet.state_file import open_store
from tests.fleet.chat import chat
from tests.fleet.fleets import OLD, names, put, stored, write_fleet, write_run


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_fleet(tmp_path / "runs", 4)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "runs"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["scan", *arguments, "--jobs", "1", "--replay", "none"])
    out, err = capsys.readouterr()
    return code, re.sub(r"in \d.*? s:|\(\d.*?/s\)", "…", out), err


def test_scans_one_after_the_other(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "runs")
    assert code == 1
    assert "NEW ERROR LRD304 schedule-exhausted  in 2 runs\n" in out
    assert "    project0/run000, project0/run003\n" in out
    last = "4 logs … 0 unchanged, 4 read …, 0 unreadable; 2 open findings, 2 new, 0 fixed\n"
    assert out.endswith(last)
    assert Path("lrdoctor.sqlite").exists()
    assert said(capsys, "runs")[0] == 1
    assert said(capsys, "runs", "--only-new")[0] == 0
    write_run(fleet / "project0/run000", at=OLD + 5)
    code, out, _ = said(capsys, "runs", "--only-new")
    assert code == 0 and "FIXED ERROR LRD304 schedule-exhausted  project0/run000\n" in out
    write_run(fleet / "project0/run000", faulty=True, at=OLD + 6)
    assert said(capsys, "runs", "--only-new", "--fail-on", "never", "-q")[0] == 0
    assert said(capsys, "runs", "--only-new", "-q")[0] == 0, "it has been told once"


def test_nothing_readable(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(fleet.parent / "none/notes.txt", "nothing\n")
    assert said(capsys, "none", "--state", "n.sqlite")[0] == 3
    assert said(capsys, "none", "--state", "n.sqlite", "--allow-empty")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["runs", "--shard", "3/2"], "--shard takes i/n"),
        (["runs", "--since", "soon"], "is no time"),
        (["runs", "--scheduler-address", "tcp://x:1"], "--engine dask"),
        (["nowhere"], "is the share mounted?"),
        (["runs", "--state", "runs/project0/run000/metrics.csv"], "not a state file"),
        (["runs", "--engine", "dusk"], "'dask'"),
        (["runs", "--webhook", "hooks.chat/SECRET"], "an address that begins with https://"),
        (["runs", "--webhook-every", "often"], "is no time"),
        (["runs", "--prometheus", "metrics.txt"], "named *.prom"),
    ],
)
def test_slips(
    fleet: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = said(capsys, *arguments)
    assert code == 2 and complaint in err
    assert "Traceback" not in err


def test_webhook_from_the_environment_is_told_and_never_shown(
    fleet: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with chat() as known:
        monkeypatch.setenv("LRDOCTOR_WEBHOOK", known.url)
        code, out, err = said(capsys, "runs", "--prometheus", "m/fleet.prom")
    assert code == 1 and err == "webhook: told of 2 new findings\n"
    (message,) = known.messages
    assert message.startswith("*lrdoctor: 2 new findings in 2 runs*")
    kept = Path("lrdoctor.sqlite").read_bytes() + Path("m/fleet.prom").read_bytes()
    assert b"SECRET" not in kept + (out + err).encode()
    assert 'lrdoctor_webhook_failed{state="lrdoctor"} 0\n' in Path("m/fleet.prom").read_text()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [(500, "it answered 500 (3 tries)"), (None, "no answer within 0.05 s (3 tries)")],
)
def test_channels_that_fail_cost_a_line_and_nothing_else(
    fleet: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    reply: int | None,
    reason: str,
) -> None:
    monkeypatch.setattr(webhook.send, "__kwdefaults__", {
        **webhook.send.__kwdefaults__, "timeout": 0.05, "wait": lambda _: None,
    })  # fmt: skip
    Path("taken").write_text("a file")
    with chat(reply) as known:
        code, out, err = said(
            capsys, "runs", "--webhook", known.url, "--prometheus", "taken/fleet.prom"
        )
    assert code == 1 and out.endswith("2 open findings, 2 new, 0 fixed\n")
    told, wrong = err.splitlines()
    assert told == f"webhook: 2 new findings not sent: {reason}; the next scan tries again"
    assert wrong.startswith("lrdoctor: taken/fleet.prom: cannot be written")
    assert len(names(stored(Path("lrdoctor.sqlite")))) == 2


def test_report_folder(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, "runs", "-q", "--report-dir", "out/report")
    assert code == 1 and err == "wrote out/report/index.html\n"
    assert len(list(Path("out/report/runs").iterdir())) == 2
    assert run(["history", "--report-dir", "other"]) == 0
    _, err = capsys.readouterr()
    assert err == "wrote other/index.html; 2 runs with a fault have no page yet\n"
    Path("taken").write_text("a file")
    code, _, err = said(capsys, "runs", "--report-dir", "taken")
    assert code == 2 and re.fullmatch(r"lrdoctor: taken: no folder can be made here: .+\n", err)


def test_second_scan_at_once(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store("s.sqlite"):
        code, _, err = said(capsys, "runs", "--state", "s.sqlite")
    assert code == 2
    assert re.fullmatch(r"lrdoctor: s\.sqlite: in use by process \d+ on .+; wait for it .+\n", err)
