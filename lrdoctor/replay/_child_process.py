"""A child process that runs a user's code: its output goes to standard error, it dies whole."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def child_process(script: Path, request: Mapping[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """Runs ``script`` with ``request`` as JSON in its only argument; ends it with whatever it
    started when the block is left."""
    # -P: neither this folder nor the current one shadows the modules the user's code imports.
    command = [sys.executable, "-P", str(script), json.dumps(request)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=_stderr(), start_new_session=True
    ) as child:
        try:
            yield child
        finally:
            _kill(child)


def _stderr() -> int:
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return subprocess.DEVNULL


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Ends the child with whatever it started; nothing where it has ended by itself."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(child.pid, signal.SIGKILL)
            else:
                child.kill()
