"""A lock on a state file: held by one scan, released by the system when its process ends."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lrdoctor.errors import ConfigError
from lrdoctor.readers._text import display_name


@contextmanager
def locked(state: str) -> Iterator[None]:
    """Holds ``STATE.lock`` for the block. Raises ``ConfigError`` where another process does.

    The file stays: one that is removed while another process opens it would let both in.
    """
    path = f"{state}.lock"
    try:
        stream = Path(path).open("a+", encoding="utf-8", errors="replace")  # noqa: SIM115
    except OSError as error:
        reason = f"the lock cannot be made: {error.strerror}; choose a --state in a folder of yours"
        raise ConfigError(reason, path) from error
    with stream:
        if not _take(stream):
            stream.seek(0)
            holder = display_name(stream.read(200).strip()) or "another process"
            reason = f"in use by {holder}; wait for it or give another --state"
            raise ConfigError(reason, state)
        if hasattr(os, "register_at_fork"):
            # A worker that outlives its scan must not go on holding the lock.
            os.register_at_fork(after_in_child=stream.close)
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        stream.flush()
        yield
        stream.truncate(0)


if sys.platform == "win32":  # pragma: no cover

    def _take(stream: IO[str]) -> bool:
        import msvcrt

        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _take(stream: IO[str]) -> bool:
        import fcntl

        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:  # a file system without locks
            raise ConfigError(
                f"its file system cannot lock files ({error.strerror}); give a --state elsewhere",
                stream.name,
            ) from error
        return True
