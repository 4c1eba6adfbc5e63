"""Questions to the past: trends, projects, first bad commits, lost time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lrdoctor.cli import run
from lrdoctor.fleet.history import first_bad, of_run, projects, scans, trends
from lrdoctor.fleet.records import _training_seconds
from lrdoctor.fleet.state_file import read_store
from tests.fleet.fleets import OLD, put, rows, scan_here, write_fleet, write_run

RULE = "schedule-exhausted"


def write_times(folder: Path, began: int, faulty: bool, commit: str) -> None:
    """A log of JSON lines with a second between steps, and the commit it was trained at."""
    table = [line.split(",") for line in rows(faulty)[1:]]
    lines = [
        {"step": int(s), "lr": float(r), "train_loss": float(x), "timestamp": began + int(s)}
        for s, r, x in table
    ]
    put(folder / "log.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    put(folder / "hparams.yaml", f"git_hash: {commit}\n")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Three scans of nine runs: 000, 003, 006 faulty; 003 mended; then 001 broken as well."""
    fleet = tmp_path / "runs"
    write_fleet(fleet, 9)
    scan_here(tmp_path / "s.sqlite", fleet)
    write_run(fleet / "project0/run003", faulty=False, at=OLD + 1)
    scan_here(tmp_path / "s.sqlite", fleet)
    write_run(fleet / "project0/run001", faulty=True, at=OLD + 1)
    scan_here(tmp_path / "s.sqlite", fleet)
    return tmp_path / "s.sqlite"


def test_trend_of_a_rule(state: Path) -> None:
    with read_store(str(state)) as store:
        (trend,) = trends(store, scans(store))
        assert (trend.rule, trend.counts) == (RULE, (3, 2, 3))
        assert [t.counts for t in trends(store, scans(store, 2), trend.code)] == [(2, 3)]
        assert [s.open_findings for s in scans(store)] == [3, 2, 3]


def test_projects_with_findings(state: Path) -> None:
    with read_store(str(state)) as store:
        found = [(p.project, p.runs, p.with_findings) for p in projects(store)]
    assert found == [("project0", 5, 2), ("project1", 4, 1)]


def test_life_of_a_finding(state: Path) -> None:
    with read_store(str(state)) as store:
        (life,) = of_run(store, "run003")
    assert (life.run, life.state) == ("project0/run003", "fixed")
    assert (life.first_scan, life.last_scan, life.closed_scan) == (1, 1, 2)


def test_first_bad_commit_and_lost_time(tmp_path: Path) -> None:
    for number, (faulty, commit) in enumerate(
        [(False, "a" * 40), (False, "b" * 7), (True, "c" * 40), (False, "d" * 40), (True, "e" * 40)]
    ):
        # Not in the order of their names, and not all logged with times.
        write_times(tmp_path / f"runs/p/z{9 - number}", OLD + number * 1000, faulty, commit)
    scan_here(tmp_path / "s.sqlite", tmp_path / "runs")
    with read_store(str(tmp_path / "s.sqlite")) as store:
        (bad,) = first_bad(store, RULE)
        ((project, runs, with_findings, seconds, wasted),) = [
            (p.project, p.runs, p.with_findings, p.seconds, p.wasted) for p in projects(store)
        ]
    assert (bad.run, bad.commit, bad.good_run, bad.good_commit) == (
        "p/z7", "c" * 40, "p/z8", "b" * 7
    )  # fmt: skip
    assert (project, runs, with_findings, seconds) == ("p", 5, 2, 5 * 119.0)
    # Of 119 seconds each, the LR is 0 for the last 60 %.
    assert wasted == pytest.approx(2 * 0.6 * 119, abs=4)


def test_pauses_and_clocks_set_back_are_no_training() -> None:
    wall = np.array([0.0, 10, 20, 5000, 5010, 4000, 4010])
    assert _training_seconds(wall).tolist() == [10, 10, 10, 10, 0, 10, 0]
    assert _training_seconds(wall[:1]).tolist() == [0]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = run(["history", *arguments])
    out, err = capsys.readouterr()
    assert code == (2 if err else 0)
    return out + err


def test_command(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--state", str(state))
    assert "2 of 5" in said(capsys, *where)
    rule = said(capsys, RULE, *where)
    assert "3 open, 1 fixed" in rule and "3 → 3" in rule
    assert "project0/run000" in rule and "first run with it in each folder" in rule
    assert "fixed in scan 2" in said(capsys, "run003", *where)
    assert "2 runs, no finding" in said(capsys, "run00[24]", *where)
    assert "project0/run001" in said(capsys, "--new", *where)
    assert "nothing new in scan 3" in said(capsys, "--new", "project1/*", *where)
    assert "nothing fixed in scan 3" in said(capsys, "--fixed", *where)
    assert "did you mean 'schedule-exhausted'?" in said(capsys, "schedule-exhaustd", *where)


def test_before_the_first_scan_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "lrdoctor scan" in said(capsys, "--state", str(tmp_path / "none.sqlite"))
