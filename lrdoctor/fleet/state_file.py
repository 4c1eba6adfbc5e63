"""Opens state files: locked, brought to this version, moved aside when damaged."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lrdoctor.errors import ConfigError
from lrdoctor.fleet._disks import is_local
from lrdoctor.fleet._lock import locked
from lrdoctor.fleet._schema import APPLICATION_ID, MIGRATIONS, VERSION
from lrdoctor.fleet.store import Store

_MAGIC = b"SQLite format 3\0"
_HEADER = 100  # bytes; the application's number stands at byte 68
_BUSY = 30.0  # seconds to wait for a reader that holds the file


@contextmanager
def open_store(path: str) -> Iterator[tuple[Store, str]]:
    """The state file at ``path`` for writing, made where there is none, and a warning or "".

    A state file that is damaged is moved aside, which the warning says. Raises ``ConfigError``
    where another scan has it open, where it is of a newer lrdoctor, and where it is something else.
    """
    Path(path).resolve().parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        warning = _set_aside(path) if os.path.exists(path) and not _is_sound(path) else ""  # noqa: PTH110
        try:
            db = sqlite3.connect(path, timeout=_BUSY, isolation_level="DEFERRED")
            _migrate(db, path)
            mode = "WAL" if is_local(path) else "DELETE"
            db.execute(f"PRAGMA journal_mode = {mode}")
            db.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'WAL' else 'FULL'}")
        except sqlite3.Error as error:
            raise ConfigError(f"the state cannot be written: {error}", path) from error
        try:
            yield Store(db), warning
        finally:
            db.close()


@contextmanager
def read_store(path: str) -> Iterator[Store]:
    """The state file at ``path``, to read, also during a scan. Raises ``ConfigError``."""
    if not os.path.exists(path):  # noqa: PTH110
        reason = "no such state file; lrdoctor scan ROOT --state FILE makes one"
        raise ConfigError(reason, path)
    if not _is_sound(path):
        raise ConfigError("the state file is damaged; the next scan moves it aside", path)
    try:
        db = sqlite3.connect(path, timeout=_BUSY)
        db.execute("PRAGMA query_only = 1")
        version = _version(db, path)
        if version < VERSION:
            reason = f"a state of version {version} (this is {VERSION}); scan once to bring it up"
            raise ConfigError(reason, path)
    except sqlite3.Error as error:
        raise ConfigError(f"the state cannot be read: {error}", path) from error
    try:
        yield Store(db)
    finally:
        db.close()


def check_state(path: str) -> None:
    """Raises ``ConfigError`` for what is no state file, or a damaged one."""
    with read_store(path):
        pass


def _is_sound(path: str) -> bool:
    """Whether SQLite finds nothing wrong. Raises ``ConfigError`` where the file is no state."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEADER)
    except OSError as error:
        raise ConfigError(f"the state cannot be read: {error.strerror}", path) from error
    if not head:
        return True
    if not head.startswith(_MAGIC) or int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise ConfigError("not a state file of lrdoctor; give another --state", path)
    try:
        db = sqlite3.connect(path, timeout=_BUSY)
        with suppress(sqlite3.OperationalError):
            return bool(db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        return True  # busy: another process works with it, so it can
    except sqlite3.DatabaseError:
        return False
    finally:
        db.close()


def _set_aside(path: str) -> str:
    """Moves a damaged state and its journals away; says so."""
    aside = f"{path}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    os.replace(path, aside)  # noqa: PTH105
    for suffix in ("-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            os.replace(path + suffix, aside + suffix)  # noqa: PTH105
    return f"{path}: the state was damaged; it is now {aside}, and everything is read anew"


def _version(db: sqlite3.Connection, path: str) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise ConfigError(
            f"written by a newer lrdoctor (state version {version}, this one knows {VERSION}); "
            "update lrdoctor or give another --state",
            path,
        )
    return version


def _migrate(db: sqlite3.Connection, path: str) -> None:
    """Brings an older or empty file to ``VERSION``, step by step, each step whole or not at all."""
    for version in range(_version(db, path), VERSION):
        script = MIGRATIONS[version]
        db.executescript(
            f"BEGIN IMMEDIATE; {script} PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {version + 1}; COMMIT;"
        )
