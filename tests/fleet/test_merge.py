"""Merging: the shards together say what one scan of all says, again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdoctor.cli import run
from lrdoctor.errors import ConfigError
from lrdoctor.fleet.history import scans, trends
from lrdoctor.fleet.merge import Part, merge, rounds
from lrdoctor.fleet.shards import Shard
from lrdoctor.fleet.state_file import read_store
from lrdoctor.fleet.trends import fixed_since, new_since
from tests.fleet.fleets import OLD, findings, scan_here, stored, write_fleet, write_run

COUNT = 3


def scan_shards(tmp_path: Path, fleet: Path) -> list[str]:
    for index in range(1, COUNT + 1):
        scan_here(tmp_path / f"s{index}.sqlite", fleet, shard=Shard(index, COUNT))
    return [str(tmp_path / f"s{index}.sqlite") for index in range(1, COUNT + 1)]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    write_fleet(tmp_path / "runs", 9)
    return tmp_path / "runs"


def test_shards_together_are_the_whole(fleet: Path, tmp_path: Path) -> None:
    whole, merged = tmp_path / "whole.sqlite", tmp_path / "m.sqlite"
    for faulty in (True, False):
        write_run(fleet / "project0/run001", faulty=faulty, at=OLD + 1 + faulty)
        merge(str(merged), scan_shards(tmp_path, fleet))
        scan_here(whole, fleet)
        assert stored(merged) == stored(whole)
    with read_store(str(merged)) as ours, read_store(str(whole)) as theirs:
        assert [t.counts for t in trends(ours, scans(ours))] == [(4, 3)]
        for store in (ours, theirs):
            before = store.last_finished(2)
            assert (len(new_since(store, before)), len(fixed_since(store, before))) == (0, 1)
        assert [s.judged for s in scans(ours)] == [s.judged for s in scans(theirs)] == [9, 1]


def test_log_in_two_states_counts_once(fleet: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    scan_here(first, fleet)
    write_run(fleet / "project0/run000", faulty=False, at=OLD + 1)
    scan_here(second, fleet)
    scan_here(second, fleet)
    for order in ((first, second), (second, first)):
        merge(str(tmp_path / "m.sqlite"), [str(p) for p in order])
        with read_store(str(tmp_path / "m.sqlite")) as store:
            assert store.rows("SELECT count(*) FROM log") == [(9,)]
            assert len(findings(store)) in (2, 3)


def test_rounds() -> None:
    times = {0: (1.0, 11.0, 21.0), 1: (2.0, 12.0), 2: (3.0, 22.0)}
    parts = [Part(source, (0, at)) for source, starts in times.items() for at in starts]
    found = [[(p.source, p.started) for p in together] for together in rounds(parts)]
    assert found == [
        [(0, 1.0), (1, 2.0), (2, 3.0)],
        [(0, 11.0), (1, 12.0)],
        [(0, 21.0), (2, 22.0)],
    ]


def test_states_given_twice_or_as_the_result(fleet: Path, tmp_path: Path) -> None:
    state = str(tmp_path / "s.sqlite")
    scan_here(Path(state), fleet)
    for out, sources in ((state, [state]), (str(tmp_path / "m"), [state, state])):
        with pytest.raises(ConfigError, match="once"):
            merge(out, sources)


def test_what_is_no_state_is_left_alone(fleet: Path, tmp_path: Path) -> None:
    state, other = str(tmp_path / "s.sqlite"), tmp_path / "notes.txt"
    scan_here(Path(state), fleet)
    other.write_text("mine")
    for out, source in ((str(other), state), (str(tmp_path / "m"), str(other))):
        with pytest.raises(ConfigError, match="not a state file"):
            merge(out, [source])
    assert other.read_text() == "mine" and not (tmp_path / "m").exists()


def test_command(fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards = scan_shards(tmp_path, fleet)
    assert run(["merge", str(tmp_path / "m.sqlite"), *shards]) == 1
    out, _ = capsys.readouterr()
    assert out.endswith("3 states, 9 logs; 3 open findings, 3 new, 0 fixed\n")
    merge(str(tmp_path / "m.sqlite"), scan_shards(tmp_path, fleet))
    assert run(["merge", str(tmp_path / "m.sqlite"), *shards, "--only-new", "-q"]) == 0
