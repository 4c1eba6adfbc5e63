"""State files: locked, versioned, set aside when damaged, refused when they are something else."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lrdoctor.errors import ConfigError
from lrdoctor.fleet import state_file
from lrdoctor.fleet._disks import is_local
from lrdoctor.fleet._schema import MIGRATIONS, VERSION
from lrdoctor.fleet.records import FindingRecord, LogRecord, RunRecord
from lrdoctor.fleet.state_file import open_store, read_store
from lrdoctor.fleet.store import FoundLog, Store
from lrdoctor.fleet.trends import fixed_since, new_since

FOUND = FoundLog("/r/a", "csv", "/r", "/r/a/metrics.csv", "m1", "d1")


def a_run(*fingerprints: str) -> LogRecord:
    found = tuple(
        FindingRecord(f, "some-rule", "LRD999", "error", "wrong", "{}") for f in fingerprints
    )
    run = RunRecord("a", "r", True, 99, "optimizer_step", None, None, None, "", found)
    return LogRecord((run,), "", 10)


def a_scan(store: Store, *fingerprints: str, finish: bool = True) -> int:
    number = store.begin_scan(["/r"], "", "d1")
    store.put(FOUND, a_run(*fingerprints), number)
    store.commit()
    if finish:
        store.end_scan(number, {"judged": 1})
    return number


@pytest.fixture
def state(tmp_path: Path) -> str:
    return str(tmp_path / "s.sqlite")


def test_findings_come_stay_and_go(state: str) -> None:
    with open_store(state) as (store, _):
        a_scan(store, "x", "y")
        second = a_scan(store, "y", "z")
        before = store.last_finished(second)
        assert [f.first_scan for f in new_since(store, before)] == [2]
        assert [(f.first_scan, f.closed_scan) for f in fixed_since(store, before)] == [(1, 2)]
        third = a_scan(store, "x")
        assert len(new_since(store, store.last_finished(third))) == 1, "back, so new again"
        assert store.rows("SELECT count(*) FROM finding") == [(4,)]


def test_what_a_killed_scan_found_is_new_to_the_next(state: str) -> None:
    with open_store(state) as (store, _):
        a_scan(store)
        a_scan(store, "x", finish=False)
    with open_store(state) as (store, _):
        third = store.begin_scan(["/r"], "", "d1")
        assert store.last_finished(third) == 1
        assert len(new_since(store, 1)) == 1


def test_unreadable_log_keeps_its_findings_open(state: str) -> None:
    with open_store(state) as (store, _):
        a_scan(store, "x")
        store.put(FOUND, LogRecord(reason="damaged"), store.begin_scan(["/r"], "", "d1"))
        assert store.rows("SELECT state FROM finding") == [("open",)]


def test_uncommitted_changes_are_all_gone(state: str) -> None:
    with open_store(state) as (store, _):
        number = store.begin_scan(["/r"], "", "d1")
        store.put(FOUND, a_run("x"), number)  # and killed before the commit
    with open_store(state) as (store, _):
        for table in ("log", "run", "finding"):
            assert store.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_two_scans_at_once(state: str) -> None:
    in_use = pytest.raises(ConfigError, match=r"in use by process \d+ on ")
    with open_store(state), in_use, open_store(state):
        pass
    with open_store(state):
        pass


def test_reading_during_a_scan(state: str) -> None:
    with open_store(state) as (store, _):
        a_scan(store, "x")
        store.put(FOUND, a_run("y"), store.begin_scan(["/r"], "", "d1"))
        with read_store(state) as reader:
            assert reader.rows("SELECT fingerprint FROM finding") == [("x",)]
            with pytest.raises(sqlite3.Error):
                reader.db.execute("DELETE FROM finding")


def test_state_of_a_newer_version_is_refused_untouched(state: str) -> None:
    with open_store(state) as (store, _):
        store.db.execute(f"PRAGMA user_version = {VERSION + 1}")
    content = Path(state).read_bytes()
    for opening in (open_store, read_store):
        with pytest.raises(ConfigError, match="newer lrdoctor"), opening(state):
            pass
    assert Path(state).read_bytes() == content


@pytest.mark.parametrize("content", [b"step,lr\n1,0.1\n", b"SQLite format 3\0" + bytes(200)])
def test_what_is_no_state_is_refused_untouched(state: str, content: bytes) -> None:
    Path(state).write_bytes(content)
    with pytest.raises(ConfigError, match="not a state file"), open_store(state):
        pass
    assert Path(state).read_bytes() == content


def test_damaged_state_is_set_aside(state: str) -> None:
    with open_store(state) as (store, warning):
        assert warning == ""
        for _ in range(50):
            a_scan(store, *(f"{i}" * 500 for i in range(9)))
    content = bytearray(Path(state).read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    Path(state).write_bytes(content)
    with pytest.raises(ConfigError, match="damaged"), read_store(state):
        pass
    with open_store(state) as (store, warning):
        assert "damaged" in warning and store.rows("SELECT count(*) FROM log") == [(0,)]
    (aside,) = Path(state).parent.glob("s.sqlite.damaged-*")
    assert aside.read_bytes() == bytes(content)


def test_older_state_is_brought_up(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(state) as (store, _):
        a_scan(store, "x")
    newer = (*MIGRATIONS, "ALTER TABLE run ADD COLUMN owner TEXT NOT NULL DEFAULT '';")
    monkeypatch.setattr(state_file, "MIGRATIONS", newer)
    monkeypatch.setattr(state_file, "VERSION", len(newer))
    with pytest.raises(ConfigError, match="scan once"), read_store(state):
        pass
    with open_store(state) as (store, _):
        assert store.rows("SELECT name, owner FROM run") == [("a", "")]
        assert store.rows("PRAGMA user_version") == [(len(newer),)]


def test_failed_migration_changes_nothing(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(state) as (store, _):
        a_scan(store, "x")
    broken = (*MIGRATIONS, "ALTER TABLE run ADD COLUMN owner TEXT; SELECT * FROM nothing;")
    monkeypatch.setattr(state_file, "MIGRATIONS", broken)
    monkeypatch.setattr(state_file, "VERSION", len(broken))
    with pytest.raises(ConfigError, match="cannot be written"), open_store(state):
        pass
    monkeypatch.undo()
    with open_store(state) as (store, _):
        assert "owner" not in [row[1] for row in store.rows("PRAGMA table_info(run)")]


def test_missing_state_is_said_with_the_remedy(state: str) -> None:
    with pytest.raises(ConfigError, match="lrdoctor scan"), read_store(state):
        pass


@pytest.mark.parametrize("local", [True, False])
def test_write_ahead_log_on_local_disks_only(
    state: str, local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "is_local", lambda _path: local)
    with open_store(state) as (store, _):
        assert store.rows("PRAGMA journal_mode") == [("wal" if local else "delete",)]


def test_file_systems(tmp_path: Path) -> None:
    table = (
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "2 1 0:5 / /share rw shared:1 - nfs4 host:/x rw\n"
        "3 2 0:6 / /share/fast\\040disk rw - xfs /dev/sdb rw\n"
        "4 1 0:7 / /odd rw - fuse.sshfs host: rw\n"
    )
    mounts = tmp_path / "mountinfo"
    mounts.write_text(table)
    for path, local in (
        ("/home/s.sqlite", True), ("/share/s.sqlite", False), ("/share/fast disk/s", True),
        ("/sharehouse/s.sqlite", True), ("/odd/s", False),
    ):  # fmt: skip
        assert is_local(path, str(mounts)) is local, path
    assert not is_local("/home", str(tmp_path / "nothing"))
