"""Runs a worker function over many items, in this process or in a pool that survives crashes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# A process costs about 0.5 s of start-up; below this many runs it is not earned back.
FEWEST_FOR_POOL = 24


def jobs_for(items: int, asked: int | None) -> int:
    """Processes to use: as asked, else one per core for many items and one for few."""
    if asked is not None:
        return max(1, min(asked, items))
    return 1 if items < FEWEST_FOR_POOL else usable_cores()


def usable_cores() -> int:
    """Cores this process may run on; all of the machine where the system does not say (macOS)."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def run_all(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int,
    timeout: float | None,
    lost: Callable[[Item, str], Result],
) -> Iterator[Result]:
    """``function`` of each item, in order. A worker that dies or exceeds ``timeout`` seconds costs
    its item alone: ``lost(item, reason)`` stands for it. What ``function`` raises is
    raised again and ends the work.

    With one job and no timeout everything runs in this process.
    """
    if jobs <= 1 and timeout is None:
        yield from map(function, items)
        return
    from concurrent.futures import TimeoutError as FutureTimeout

    from pebble import ProcessExpired, ProcessPool

    with ProcessPool(max_workers=jobs) as pool:
        futures = [pool.schedule(function, args=(item,), timeout=timeout) for item in items]
        try:
            for item, future in zip(items, futures, strict=True):
                try:
                    yield future.result()
                except FutureTimeout:
                    yield lost(item, f"took longer than {timeout:g} s and was given up")
                except ProcessExpired as error:
                    yield lost(item, f"its worker process died (exit code {error.exitcode})")
        except BaseException:
            pool.stop()
            raise
