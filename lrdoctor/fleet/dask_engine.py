"""The engine on a Dask cluster: batches of logs, so that the scheduler is asked rarely.

Dask gives a batch whose worker died to another one, and a result counts once, however often it was
worked on. A batch that kills several workers comes back as an error and is tried item by item.
"""

from __future__ import annotations

import ctypes
import queue
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic

from lrdoctor._version import __version__
from lrdoctor.errors import ConfigError, MissingExtraError
from lrdoctor.fleet.engines import Item, Lost, Result

BATCH = 32
"""Items in a task: about a second of work; the scheduler costs some milliseconds for each."""

_PER_THREAD = 3  # tasks for each thread of the cluster, so that none waits for the next
_CONNECT = "20s"


class DaskEngine(Generic[Item, Result]):
    """Work on the cluster at ``address``, or on one of ``jobs`` processes made here."""

    batch = BATCH

    def __init__(
        self,
        function: Callable[[Item], Result],
        jobs: int,
        timeout: float | None,
        address: str | None,
    ) -> None:
        self.function, self.jobs, self.timeout, self.address = function, jobs, timeout, address
        self.width = _PER_THREAD * jobs
        self.client: Any = None
        self._cluster: Any = None
        self._executor: Any = None
        self._name = f"lrdoctor-{uuid.uuid4().hex}"

    def __enter__(self) -> DaskEngine[Item, Result]:
        """Connects. Raises ``MissingExtraError``, and ``ConfigError`` for a cluster that does not
        answer or has another lrdoctor."""
        try:
            import distributed
        except ImportError as error:
            raise MissingExtraError("dask", "dask") from error
        if self.address is None:
            self._cluster = _cluster_here(self.jobs)
        try:
            self.client = distributed.Client(self._cluster or self.address, timeout=_CONNECT)
        except (OSError, ValueError) as error:
            raise ConfigError(f"no Dask scheduler at {self.address}: {error}") from error
        self._check_workers()
        self.width = _PER_THREAD * max(1, sum(self.client.nthreads().values()))
        self._executor = self.client.get_executor(pure=False)
        # The rulebook goes to each worker once, also to one that joins late, not with each task.
        self.client.register_plugin(_plugin(self.function), name=self._name)
        return self

    def _check_workers(self) -> None:
        if not self.client.nthreads():
            self.client.wait_for_workers(1, timeout=_CONNECT)
        for worker, version in self.client.run(_version, on_error="return").items():
            if version != __version__:
                said = version if isinstance(version, str) else f"none ({version})"
                raise ConfigError(
                    f"the Dask worker {worker} has lrdoctor {said}, this is {__version__}; "
                    "install the same version there"
                )

    def submit(self, items: tuple[Item, ...]) -> Future[tuple[Result | Lost, ...]]:
        """Begins a task."""
        task: Future[tuple[Result | Lost, ...]] = self._executor.submit(
            _run, self._name, items, self.timeout
        )
        return task

    def lost(self, error: BaseException) -> Lost | None:
        """As the ``Engine`` protocol has it."""
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            return Lost("the Dask workers that read it died", again=True)
        dropped = isinstance(error, CancelledError)
        return Lost("the Dask cluster dropped it", again=True) if dropped else None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown(wait=False)
        with suppress(Exception):  # the cluster may have gone
            self.client.unregister_worker_plugin(self._name)
        self.client.close()
        if self._cluster is not None:
            self._cluster.close()


def _cluster_here(jobs: int) -> Any:
    """A process for each job that nobody else reaches, without the profiler Dask runs in each."""
    import dask
    import distributed

    with dask.config.set({"distributed.worker.profile.enabled": False}):
        return distributed.LocalCluster(
            n_workers=jobs, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        )


def _plugin(function: Callable[[Any], Any]) -> Any:
    """A plug-in of Dask's that holds the function in every worker."""
    from distributed import WorkerPlugin

    kind = type("_Held", (WorkerPlugin,), {})
    held = kind()
    held.function = function
    return held


def _version() -> str:
    return __version__


def _run(name: str, items: tuple[Any, ...], timeout: float | None) -> tuple[Any, ...]:
    """In a worker: the results of a batch, in order."""
    from distributed import get_worker

    function = get_worker().plugins[name].function
    if timeout is None:
        return tuple(map(function, items))
    return tuple(_limited(function, item, timeout) for item in items)


_helpers = threading.local()


def _limited(function: Callable[[Any], Any], item: Any, timeout: float) -> Any:
    """The result, or why there is none. A task cannot be stopped from outside and a worker has no
    children, so a thread beside it does the work, the same for all items: readers remember by
    thread what is the same in many files. One that takes too long is told to end and replaced; if
    it hangs in a system call it hears that late."""
    helper: _Helper | None = getattr(_helpers, "helper", None)
    if helper is None:
        helper = _helpers.helper = _Helper()
    try:
        return helper.call(function, item, timeout)
    except queue.Empty:
        helper.abandon()
        _helpers.helper = None
        return Lost(f"took longer than {timeout:g} s and was given up")


class _Helper:
    """A thread that calls functions, one at a time."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[tuple[Callable[[Any], Any], Any]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[Any], Any], item: Any, timeout: float) -> Any:
        """Raises ``queue.Empty`` when the time is over, and what ``function`` raises."""
        self._asked.put((function, item))
        result, error = self._answers.get(timeout=timeout)
        if error is not None:
            raise error
        return result

    def abandon(self) -> None:
        """Ends the thread as soon as it runs Python again."""
        place = ctypes.c_ulong(self._thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(place, ctypes.py_object(SystemExit))

    def _work(self) -> None:
        while True:
            function, item = self._asked.get()
            try:
                self._answers.put((function(item), None))
            except SystemExit:
                return
            except BaseException as error:
                self._answers.put((None, error))
