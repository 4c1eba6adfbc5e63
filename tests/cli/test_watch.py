"""``lrdoctor watch`` from the command line, on a clock that moves as the logs grow."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from lrdoctor.cli import run
from lrdoctor.cli import watch as module
from tests.fleet.test_live import EPOCHS, LENGTH, Log

Act = Callable[[], object]


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return Log(tmp_path / "run")


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command, with what happens during each of its waits; it is interrupted after the last."""

    def watching(*words: str, during: Sequence[Act] = (interrupt,)) -> int:
        acts: Iterator[Act] = iter(during)
        now = [0.0]

        def sleep(seconds: float) -> None:
            now[0] += seconds
            assert now[0] < 10_000, "it does not end"
            next(acts, lambda: None)()

        clock = SimpleNamespace(monotonic=lambda: now[0], process_time=lambda: 0.0, sleep=sleep)
        monkeypatch.setattr(module, "time", clock)
        return run(["watch", *words, "--interval", "10"])

    return watching


def growing(log: Log, first: int, last: int) -> list[Act]:
    return [lambda rows=rows: log.upto(rows) for rows in range(first, last + 1)]  # type: ignore[misc]


def test_a_run_is_followed_to_its_planned_end(
    log: Log, watch: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    assert watch("run", during=[*growing(log, 18, 30), *growing(log, EPOCHS, EPOCHS)]) == 1
    out, err = capfd.readouterr()
    told = [line[9:] for line in out.splitlines()]
    assert told[0].startswith("run epoch 23: WARNING LRD304 ")
    assert told[1].startswith("run epoch 27: ERROR LRD501 ") and "could be known from" in told[1]
    assert told[2].startswith("run epoch 27: EXPLAINED LRD304 ") and "effect of LRD501" in told[2]
    assert out.splitlines()[3:] == [
        f"run: ended at epoch {EPOCHS - 1} of {EPOCHS}: 1 error (LRD501)"
    ]
    assert err == "waiting for a training log in run: nothing logged yet\n"


def test_events_for_machines(
    log: Log, watch: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    watch("run", "--json", during=[*growing(log, 18, 30), *growing(log, EPOCHS, EPOCHS)])
    out, err = capfd.readouterr()
    *events, end = [json.loads(line) for line in out.splitlines()]
    assert [(e["event"], e["code"], e["step"]) for e in events] == [
        ("confirmed", "LRD304", 23),
        ("confirmed", "LRD501", 27),
        ("explained", "LRD304", 27),
    ]
    assert events[1]["severity"] == "error" and LENGTH <= events[1]["known_from"] <= 26
    assert events[2]["cause"] == "LRD501"
    assert (end["event"], end["step"], end["standing"]) == ("ended", EPOCHS - 1, ["LRD501"])
    assert "1 error (LRD501)" in err


def stop(number: int) -> Act:
    def act() -> None:
        os.kill(os.getpid(), number)
        # On a busy machine another thread may be given the signal, and be slow to take it.
        for _ in range(200):
            time.sleep(0.05)

    return act


@pytest.mark.parametrize("how", [interrupt, stop(signal.SIGINT), stop(signal.SIGTERM)])
def test_an_interrupted_watch_sums_up(
    how: Act, log: Log, watch: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert watch("run", during=[*growing(log, 18, 26), how]) == 0
    out = capfd.readouterr().out.splitlines()
    assert out[-1] == (f"run: watched to epoch 25 of {EPOCHS}: 1 warning (LRD304)")
    assert signal.getsignal(signal.SIGTERM) == before
    assert watch("run", "--fail-on", "warning", during=[*growing(log, 18, 26), how]) == 1


def test_what_never_comes_is_waited_for_and_then_reported(
    watch: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "missing")
    assert watch(missing, "--until-idle", "60", during=()) == 3
    out, err = capfd.readouterr()
    assert err.splitlines() == [f"waiting for {missing}, which does not exist yet"]
    assert out.splitlines() == [f"no training log appeared in {missing}"]


def test_a_log_without_a_learning_rate_is_no_clean_bill(
    watch: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "loss.csv"
    path.write_text("step,loss\n" + "".join(f"{i},{2 / (i + 1):.4f}\n" for i in range(30)))
    assert watch(str(path), "--until-idle", "60", during=()) == 3
    assert "the log has no learning rate" in capfd.readouterr().out


def test_the_stop_file_stands_while_an_error_does(
    log: Log, watch: Callable[..., int], tmp_path: Path
) -> None:
    path, there = tmp_path / "flags" / "stop", []

    def look() -> None:
        there.append(path.read_text() if path.exists() else "")

    acts: list[Act] = [*growing(log, 18, 26), look, *growing(log, 27, 28), look]
    acts += [*growing(log, 3, 3), look, look, look, interrupt]
    watch("run", "--stop-file", str(path), during=acts)
    assert there[0] == "" and there[1].startswith("run: LRD501 ")
    assert there[2] == there[1] and there[4] == ""  # begun anew: believed at the second look
    assert not list(path.parent.iterdir())


def test_a_stop_file_that_is_there_already_would_stop_a_training_at_once(
    log: Log, watch: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stop").write_text("")
    assert watch("run", "--stop-file", "stop") == 2
    assert "remove it first" in capfd.readouterr().err
    (tmp_path / "file").write_text("")
    assert watch("run", "--stop-file", "file/stop") == 2
    assert "cannot be written" in capfd.readouterr().err


def test_a_disk_that_refuses_the_stop_file_costs_no_events(
    log: Log, watch: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "stop"
    acts = [*growing(log, 18, 20), path.mkdir, *growing(log, 21, 30), *growing(log, EPOCHS, EPOCHS)]
    assert watch("run", "--stop-file", "stop", during=acts) == 1
    out, err = capfd.readouterr()
    assert "ERROR LRD501" in out and "--stop-file stop: not written: " in err


@pytest.mark.parametrize("words", [["--interval", "0"], ["--until-idle", "-1"], ["--fail-on", "x"]])
def test_slips_are_usage_errors(words: list[str], log: Log) -> None:
    assert run(["watch", "run", *words]) == 2


def test_a_log_too_short_to_judge_ends_as_it_does_for_analyze(
    watch: Callable[..., int], tmp_path: Path
) -> None:
    path = tmp_path / "two.csv"
    path.write_text("step,lr,loss\n0,0.1,2.0\n1,0.1,1.9\n")
    assert watch(str(path), "--until-idle", "60", during=()) == 3
    assert run(["analyze", str(path)]) == 3
