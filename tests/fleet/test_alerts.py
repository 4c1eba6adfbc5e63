"""Each finding is told once, whatever happens to the message."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdoctor.fleet.alerts import alert
from lrdoctor.fleet.state_file import open_store
from lrdoctor.fleet.store import Store
from tests.fleet.fleets import OLD, scan_here, write_fleet, write_run


class Post:
    """A channel that fails as long as ``problem`` says why."""

    def __init__(self) -> None:
        self.problem, self.messages = "", []  # type: str, list[str]

    def __call__(self, url: str, message: str) -> str:
        self.messages.append(message)
        return self.problem


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    write_fleet(tmp_path / "runs", 4)
    return tmp_path / "runs"


def told(state: Path, post: Post, every: float = 0.0) -> tuple[bool, str]:
    with open_store(str(state)) as (store, _):
        return alert(store, last(store), "http://x/SECRET", every, post)


def last(store: Store) -> int:
    return int(store.rows("SELECT max(id) FROM scan")[0][0])


def test_finding_is_told_once(fleet: Path, tmp_path: Path) -> None:
    state, post = tmp_path / "s.sqlite", Post()
    scan_here(state, fleet)
    assert told(state, post) == (False, "webhook: told of 2 new findings")
    assert "2 new findings in 2 runs* (0 fixed, 2 open in 4 runs)" in post.messages[0]
    scan_here(state, fleet)
    assert told(state, post) == (False, "")
    write_run(fleet / "project0/run001", faulty=True, at=OLD + 1)
    write_run(fleet / "project0/run000", at=OLD + 1)
    scan_here(state, fleet)
    assert told(state, post)[1] == "webhook: told of 1 new finding"
    assert "1 new finding in 1 run* (1 fixed, 2 open in 4 runs)" in post.messages[1]
    assert "`project0/run001`" in post.messages[1]


def test_message_that_failed_is_sent_with_the_next_scan(fleet: Path, tmp_path: Path) -> None:
    state, post = tmp_path / "s.sqlite", Post()
    post.problem = "it answered 500"
    scan_here(state, fleet)
    failed, line = told(state, post)
    assert failed
    assert line == "webhook: 2 new findings not sent: it answered 500; the next scan tries again"
    post.problem = ""
    scan_here(state, fleet)
    assert told(state, post) == (False, "webhook: told of 2 new findings")


def test_first_message_leaves_out_what_earlier_scans_found(fleet: Path, tmp_path: Path) -> None:
    state, post = tmp_path / "s.sqlite", Post()
    scan_here(state, fleet)
    write_run(fleet / "project0/run001", faulty=True, at=OLD + 1)
    scan_here(state, fleet)
    assert told(state, post)[1] == "webhook: told of 1 new finding"


def test_messages_keep_their_distance_and_lose_nothing(fleet: Path, tmp_path: Path) -> None:
    state, post = tmp_path / "s.sqlite", Post()
    scan_here(state, fleet)
    told(state, post, every=600)
    write_run(fleet / "project0/run001", faulty=True, at=OLD + 1)
    scan_here(state, fleet)
    failed, line = told(state, post, every=600)
    assert not failed and line.startswith("webhook: 1 new finding kept for later; the last")
    assert len(post.messages) == 1
    scan_here(state, fleet)
    assert told(state, post, every=0)[1] == "webhook: told of 1 new finding"


def test_what_was_mended_before_it_could_be_told_is_not_told(fleet: Path, tmp_path: Path) -> None:
    state, post = tmp_path / "s.sqlite", Post()
    post.problem = "down"
    scan_here(state, fleet)
    told(state, post)
    for run in ("run000", "run003"):
        write_run(fleet / "project0" / run, at=OLD + 1)
    scan_here(state, fleet)
    assert told(state, post) == (False, "")
