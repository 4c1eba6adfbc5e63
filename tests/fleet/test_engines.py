"""The pool: order kept, a crashed or hung item costs itself alone."""

from __future__ import annotations

import os
import time

import pytest

from lrdoctor.errors import ConfigError
from lrdoctor.fleet.engines import FEWEST_FOR_POOL, jobs_for, run_all


def work(item: int) -> str:
    """Doubles; 13 kills its process, 14 hangs, 15 is the user's mistake."""
    if item == 13:
        os._exit(7)
    if item == 14:
        time.sleep(60)
    if item == 15:
        raise ConfigError("your mistake")
    return str(2 * item)


def lost(item: int, reason: str) -> str:
    return f"lost {item}: {reason}"


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order(jobs: int) -> None:
    results = run_all(work, range(10), jobs=jobs, timeout=None, lost=lost)
    assert list(results) == [str(2 * i) for i in range(10)]


def test_dead_and_hung_workers_cost_their_item_alone() -> None:
    results = list(run_all(work, [1, 13, 2, 14, 3], jobs=2, timeout=2.0, lost=lost))
    assert results[0::2] == ["2", "4", "6"]
    assert results[1] == "lost 13: its worker process died (exit code 7)"
    assert results[3] == "lost 14: took longer than 2 s and was given up"


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_users_mistake_stops_everything(jobs: int) -> None:
    with pytest.raises(ConfigError, match="your mistake"):
        list(run_all(work, [1, 15, 2], jobs=jobs, timeout=None, lost=lost))


def test_a_system_without_affinity_has_cores_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert jobs_for(10_000, None) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert jobs_for(10_000, None) == 1


def test_few_items_stay_in_this_process() -> None:
    assert jobs_for(FEWEST_FOR_POOL - 1, None) == 1
    assert jobs_for(10_000, None) == len(os.sched_getaffinity(0))
    assert jobs_for(3, 8) == 3
    assert jobs_for(0, 8) == 1
