"""Size, age, identity and existence of files here and on remote storage, without reading them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from lrdoctor.errors import ReadError
from lrdoctor.readers._remote import Listed, connect, in_parallel
from lrdoctor.readers._url import is_remote


def absolute(path: str) -> str:
    """The path from the root of this machine; textual, so that a link keeps its own name. A URL
    is complete as it is."""
    return path.rstrip("/") if is_remote(path) else os.path.abspath(path)  # noqa: PTH100


def size_of(path: str) -> int:
    """Bytes in a file; 0 where it is not there."""
    if isinstance(path, Listed):
        return path.size
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except OSError:
        return 0


def changed_at(path: str) -> float:
    """When a file was last changed, in Unix seconds; 0 where it is not there."""
    if isinstance(path, Listed):
        return path.changed
    try:
        return os.stat(path).st_mtime  # noqa: PTH116
    except OSError:
        return 0.0


def vanished(root: str, paths: Sequence[str | bytes]) -> Iterator[bool]:
    """Whether each file below ``root`` is gone; False for what cannot be looked at."""
    if not is_remote(root):
        yield from map(_has_vanished, paths)
        return
    try:
        remote = connect(root)
    except ReadError:
        yield from (False for _ in paths)
        return
    for gone in in_parallel(remote.has_vanished, map(os.fsdecode, paths)):
        yield gone is True


def _has_vanished(path: str | bytes) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def roots_exist(roots: Sequence[str]) -> None:
    """Raises ``ReadError`` for a local root that is not there: a share that is not mounted must not
    make every run look gone. Remote roots are looked at when they are listed."""
    for root in roots:
        if not is_remote(root) and not os.path.exists(root):  # noqa: PTH110
            raise ReadError(root, "no such file or folder; is the share mounted?")
