"""What is killed in mid-scan: a worker, the scan itself. Nothing is lost, nothing counted twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest

from lrdoctor.fleet.engines import Lost, Stream, open_engine
from lrdoctor.fleet.records import LogRecord, LogTask, job_digest, judge_log
from lrdoctor.fleet.scan import Scope, Tally, scan
from lrdoctor.fleet.state_file import open_store
from tests.fleet.fleets import job, scan_here, stored, write_fleet

RUNS = 40
WITHIN = 60.0  # seconds after which a test gives up; it takes two or three


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    write_fleet(tmp_path / "runs", RUNS)
    return tmp_path / "runs"


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def logs_in(state: Path) -> int:
    try:
        with sqlite3.connect(f"file:{state}?mode=ro", uri=True) as db:
            return int(db.execute("SELECT count(*) FROM log").fetchone()[0])
    except sqlite3.Error:
        return 0


def children_of(process: int) -> list[int]:
    """Processes whose parent this is (Linux)."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(int(status.parent.name))
    return found


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@linux
def test_scan_killed_in_the_middle(fleet: Path, tmp_path: Path) -> None:
    state = tmp_path / "s.sqlite"
    command = [sys.executable, "-m", "lrdoctor", "scan", str(fleet), "--state", str(state)]
    options = ["--jobs", "2", "--replay", "none", "--fail-on", "never"]
    killed = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
    wait_until(lambda: logs_in(state) > 0)
    workers = children_of(killed.pid)
    killed.kill()
    killed.wait()
    wait_until(lambda: not any(Path(f"/proc/{w}").exists() for w in workers))
    kept = logs_in(state)
    assert 0 < kept < RUNS
    again = subprocess.run([*command, *options, "-q"], capture_output=True, text=True, check=True)
    assert f"{kept} unchanged, {RUNS - kept} read" in again.stdout
    assert f"{RUNS // 3 + 1} open findings, {RUNS // 3 + 1} new" in again.stdout
    scan_here(tmp_path / "whole.sqlite", fleet)
    assert stored(state) == stored(tmp_path / "whole.sqlite")


def kills_itself_once(task: LogTask, marker: str) -> LogRecord:
    """As a worker that the system kills over one log, the first time it is read."""
    if "run007" in task.found.name and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return judge_log(task, job())


def scan_with(engine: str, fleet: Path, state: Path, marker: Path) -> Tally:
    function = partial(kills_itself_once, marker=str(marker))
    with (
        open_store(str(state)) as (store, _),
        open_engine(engine, function, jobs=2, timeout=60.0) as workers,
    ):
        return scan(store, Scope((str(fleet),)), workers, job_digest(job()))[1]


def nothing_is_lost(engine: str, fleet: Path, tmp_path: Path) -> None:
    tally = scan_with(engine, fleet, tmp_path / "s.sqlite", tmp_path / "marker")
    assert (tmp_path / "marker").exists()
    assert (tally.found, tally.judged, tally.runs, tally.unreadable) == (RUNS, RUNS, RUNS, 0)
    scan_here(tmp_path / "whole.sqlite", fleet)
    assert stored(tmp_path / "s.sqlite") == stored(tmp_path / "whole.sqlite")


def test_worker_killed_in_the_middle(fleet: Path, tmp_path: Path) -> None:
    nothing_is_lost("local", fleet, tmp_path)


def test_dask_worker_killed_in_the_middle(fleet: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    nothing_is_lost("dask", fleet, tmp_path)


def work(item: int) -> int:
    """Doubles; 13 kills its process every time, 14 hangs."""
    if item == 13:
        os._exit(7)
    if item == 14:
        time.sleep(60)
    return 2 * item


@pytest.mark.parametrize("engine", ["local", "dask"])
def test_deadly_and_hanging_items_cost_themselves_alone(engine: str) -> None:
    if engine == "dask":
        pytest.importorskip("distributed")
    with open_engine(engine, work, jobs=2, timeout=2.0) as workers:
        stream = Stream(workers, iter([1, 13, 2, 14, 3]), lambda _item, reason: reason)
        results = dict(stream)
    assert [results[item] for item in (1, 2, 3)] == [2, 4, 6]
    assert "died" in str(results[13])
    assert results[14] == "took longer than 2 s and was given up"


class Counting:
    """An engine that answers at once and counts what it is given."""

    batch, width = 4, 3

    def __init__(self) -> None:
        self.given: list[int] = []

    def submit(self, items: tuple[int, ...]) -> object:
        from concurrent.futures import Future

        answer: Future[tuple[int | Lost, ...]] = Future()
        self.given.append(len(items))
        answer.set_result(items)
        return answer

    def lost(self, error: BaseException) -> Lost | None:
        return None


@pytest.mark.parametrize("count", [0, 1, 4, 9, 40])
def test_stream_gives_each_item_once(count: int) -> None:
    def items() -> Iterator[int | None]:
        for number in range(count):
            yield from (None, number, None)

    engine = Counting()
    stream = Stream(engine, items(), lambda item, _reason: item)  # type: ignore[arg-type]
    assert sorted(item for item, _ in stream) == list(range(count))
    assert stream.taken == count and sum(engine.given) == count
    assert len(engine.given) == -(-count // 4)


def test_what_a_death_took_along_is_tried_again_alone() -> None:
    """A deadly item takes along all that its worker held; tried beside it once more, so would
    they be again."""

    class Held(Counting):
        """Answers from a thread, and notes which other tasks run when one is begun."""

        batch = 2

        def __init__(self) -> None:
            super().__init__()
            self.beside: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
            self.open: dict[tuple[int, ...], Future[tuple[int | Lost, ...]]] = {}

        def submit(self, items: tuple[int, ...]) -> object:
            answer: Future[tuple[int | Lost, ...]] = Future()
            self.beside[items] = [other for other, task in self.open.items() if not task.done()]
            self.open[items] = answer
            threading.Timer(0.05, self.answer, (answer, items)).start()
            return answer

        def answer(self, task: Future[tuple[int | Lost, ...]], items: tuple[int, ...]) -> None:
            if 13 in items:
                task.set_exception(ChildProcessError())
            else:
                task.set_result(items)

        def lost(self, error: BaseException) -> Lost | None:
            return Lost("died", again=True)

    engine = Held()
    found = dict(Stream(engine, iter([1, 13, 2, 3, 4]), lambda _item, reason: reason))  # type: ignore[arg-type, misc]
    assert found == {1: 1, 13: "died", 2: 2, 3: 3, 4: 4}
    assert sorted(engine.beside) == [(1,), (1, 13), (2, 3), (4,), (13,)]
    again = {(1,), (13,)}
    assert all(not others for items, others in engine.beside.items() if items in again)
    assert not any(again & set(others) for others in engine.beside.values())
