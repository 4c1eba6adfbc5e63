"""What a Dask worker does with a batch, without a cluster."""

from __future__ import annotations

import threading
import time

import pytest

from lrdoctor.errors import ConfigError
from lrdoctor.fleet.dask_engine import DaskEngine, _limited
from lrdoctor.fleet.engines import Lost


def thread_of(seconds: float) -> int:
    time.sleep(seconds)
    return threading.get_ident()


def test_one_thread_does_it_all_until_it_hangs() -> None:
    """Readers remember by thread what is the same in many files."""
    first = _limited(thread_of, 0.0, 5.0)
    assert _limited(thread_of, 0.0, 5.0) == first != threading.get_ident()
    assert _limited(thread_of, 30.0, 0.05) == Lost("took longer than 0.05 s and was given up")
    assert _limited(thread_of, 0.0, 5.0) != first


def test_what_a_function_raises_is_raised() -> None:
    def wrong(_item: int) -> int:
        raise ConfigError("your mistake")

    with pytest.raises(ConfigError, match="your mistake"):
        _limited(wrong, 1, 5.0)


def test_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("lrdoctor.fleet.dask_engine._CONNECT", "1s")
    with pytest.raises(ConfigError, match="no Dask scheduler at tcp"):
        DaskEngine(len, 1, None, "tcp://127.0.0.1:1").__enter__()
