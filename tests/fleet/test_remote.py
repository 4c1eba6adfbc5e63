"""Scans of object storage: told by the listing what changed, reading no more than that."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lrdoctor.fleet.files import roots_exist
from tests.fleet.fleets import names, rows, scan_here, stored, write_fleet
from tests.object_store import Bucket, ObjectStore
from tests.readers.event_files import framed, scalars, version


def log(faulty: bool = False, steps: int = 120) -> str:
    return "\n".join(rows(faulty, steps)) + "\n"


@pytest.fixture
def fleet(s3: ObjectStore, tmp_path: Path) -> Bucket:
    write_fleet(tmp_path / "runs", 9)
    bucket = s3.bucket()
    bucket.upload(tmp_path / "runs", "runs")
    s3.requests.clear()
    return bucket


def scanned(tmp_path: Path, *roots: str, **scope: object):  # type: ignore[no-untyped-def]
    return scan_here(tmp_path / "s.sqlite", *roots, **scope)  # type: ignore[arg-type]


def test_finds_what_a_scan_of_the_files_finds(fleet: Bucket, tmp_path: Path) -> None:
    tally = scanned(tmp_path, fleet.url("runs"))
    assert (tally.found, tally.judged, tally.unreadable) == (9, 9, 0)
    scan_here(tmp_path / "local.sqlite", tmp_path / "runs")
    assert names(stored(tmp_path / "s.sqlite")) == names(stored(tmp_path / "local.sqlite"))
    assert tally.bytes_read == sum(p.stat().st_size for p in (tmp_path / "runs").rglob("*.csv"))


def test_second_scan_only_lists(fleet: Bucket, s3: ObjectStore, tmp_path: Path) -> None:
    fleet.put("runs/notes.txt", "no log at all\n")
    scanned(tmp_path, fleet.url("runs"))
    s3.requests.clear()
    tally = scanned(tmp_path, fleet.url("runs") + "/")
    assert (tally.unchanged, tally.judged, tally.bytes_read) == (9, 0, 0)
    assert (s3.read(), s3.count("GET")) == (0, 0)
    assert s3.count("LIST") <= 3


def test_only_what_changed_is_read(fleet: Bucket, s3: ObjectStore, tmp_path: Path) -> None:
    scanned(tmp_path, fleet.url("runs"))
    same_size = log(faulty=True)
    fleet.put("runs/project0/run001/metrics.csv", same_size)
    fleet.put("runs/project1/run008/metrics.csv", log(steps=60))  # written anew, and shorter
    s3.requests.clear()
    tally = scanned(tmp_path, fleet.url("runs"))
    assert (tally.judged, tally.unchanged, tally.gone) == (2, 7, 0)
    assert {r.path for r in s3.requests if r.kind == "GET"} == {
        f"/{fleet.name}/runs/{name}/metrics.csv" for name in ("project0/run001", "project1/run008")
    }
    assert "project0/run001" in names(stored(tmp_path / "s.sqlite"))


def events(first: int, last: int, loss: float = 1.0) -> bytes:
    pairs = [scalars(step, **{f"loss/{i}": loss / (step + i + 1) for i in range(12)}, lr=0.1)
             for step in range(first, last)]  # fmt: skip
    return framed([*([version("brain.Event:2")] if not first else []), *pairs])


def test_a_grown_event_file_is_read_from_its_tail(s3: ObjectStore, tmp_path: Path) -> None:
    bucket, key = s3.bucket(), "runs/a/events.out.tfevents.1700000000.node.1.0"
    whole, more = events(0, 1200), events(1200, 1300)
    assert len(whole) > 20 * len(more) / 2
    bucket.put(key, whole)
    scanned(tmp_path, bucket.url("runs"))
    bucket.put(key, whole + more)
    s3.requests.clear()
    tally = scanned(tmp_path, bucket.url("runs"))
    assert tally.bytes_read == len(more)
    heads = 2 * 4096 + 4096  # what is looked at: the beginning twice, the end of what was known
    assert s3.read() == len(more) + heads
    other = scan_here(tmp_path / "o.sqlite", bucket.url("runs"))  # type: ignore[arg-type]
    assert other.bytes_read == len(whole + more)
    assert bodies(tmp_path / "s.sqlite") == bodies(tmp_path / "o.sqlite")
    bucket.put(key, events(0, 1400, loss=2.0))  # another run under the same name
    assert scanned(tmp_path, bucket.url("runs")).bytes_read == len(events(0, 1400))
    bucket.put(key, events(0, 300))
    assert scanned(tmp_path, bucket.url("runs")).bytes_read == len(events(0, 300))


def bodies(state: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(state) as db:
        runs = db.execute("SELECT name, last_step, began, seconds FROM run ORDER BY name")
        found = db.execute("SELECT fingerprint, message, body FROM finding ORDER BY fingerprint")
        return [*runs.fetchall(), *found.fetchall()]


def test_deleted_objects_are_gone_and_come_back(fleet: Bucket, tmp_path: Path) -> None:
    for _ in range(2):
        scanned(tmp_path, fleet.url("runs"))
    fleet.delete("runs/project0/run000/metrics.csv")
    tally = scanned(tmp_path, fleet.url("runs"))
    assert (tally.found, tally.gone) == (8, 1)
    fleet.put("runs/project0/run000/metrics.csv", log(faulty=True))
    assert scanned(tmp_path, fleet.url("runs")).gone == 0
    assert "project0/run000" in names(stored(tmp_path / "s.sqlite"))


def test_what_a_filter_leaves_out_is_not_gone(fleet: Bucket, tmp_path: Path) -> None:
    scanned(tmp_path, fleet.url("runs"))
    tally = scanned(tmp_path, fleet.url("runs"), exclude=("project0",))
    assert (tally.found, tally.gone) == (4, 0)


@pytest.mark.parametrize(
    ("status", "code", "complaint"),
    [(403, "AccessDenied", "no permission"), (404, "NoSuchBucket", "no such bucket")],
)
def test_a_root_that_cannot_be_listed_loses_nothing(
    fleet: Bucket, s3: ObjectStore, tmp_path: Path, status: int, code: str, complaint: str
) -> None:
    scanned(tmp_path, fleet.url("runs"))
    s3.fail = lambda kind, path: (status, code)
    tally = scanned(tmp_path, fleet.url("runs"), str(tmp_path / "runs"))
    assert (tally.found, tally.gone, tally.unreadable) == (9, 0, 1)
    assert complaint in tally.failures[0].reason and "\n" not in tally.failures[0].reason
    s3.reset()
    assert scanned(tmp_path, fleet.url("runs")).unchanged == 9


def test_a_listing_that_breaks_off(fleet: Bucket, s3: ObjectStore, tmp_path: Path) -> None:
    scanned(tmp_path, fleet.url("runs"))
    lists = iter(range(100))

    def fail(kind: str, path: str) -> tuple[int, str] | None:
        return (403, "AccessDenied") if kind == "LIST" and next(lists) >= 2 else None

    s3.fail = fail
    tally = scanned(tmp_path, fleet.url("runs"))
    assert tally.failures[0].reason.startswith("the listing broke off: no permission")
    assert tally.gone == 0


def test_objects_that_vanish_after_the_listing(
    fleet: Bucket, s3: ObjectStore, tmp_path: Path
) -> None:
    gone = f"/{fleet.name}/runs/project1/run005/metrics.csv"
    heads: list[str] = []

    def fail(kind: str, path: str) -> tuple[int, str] | None:
        if kind != "GET" or path != gone:
            return None
        heads.append(path)
        return None if len(heads) == 1 else (404, "NoSuchKey")

    s3.fail = fail
    tally = scanned(tmp_path, fleet.url("runs"))
    assert (tally.judged, tally.unreadable) == (9, 1)
    assert "does not exist (any more)" in tally.failures[0].reason


def test_the_state_has_no_credentials(fleet: Bucket, tmp_path: Path) -> None:
    tally = scanned(tmp_path, fleet.url("runs"), f"s3://AKIA:pass/w@{fleet.name}/runs")
    assert tally.found == 9
    assert tally.failures[0].path == f"s3://{fleet.name}/runs"
    data = (tmp_path / "s.sqlite").read_bytes()
    assert b"pass/w" not in data and b"AKIA" not in data


def test_a_million_empty_folders_are_one_listing(s3: ObjectStore, tmp_path: Path) -> None:
    """Two thousand of them, which take two pages each way."""
    bucket = s3.bucket()
    bucket.put_at_once(f"runs/empty{number:05}/" for number in range(2100))
    bucket.put("runs/zz/metrics.csv", log())
    s3.requests.clear()
    tally = scanned(tmp_path, bucket.url("runs"))
    assert (tally.found, tally.judged) == (1, 1)
    assert s3.count("LIST") <= 8


def test_remote_roots_need_not_exist_beforehand() -> None:
    roots_exist(("s3://nowhere/at/all",))
