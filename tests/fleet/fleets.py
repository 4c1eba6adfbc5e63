"""Small fleets for tests: logs of a few kinds, a scan of them in this process, what it stored."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import Future
from functools import cache, partial
from pathlib import Path
from typing import Any

from lrdoctor.fleet.engines import Lost
from lrdoctor.fleet.records import LogRecord, LogTask, job_digest, judge_log
from lrdoctor.fleet.scan import Scope, Tally, scan
from lrdoctor.fleet.state_file import open_store
from lrdoctor.fleet.store import Store
from lrdoctor.fleet.worker import Job
from lrdoctor.rulebook import load_rulebook

OLD = 1_700_000_000  # Unix seconds: long ago, so that no log counts as changed just now
STEPS = 120


class Here:
    """An engine in this process."""

    batch, width = 1, 1

    def __init__(self, function: Any) -> None:
        self.function = function

    def submit(self, items: tuple[LogTask, ...]) -> Future[tuple[LogRecord | Lost, ...]]:
        answer: Future[tuple[LogRecord | Lost, ...]] = Future()
        answer.set_result(tuple(map(self.function, items)))
        return answer

    def lost(self, error: BaseException) -> Lost | None:
        return None


def rows(faulty: bool, steps: int = STEPS) -> list[str]:
    """A cosine over the whole run, or one that is used up after 40 % of it."""
    lines = ["step,lr,train_loss"]
    for step in range(steps):
        part = min(step / (0.4 * STEPS), 1) if faulty else step / STEPS
        lr = 0.05 * (1 + math.cos(math.pi * part))
        loss = 0.3 + 2 * math.exp(-4 * step / STEPS) + 0.01 * math.sin(37 * step)
        lines.append(f"{step},{lr:.8g},{loss:.6g}")
    return lines


def write_run(folder: Path, faulty: bool = False, steps: int = STEPS, at: int = OLD) -> Path:
    """A log in ``folder``, last changed at ``at`` (Unix seconds)."""
    return put(folder / "metrics.csv", "\n".join(rows(faulty, steps)) + "\n", at)


def put(path: Path, content: str | bytes, at: int = OLD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, ns=(at * 10**9 + 1, at * 10**9 + 1))
    return path


def write_fleet(root: Path, count: int, every: int = 3) -> None:
    """``count`` runs in projects of five; every third has a fault."""
    for number in range(count):
        write_run(root / f"project{number // 5}" / f"run{number:03}", faulty=number % every == 0)


@cache
def job() -> Job:
    return Job(load_rulebook(), replay="none")


def scan_here(state: Path, *roots: Path, function: Any = None, **scope: Any) -> Tally:
    """The counts of a scan in this process."""
    with open_store(str(state)) as (store, _):
        engine = Here(function or partial(judge_log, job=job()))
        wanted = Scope(tuple(map(str, roots)), **scope)
        return scan(store, wanted, engine, job_digest(job()))[1]


def stored(state: Path) -> list[tuple[Any, ...]]:
    """Run, rule and state of every finding, sorted."""
    with open_store(str(state)) as (store, _):
        return findings(store)


def findings(store: Store) -> list[tuple[Any, ...]]:
    sql = "SELECT r.name, f.rule, f.state FROM finding f JOIN run r ON r.id = f.run"
    return sorted(store.rows(sql))


def names(found: Sequence[tuple[Any, ...]], state: str = "open") -> set[str]:
    """Runs with a finding in this state."""
    return {run for run, _, kind in found if kind == state}
