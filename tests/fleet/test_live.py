"""Logs that appear, grow, are caught half-written, vanish and begin anew while they are watched."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lrdoctor.fleet.follow import Kind
from lrdoctor.fleet.live import Told, Watch
from lrdoctor.fleet.worker import Job, load_runs
from lrdoctor.readers._discover import RunFiles
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Run
from lrdoctor.verdict import ReadFailure

JOB = Job(load_rulebook(), replay="none")
EPOCHS = 60
LENGTH = 20  # of a linear decay to 0 in a run that is to last EPOCHS: LRD501


def aged(path: Path, nanoseconds: int = 1) -> None:
    """A file changed just now counts as changing still: no test waits for that to pass."""
    os.utime(path, ns=(0, nanoseconds))


class Log:
    """A CSV with a row per epoch and its configuration; ``upto`` writes as many rows."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "metrics.csv"
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"max_epochs": EPOCHS, "lr": 0.1, "scheduler": "linear"}
        (folder / "config.json").write_text(json.dumps(settings))
        aged(folder / "config.json")

    def upto(self, rows: int, tail: str = "") -> None:
        lines = [
            f"{e},{0.3 + 2 / (e + 1):.5f},{max(0.1 * (1 - e / LENGTH), 0):.6g}\n"
            for e in range(rows)
        ]
        self.path.write_text("epoch,train_loss,lr\n" + "".join(lines) + tail)
        aged(self.path, rows * 10**9 + len(tail))


class Reads:
    """Loads as ``load_runs`` does and counts."""

    def __init__(self) -> None:
        self.files: list[str] = []

    def __call__(self, log: RunFiles) -> tuple[Run, ...] | ReadFailure:
        self.files.append(log.files[0])
        return load_runs(log)


def codes(told: list[Told], kind: Kind = Kind.CONFIRMED) -> list[str]:
    events = [t.event for t in told]
    return [e.finding.rule.code for e in events if e.kind is kind and e.finding is not None]


def watched(log: Log, *lengths: int) -> tuple[Watch, list[Told]]:
    watch, told = Watch([str(log.path.parent)], JOB), []
    for rows in lengths:
        log.upto(rows)
        told += watch.look()[1]
    return watch, told


def test_a_fault_is_told_with_the_step_from_which_it_could_be_known(tmp_path: Path) -> None:
    _, told = watched(Log(tmp_path / "run"), *range(16, 30), 40, 49)
    events = [(t.event.kind, t.event.finding.rule.code) for t in told if t.event.finding]
    assert events == [
        (Kind.CONFIRMED, "LRD304"),
        (Kind.CONFIRMED, "LRD501"),
        (Kind.EXPLAINED, "LRD304"),
    ]
    first = told[0]
    assert first.known is not None
    assert LENGTH <= first.known <= first.event.before < first.event.step <= LENGTH + 5


def test_a_log_met_late_is_caught_up_with(tmp_path: Path) -> None:
    _, early = watched(Log(tmp_path / "early"), *range(16, 30), 40, 49)
    _, late = watched(Log(tmp_path / "late"), 49)
    assert codes(late) == codes(early)[-1:] and late[0].known is not None
    assert late[0].event.step == 48


def test_waits_for_what_is_not_there_yet(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    watch = Watch([str(folder)], JOB)
    assert watch.look() == (False, []) and watch.runs == ()
    log = Log(folder)
    log.path.write_text("")
    assert watch.look()[0] and watch.runs == ()
    log.upto(3)
    assert watch.look()[0] and [f.name for f in watch.runs] == ["later"]
    assert watch.look() == (False, [])


def test_a_named_file_may_be_missing_or_empty_at_first(tmp_path: Path) -> None:
    log = Log(tmp_path)
    watch = Watch([str(log.path)], JOB)
    assert watch.look() == (False, [])
    log.path.write_text("")
    watch.look()
    log.upto(10)
    assert watch.look()[0] and watch.runs[0].state.last == 9


def test_nothing_is_read_while_nothing_changes(tmp_path: Path) -> None:
    one, other, reads = Log(tmp_path / "one"), Log(tmp_path / "other"), Reads()
    watch = Watch([str(tmp_path)], JOB, load=reads)
    one.upto(8)
    other.upto(8)
    watch.look()
    assert len(reads.files) == 2
    watch.look()
    (tmp_path / "one" / "weights.bin").write_bytes(b"x")
    aged(tmp_path / "one" / "weights.bin")
    other.upto(9)
    watch.look()
    assert reads.files[2:] == [str(other.path)]
    (tmp_path / "one" / "config.json").write_text("{}")
    aged(tmp_path / "one" / "config.json", 2)
    watch.look()
    assert reads.files[3:] == [str(one.path)]
    other.upto(10)
    watch.look()
    assert reads.files[4:] == [str(other.path)] and watch.look() == (False, [])
    assert [f.state.last for f in watch.runs] == [7, 9]


@pytest.mark.parametrize("tail", ["30", "30,", "30,0.2", "30,0.2,0.0", '30,"0.', "\x00\x00\x00"])
def test_a_half_written_line_changes_nothing(tmp_path: Path, tail: str) -> None:
    log = Log(tmp_path / "run")
    watch, _ = watched(log, *range(16, 31))
    log.upto(30, tail)
    assert not [t for t in watch.look()[1] if t.event.kind is not Kind.CONFIRMED]
    assert watch.runs[0].unread == "" and watch.runs[0].state.last in (29, 30)


def test_a_file_caught_while_it_is_replaced_keeps_what_is_known(tmp_path: Path) -> None:
    log = Log(tmp_path / "run")
    watch, _ = watched(log, *range(16, 30), 40, 49)
    standing = watch.runs[0].state.standing
    assert standing
    log.path.write_text("")
    assert watch.look()[1] == [] and watch.runs[0].state.standing == standing
    log.path.unlink()
    assert watch.look()[1] == [] and watch.runs[0].state.standing == standing
    log.upto(52)
    assert watch.look()[1] == [] and watch.runs[0].state.last == 51


def test_a_log_begun_anew_is_judged_anew(tmp_path: Path) -> None:
    watch, told = watched(Log(tmp_path / "run"), *range(16, 30), 40, 49, 6)
    assert Kind.REWRITTEN not in [t.event.kind for t in told]
    assert [t.event.kind for t in watch.look()[1]] == [Kind.REWRITTEN]
    assert watch.runs[0].state.standing == ()


def test_a_record_cut_anywhere_is_no_error(tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "sample_runs" / "nan-at-peak-lr" / "trainer_state.json"
    data, path = source.read_bytes(), tmp_path / "run" / "trainer_state.json"
    path.parent.mkdir()
    watch = Watch([str(tmp_path)], JOB)
    path.write_bytes(data)
    watch.look()
    standing, last = watch.runs[0].state.standing, watch.runs[0].state.last
    for size in (len(data) // 2, len(data) - 1, 1):
        path.write_bytes(data[:size])
        watch.look()
        assert watch.runs[0].state.standing == standing
    path.write_bytes(data + b"\n")
    watch.look()
    assert watch.runs[0].unread == "" and watch.runs[0].state.last == last


def test_at_the_end_a_watch_says_what_an_analysis_says(tmp_path: Path) -> None:
    from lrdoctor.api import analyze

    log = Log(tmp_path / "run")
    watch, _ = watched(log, 10, 25, 40)
    watch.close()
    (diagnosis,) = analyze(tmp_path / "run").diagnoses
    assert {f.rule.code for f in diagnosis.findings} == {
        f.rule.code for f in watch.runs[0].state.standing
    }


def test_the_end_is_known_where_the_length_is_planned(tmp_path: Path) -> None:
    watch, _ = watched(Log(tmp_path / "run"), 20)
    assert not watch.finished
    watch, _ = watched(Log(tmp_path / "whole"), EPOCHS)
    assert watch.finished
