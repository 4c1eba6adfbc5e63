"""Scans: nothing unchanged is read, what changed is judged anew, bad logs cost themselves."""

from __future__ import annotations

import math
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrdoctor.errors import ReadError
from lrdoctor.fleet.files import roots_exist
from lrdoctor.fleet.records import LogRecord, LogTask, judge_log
from lrdoctor.fleet.shards import Shard
from lrdoctor.fleet.state_file import read_store
from lrdoctor.fleet.store import MOST_TRIES
from tests.fleet.fleets import OLD, job, names, put, scan_here, stored, write_fleet, write_run
from tests.readers.event_files import framed, scalars, version

opened: list[str] = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)


def opened_below(root: Path) -> list[str]:
    return [path for path in opened if path.startswith(str(root))]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    write_fleet(tmp_path / "runs", 9)
    return tmp_path / "runs"


def test_first_scan_judges_all(fleet: Path, tmp_path: Path) -> None:
    tally = scan_here(tmp_path / "s.sqlite", fleet)
    assert (tally.found, tally.judged, tally.unchanged, tally.unreadable) == (9, 9, 0, 0)
    assert tally.bytes_read == sum(p.stat().st_size for p in fleet.rglob("*.csv"))
    faulty = {"project0/run000", "project0/run003", "project1/run006"}
    assert names(stored(tmp_path / "s.sqlite")) == faulty


def test_second_scan_opens_no_log(fleet: Path, tmp_path: Path) -> None:
    put(fleet / "notes.txt", "no log at all\n")
    scan_here(tmp_path / "s.sqlite", fleet)
    before = stored(tmp_path / "s.sqlite")
    opened.clear()
    tally = scan_here(tmp_path / "s.sqlite", fleet)
    assert opened_below(fleet) == []
    assert (tally.unchanged, tally.judged, tally.bytes_read) == (9, 0, 0)
    assert stored(tmp_path / "s.sqlite") == before


def test_only_what_changed_is_read(fleet: Path, tmp_path: Path) -> None:
    scan_here(tmp_path / "s.sqlite", fleet)
    grown = write_run(fleet / "project0/run001", faulty=True, at=OLD + 60)
    write_run(fleet / "project0/run000", faulty=False, at=OLD + 60)
    opened.clear()
    tally = scan_here(tmp_path / "s.sqlite", fleet)
    assert tally.judged == 2 and str(grown) in opened
    assert {Path(p).parent.name for p in opened_below(fleet)} == {"run000", "run001"}
    found = stored(tmp_path / "s.sqlite")
    assert names(found) == {"project0/run001", "project0/run003", "project1/run006"}
    assert names(found, "fixed") == {"project0/run000"}


def test_settings_beside_a_log_count_as_part_of_it(fleet: Path, tmp_path: Path) -> None:
    put(fleet / "project1/config.yaml", "max_steps: 120\n")
    scan_here(tmp_path / "s.sqlite", fleet)
    put(fleet / "project1/run005/hparams.yaml", "max_steps: 400\n", OLD + 5)
    assert scan_here(tmp_path / "s.sqlite", fleet).judged == 1
    put(fleet / "project1/config.yaml", "max_steps: 300\n", OLD + 5)
    assert scan_here(tmp_path / "s.sqlite", fleet).judged == 4


def test_another_rulebook_judges_all_anew(
    fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_here(tmp_path / "s.sqlite", fleet)
    monkeypatch.setattr("tests.fleet.fleets.job_digest", lambda _job: "another")
    assert scan_here(tmp_path / "s.sqlite", fleet).judged == 9
    assert scan_here(tmp_path / "s.sqlite", fleet).judged == 0


def test_log_rewritten_shorter_is_read_whole(fleet: Path, tmp_path: Path) -> None:
    scan_here(tmp_path / "s.sqlite", fleet)
    write_run(fleet / "project0/run000", faulty=True, steps=30)  # and with its old time
    assert scan_here(tmp_path / "s.sqlite", fleet).judged == 1
    assert ("project0/run000", "schedule-exhausted", "fixed") in stored(tmp_path / "s.sqlite")


def test_log_changed_this_moment_is_read_again(tmp_path: Path) -> None:
    """Its next change may leave size and time as they are."""
    path = write_run(tmp_path / "runs/a")
    os.utime(path)
    scan_here(tmp_path / "s.sqlite", tmp_path / "runs")
    assert scan_here(tmp_path / "s.sqlite", tmp_path / "runs").judged == 1


def test_clocks_ahead_and_behind_change_nothing(tmp_path: Path) -> None:
    for name, at in (("ahead", 4_000_000_000), ("behind", 1), ("zero", 0)):
        write_run(tmp_path / "runs" / name, at=at)
    scan_here(tmp_path / "s.sqlite", tmp_path / "runs")
    assert scan_here(tmp_path / "s.sqlite", tmp_path / "runs").unchanged == 3


def test_vanished_log_takes_its_findings_along_and_brings_them_back(
    fleet: Path, tmp_path: Path
) -> None:
    state = tmp_path / "s.sqlite"
    scan_here(state, fleet)
    (fleet / "project0/run000").rename(tmp_path / "away")
    assert scan_here(state, fleet).gone == 1
    assert names(stored(state), "gone") == {"project0/run000"}
    (tmp_path / "away").rename(fleet / "project0/run000")
    tally = scan_here(state, fleet)
    assert (tally.judged, tally.gone) == (0, 0)
    with sqlite3.connect(state) as db:
        sql = "SELECT DISTINCT state, first_scan, closed_scan FROM finding"
        assert db.execute(sql).fetchall() == [("open", 1, None)]


def test_log_first_seen_under_another_root_can_vanish(fleet: Path, tmp_path: Path) -> None:
    scan_here(tmp_path / "s.sqlite", fleet / "project0")
    assert scan_here(tmp_path / "s.sqlite", fleet).unchanged == 5
    (fleet / "project0/run000/metrics.csv").unlink()
    assert scan_here(tmp_path / "s.sqlite", fleet).gone == 1


def test_what_a_pattern_leaves_out_has_not_gone(fleet: Path, tmp_path: Path) -> None:
    scan_here(tmp_path / "s.sqlite", fleet)
    tally = scan_here(tmp_path / "s.sqlite", fleet, include=("project1/*",), exclude=("run007",))
    assert (tally.found, tally.gone) == (3, 0)
    assert len(names(stored(tmp_path / "s.sqlite"))) == 3


def test_since_leaves_out_what_is_older(fleet: Path, tmp_path: Path) -> None:
    write_run(fleet / "late", at=OLD + 1000)
    tally = scan_here(tmp_path / "s.sqlite", fleet, since=OLD + 500.0)
    assert (tally.judged, tally.left_out) == (1, 9)


def test_shards_share_the_logs_among_them(fleet: Path, tmp_path: Path) -> None:
    tallies = [scan_here(tmp_path / f"s{i}.sqlite", fleet, shard=Shard(i, 3)) for i in (1, 2, 3)]
    assert sum(t.judged for t in tallies) == 9 and all(t.judged < 9 for t in tallies)
    found = [stored(tmp_path / f"s{i}.sqlite") for i in (1, 2, 3)]
    scan_here(tmp_path / "all.sqlite", fleet)
    assert sorted(f for some in found for f in some) == stored(tmp_path / "all.sqlite")


def test_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="mounted"):
        roots_exist([str(tmp_path / "share")])


def test_bad_logs_cost_themselves_alone(fleet: Path, tmp_path: Path) -> None:
    put(fleet / "empty/events.out.tfevents.1.h", b"")
    put(
        fleet / "garbage/events.out.tfevents.1.h",
        b"\x18" + bytes(7) + b"\xa3\x7f\x4b\x22brain.Event:",
    )
    put(fleet / "half/metrics.csv", "step,lr,train_loss\n0,0.1,2.0\n1,0.1")
    tally = scan_here(tmp_path / "s.sqlite", fleet)
    assert tally.found == tally.judged == 12
    assert tally.failures == []
    with read_store(str(tmp_path / "s.sqlite")) as store:
        unjudged = store.rows("SELECT name FROM run WHERE NOT judged ORDER BY name")
    assert unjudged == [("empty",), ("garbage",), ("half",)]
    assert len(names(stored(tmp_path / "s.sqlite"))) == 3


def test_log_that_cannot_be_read_is_tried_a_few_times(tmp_path: Path) -> None:
    write_run(tmp_path / "runs/a")
    tried = []

    def dies(task: LogTask) -> LogRecord:
        tried.append(task)
        return LogRecord(reason="its worker died")

    for _ in range(MOST_TRIES + 2):
        tally = scan_here(tmp_path / "s.sqlite", tmp_path / "runs", function=dies)
        assert tally.unreadable == 1
    assert len(tried) == MOST_TRIES


def test_log_that_vanishes_before_it_is_read(fleet: Path, tmp_path: Path) -> None:
    def late(task: LogTask) -> LogRecord:
        if "run004" in task.found.name:
            Path(task.found.files[0]).unlink()
        return judge_log(task, job())

    tally = scan_here(tmp_path / "s.sqlite", fleet, function=late)
    assert [f.path for f in tally.failures] == ["project0/run004"]
    assert scan_here(tmp_path / "s.sqlite", fleet).unreadable == 0


def test_folder_without_permission_hides_nothing_else(
    fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_here(tmp_path / "s.sqlite", fleet)
    listing = os.scandir

    def guarded(folder: str) -> Iterator[os.DirEntry[str]]:
        if folder.endswith("project0"):
            raise PermissionError(13, "Permission denied", folder)
        return listing(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    tally = scan_here(tmp_path / "s.sqlite", fleet)
    assert (tally.found, tally.unreadable, tally.gone) == (4, 1, 0)


def test_links_that_go_round_end(fleet: Path, tmp_path: Path) -> None:
    (fleet / "project0/back").symlink_to(fleet)
    (fleet / "project1/self").symlink_to(fleet / "project1/self")
    assert scan_here(tmp_path / "s.sqlite", fleet).found == 9


def test_names_that_are_not_unicode(tmp_path: Path) -> None:
    write_run(Path(os.fsdecode(os.fsencode(tmp_path) + b"/runs/\xff\xfe")), faulty=True)
    for judged in (1, 0):
        assert scan_here(tmp_path / "s.sqlite", tmp_path / "runs").judged == judged
    assert len(stored(tmp_path / "s.sqlite")) == 1


def test_growing_event_file_is_read_on_with_the_same_result(tmp_path: Path) -> None:
    """A run that rises again: at first it cannot be told."""
    runs, now = tmp_path / "runs", int(time.time()) - 100
    lr = [0.05 * (1 + math.cos(1.5 * math.pi * step / 3000)) for step in range(3000)]
    records = [scalars(s, lr=lr[s], train_loss=2.0 / (s + 10)) for s in range(3000)]
    content = framed([version(), *records])
    sizes = [int(len(content) * part) + 7 for part in (0.5, 0.6, 0.85)] + [len(content)]
    read = []
    for number, size in enumerate(sizes):
        put(runs / "a/events.out.tfevents.1.h", content[:size], now + number)
        read.append(scan_here(tmp_path / "s.sqlite", runs).bytes_read)
        scan_here(tmp_path / f"whole{number}.sqlite", runs)
        assert stored_open(tmp_path / "s.sqlite") == stored_open(tmp_path / f"whole{number}.sqlite")
    assert read[0] == sizes[0]
    for grown, before, after in zip(read[1:], sizes, sizes[1:], strict=False):
        assert after - before <= grown < after - before + 100
    assert {f[1] for f in stored_open(tmp_path / "s.sqlite")} == {"cosine-rebound"}
    # An old file grows no more, so nothing of it is kept.
    put(runs / "a/events.out.tfevents.1.h", content, OLD)
    scan_here(tmp_path / "s.sqlite", runs)
    with read_store(str(tmp_path / "s.sqlite")) as store:
        assert store.rows("SELECT count(*) FROM tail") == [(0,)]


def stored_open(state: Path) -> list[tuple[object, ...]]:
    with read_store(str(state)) as store:
        sql = "SELECT r.name, f.rule, f.message, f.body FROM finding f JOIN run r ON r.id = f.run"
        return store.rows(f"{sql} WHERE f.state = 'open' ORDER BY 1, 2")
