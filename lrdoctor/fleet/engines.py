"""Runs a worker function over many items: in a pool that survives crashes, or on a cluster."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from lrdoctor.errors import ConfigError

Item = TypeVar("Item")
Result = TypeVar("Result")
Task = TypeVar("Task", contravariant=True)
Outcome = TypeVar("Outcome")

ENGINES = ("local", "dask")
# A process costs about 0.5 s of start-up; below this many runs it is not earned back.
FEWEST_FOR_POOL = 24
_LOOK = 0.02  # seconds between two looks at the next item while nothing is done


@dataclass(frozen=True, slots=True)
class Lost:
    """In the place of a result: why there is none, and whether trying again may help."""

    reason: str
    again: bool = False


class Engine(Protocol[Task, Outcome]):
    """Does work in tasks of ``batch`` items; ``width`` tasks at a time keep all of it busy."""

    batch: int
    width: int

    def submit(self, items: tuple[Task, ...]) -> Future[tuple[Outcome | Lost, ...]]:
        """Begins a task: a result per item, in order."""

    def lost(self, error: BaseException) -> Lost | None:
        """What the error of a task means for its items; None where it ends the work."""


def open_engine(
    name: str,
    function: Callable[[Item], Result],
    *,
    jobs: int,
    timeout: float | None = None,
    address: str | None = None,
    spawn: bool = False,
) -> AbstractContextManager[Engine[Item, Result]]:
    """The engine of this name (``ENGINES``) for ``function``, which must not raise.

    ``timeout`` is in seconds per item. ``address`` is that of a Dask scheduler; without one, Dask
    starts ``jobs`` worker processes here. ``spawn`` starts local processes anew instead of forking
    them. Raises ``MissingExtraError`` and ``ConfigError``.
    """
    if name == "local":
        return LocalEngine(function, jobs, timeout, spawn)
    if name == "dask":
        from lrdoctor.fleet.dask_engine import DaskEngine

        return DaskEngine(function, jobs, timeout, address)
    raise ConfigError(f"unknown engine {name!r}; engines: {', '.join(ENGINES)}")


class Stream(Iterator[tuple[Item, Result]], Generic[Item, Result]):
    """Each item with its result, in order of completion, holding a bounded number of either.

    ``items`` gives None now and then where it has to look long for the next, so that results wait
    for nobody. While nothing is done, items are taken ahead of need, up to ``ahead`` of them, so
    that ``taken`` soon counts them all. What was in a task that died is tried once more, each item
    by itself while nothing else runs; ``lost(item, reason)`` stands for one that does so again.
    """

    def __init__(
        self,
        engine: Engine[Item, Result],
        items: Iterable[Item | None],
        lost: Callable[[Item, str], Result],
        ahead: int = 20_000,
    ) -> None:
        self.engine, self.lost, self.ahead = engine, lost, ahead
        self.taken, self.exhausted = 0, False
        self._items = iter(items)
        self._backlog: deque[Item] = deque()
        self._again: deque[Item] = deque()
        self._ready: deque[tuple[Item, Result]] = deque()
        self._running: dict[
            Future[tuple[Result | Lost, ...]], tuple[tuple[Item, ...], bool]
        ] = {}  # with the items: whether this is their last try

    def __next__(self) -> tuple[Item, Result]:
        while not self._ready:
            self._fill()
            if self._running:
                self._collect()
            elif not self._take():
                raise StopIteration
        return self._ready.popleft()

    def _fill(self) -> None:
        """Begins tasks while there is room and something to do."""
        while self._has_task():
            last = not self._has_batch()
            source = self._again if last else self._backlog
            size = 1 if last else min(self.engine.batch, len(source))
            batch = tuple(source.popleft() for _ in range(size))
            self._running[self.engine.submit(batch)] = batch, last

    def _has_task(self) -> bool:
        """Whether a task can be begun. What is tried once more runs alone: a cluster blames a
        worker's death on all tasks that it held."""
        if any(last for _, last in self._running.values()):
            return False
        if self._has_batch():
            return len(self._running) < self.engine.width
        return bool(self._again) and not self._running

    def _has_batch(self) -> bool:
        """Whether a batch is whole; one of fewer items only at the end."""
        return len(self._backlog) >= (1 if self.exhausted else self.engine.batch)

    def _take(self) -> bool:
        """Looks for one more item; False where there is none."""
        if self.exhausted:
            return False
        try:
            item = next(self._items)
        except StopIteration:
            self.exhausted = True
            return bool(self._backlog)
        if item is not None:
            self._backlog.append(item)
            self.taken += 1
        return True

    def _collect(self) -> None:
        """Waits until a task has ended or another can begin, looking for items meanwhile."""
        done: set[Future[tuple[Result | Lost, ...]]] = set()
        while not done and not self._has_task():
            busy = len(self._backlog) < self.ahead and self._take()
            done, _ = wait(self._running, 0 if busy else _LOOK, FIRST_COMPLETED)
        for future in done:
            batch, last = self._running.pop(future)
            error = CancelledError() if future.cancelled() else future.exception()
            if error is None:
                for item, result in zip(batch, future.result(), strict=True):
                    self._finish(item, result)
                continue
            loss = self.engine.lost(error)
            if loss is None:
                raise error
            if not last and (loss.again or len(batch) > 1):
                self._again.extend(batch)
                continue
            for item in batch:
                self._finish(item, loss)

    def _finish(self, item: Item, result: Result | Lost) -> None:
        known = self.lost(item, result.reason) if isinstance(result, Lost) else result
        self._ready.append((item, known))


class LocalEngine(Generic[Item, Result]):
    """A process per job; one that dies or hangs is replaced and costs its item alone."""

    batch = 1

    def __init__(
        self,
        function: Callable[[Item], Result],
        jobs: int,
        timeout: float | None,
        spawn: bool = False,
    ) -> None:
        self.function, self.jobs, self.timeout, self.spawn = function, jobs, timeout, spawn
        self.width = 2 * jobs + 2
        self._pool: Any = None
        self._room: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> LocalEngine[Item, Result]:
        if self.spawn:
            self._room = tempfile.TemporaryDirectory(prefix="lrdoctor-")
        return self

    def submit(self, items: tuple[Item, ...]) -> Future[tuple[Result | Lost, ...]]:
        """Begins one item; the first starts the pool, which is not needed where nothing changed."""
        if self._pool is None:
            from pebble import ProcessPool

            self._pool = ProcessPool(
                max_workers=self.jobs,
                initializer=_become_worker,
                initargs=(self.function, self._room and self._room.name),
                context=_context(self.spawn),
            )
        task: Future[tuple[Result | Lost, ...]] = self._pool.schedule(
            _work, args=(items,), timeout=self.timeout
        )
        return task

    def lost(self, error: BaseException) -> Lost | None:
        """As the ``Engine`` protocol has it."""
        return _lost(error, self.timeout)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.stop() if error else self._pool.close()
            self._pool.join()
        if self._room is not None:
            self._room.cleanup()


def _context(spawn: bool) -> Any:
    """How processes are started. Forking copies the locks of other threads, such as those of a
    remote file system, in whatever state they are."""
    import multiprocessing

    return multiprocessing.get_context("spawn" if spawn else None)


_function: Callable[[Any], Any] | None = None


def _become_worker(function: Callable[[Any], Any], room: str | None) -> None:
    """Keeps the function, which holds the rulebook: sending it with each item would cost more.

    Temporary files go to the folder ``room``, which outlives a worker that is killed over them.
    """
    global _function
    _function = function
    tempfile.tempdir = room or tempfile.tempdir
    _die_with_parent()


def _work(items: Sequence[Any]) -> tuple[Any, ...]:
    assert _function is not None
    return tuple(map(_function, items))


def _die_with_parent() -> None:
    """A worker whose scan was killed has nobody to answer. Linux only; elsewhere it ends when it
    next asks for work."""
    if not os.path.exists("/proc/self/stat"):  # noqa: PTH110
        return
    import ctypes
    import signal

    try:
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        return


def _lost(error: BaseException, timeout: float | None) -> Lost | None:
    from pebble import ProcessExpired

    if isinstance(error, FutureTimeout):
        return Lost(f"took longer than {timeout:g} s and was given up")
    if isinstance(error, ProcessExpired):
        return Lost(f"its worker process died (exit code {error.exitcode})", again=True)
    return None


# ---------------------------------------------------------------------- a known number of items


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
    spawn: bool = False,
) -> Iterator[Result]:
    """``function`` of each item, in order. A worker that dies or exceeds ``timeout`` seconds costs
    its item alone: ``lost(item, reason)`` stands for it. What ``function`` raises is
    raised again and ends the work.

    With one job and no timeout everything runs in this process. ``spawn`` as for ``open_engine``.
    """
    if jobs <= 1 and timeout is None:
        yield from map(function, items)
        return
    from pebble import ProcessPool

    with ProcessPool(max_workers=jobs, context=_context(spawn)) as pool:
        futures = [pool.schedule(function, args=(item,), timeout=timeout) for item in items]
        try:
            for item, future in zip(items, futures, strict=True):
                try:
                    yield future.result()
                except Exception as error:
                    loss = _lost(error, timeout)
                    if loss is None:
                        raise
                    yield lost(item, loss.reason)
        except BaseException:
            pool.stop()
            raise
