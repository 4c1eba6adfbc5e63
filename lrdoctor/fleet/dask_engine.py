"""The engine on a Dask cluster: batches of logs, so that the scheduler is asked rarely.

Dask gives a batch whose worker died to another one, and a result counts once, however often it was
worked on. A batch that kills several workers comes back as an error and is tried item by item.
"""

from __future__ import annotations

import ctypes
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
            self._cluster = distributed.LocalCluster(
                n_workers=self.jobs, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
            )
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
            return Lost("the Dask workers that read it died")
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


def _limited(function: Callable[[Any], Any], item: Any, timeout: float) -> Any:
    """The result, or why there is none. A task cannot be stopped from outside and a worker has no
    children, so the item gets a thread, which is told to end when its time is over; one that hangs
    in a system call hears that late, and the batch goes on without it."""
    results: list[Any] = []
    errors: list[BaseException] = []
    thread = threading.Thread(target=_into, args=(function, item, results, errors), daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
        )
        return Lost(f"took longer than {timeout:g} s and was given up")
    if errors:
        raise errors[0]
    return results[0]


def _into(
    function: Callable[[Any], Any], item: Any, results: list[Any], errors: list[BaseException]
) -> None:
    try:
        results.append(function(item))
    except BaseException as error:
        errors.append(error)
