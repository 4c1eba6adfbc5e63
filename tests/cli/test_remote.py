"""The commands on URLs: what is said at a terminal, exit codes, processes of their own."""

from __future__ import annotations

import itertools
import tempfile
import threading
from pathlib import Path

import pytest

from lrdoctor.cli import run
from tests.fleet.fleets import rows
from tests.object_store import KEYS, Bucket, ObjectStore


@pytest.fixture
def fleet(s3: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    bucket = s3.bucket()
    for number in range(4):
        text = "\n".join(rows(faulty=number == 2)) + "\n"
        bucket.put(f"runs/run{number}/metrics.csv", text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return bucket


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(list(arguments))
    out, err = capsys.readouterr()
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in out + err
    return code, out, err


def test_scan_in_worker_processes(fleet: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    scan = ("scan", fleet.url("runs"), "--jobs", "1", "--replay", "none")
    code, out, _ = said(capsys, *scan)
    assert code == 1
    assert "NEW ERROR LRD304 schedule-exhausted  run2\n" in out
    code, out, _ = said(capsys, *scan, "--only-new", "-q")
    assert code == 0 and "4 unchanged, 0 read (0 bytes" in out
    code, out, _ = said(capsys, "history", "run2")
    assert "LRD304" in out


def test_a_worker_that_is_killed_leaves_no_copy(
    fleet: Bucket,
    s3: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    room, gets, over = tmp_path / "room", itertools.count(1), threading.Event()
    room.mkdir()
    monkeypatch.setenv("TMPDIR", str(room))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def before(kind: str, path: str) -> None:
        if kind == "GET" and next(gets) > 1:  # the first is of the head, and not by the worker
            over.wait(20)

    s3.before = before
    code, out, err = said(capsys, "scan", fleet.url("runs/run1"), "--jobs", "1", "--timeout", "0.5")
    over.set()
    assert code == 3 and "1 unreadable" in out and "took longer than 0.5 s" in err
    assert list(room.iterdir()) == []


def test_scan_of_nothing_but_roots_that_fail(
    fleet: Bucket, s3: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = said(capsys, "scan", "s3://none/x", f"s3://AKIA:pass@{fleet.name}/runs")
    assert code == 3
    assert err.splitlines() == [
        "unreadable: s3://none/x: no such bucket; check its name and the endpoint",
        f"unreadable: s3://{fleet.name}/runs: passwords and tokens do not belong in a URL: give "
        "them in the environment (AWS_PROFILE, FSSPEC_SSH_PASSWORD …) or use a key",
    ]


def test_analyze_and_the_others_take_urls(
    fleet: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = said(capsys, "analyze", fleet.url("runs"), "-q", "--replay", "none")
    assert code == 1 and out.startswith("run2:48: LRD304 schedule-exhausted")
    code, out, _ = said(capsys, "series", fleet.url("runs/run1"))
    assert code == 0 and f"run1  (csv, {fleet.url('runs/run1/metrics.csv')})" in out
    code, out, _ = said(capsys, "schedule", "fit", fleet.url("runs/run1/metrics.csv"))
    assert code == 0 and "cosine" in out


def test_a_misspelt_path_is_still_told_by_click(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, "analyze", "s3:/bucket/runs")
    assert code == 2 and "does not exist" in err
