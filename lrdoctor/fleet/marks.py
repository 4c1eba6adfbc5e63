"""Marks: what tells without reading whether a log, or the settings beside it, has changed."""

from __future__ import annotations

import hashlib
import os
import time

from lrdoctor.readers._discover import RunFiles
from lrdoctor.readers._places import Near
from lrdoctor.readers._remote import Listed
from lrdoctor.readers._url import is_remote

_TICK = 100_000_000  # nanoseconds within which a local file system may give two writes one time
_COARSE_TICK = 2_000_000_000  # of file systems that keep whole seconds
_SECOND = 1_000_000_000


def mark(path: str) -> str:
    """Size, time of the last change and identity of a file, as text; "" where it is not there.

    A file changed just now is marked with the moment instead: it might be changed again without
    its time moving, so it must not look unchanged next time. A remote file is not looked at: its
    listing tells.
    """
    if is_remote(path):
        return path.mark if isinstance(path, Listed) else ""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return ""
    now = time.time_ns()
    tick = _TICK if found.st_mtime_ns % _SECOND else _COARSE_TICK
    changed = f"now{now}" if abs(now - found.st_mtime_ns) < tick else str(found.st_mtime_ns)
    return f"{found.st_size}:{changed}:{found.st_ino}"


def mark_of(found: RunFiles) -> str:
    """One mark for all files of a log and for the settings near them."""
    near = found.near or Near()
    parts = [f"{path}\0{mark(path)}" for path in (*found.all_files, *near.settings)]
    parts.append(str(near.shared))
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
