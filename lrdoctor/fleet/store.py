"""The state file: what earlier scans found. SQLite; one process writes, any number may read.

It may live on shared storage: the write-ahead log, which needs shared memory between readers and
writer, is used only on a disk of this machine. Every change is a transaction, so that a scan killed
at any moment leaves what it had finished.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from lrdoctor._version import __version__
from lrdoctor.errors import ConfigError
from lrdoctor.fleet._disks import is_local
from lrdoctor.fleet._lock import locked
from lrdoctor.fleet._schema import APPLICATION_ID, MIGRATIONS, VERSION
from lrdoctor.fleet.records import FindingRecord, LogRecord, RunRecord

MOST_TRIES = 3  # scans that try a log which cannot be read before it is left until it changes
_MAGIC = b"SQLite format 3\0"
_HEADER = 100  # bytes; the application's number stands at byte 68
_BUSY = 30.0  # seconds to wait for a reader that holds the file
_IN_A_ROW = 200  # changes in one transaction,
_WAIT = 1.0  # or as many as come in this many seconds: more is what a killed scan does again

Row: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What the store says of a log: its row, its mark when it was judged, under which digest."""

    id: int
    mark: str
    digest: str
    state: str
    reason: str
    tries: int

    def holds(self, mark: str, digest: str) -> bool:
        """Whether the log need not be read again."""
        if self.mark != mark or self.digest != digest:
            return False
        return self.state != "unreadable" or self.tries >= MOST_TRIES


class Store:
    """An open state file. Made by ``open_store`` for writing and ``read_store`` for reading."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.db = connection
        self._changes, self._since = 0, time.monotonic()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        return self.db.execute(sql, values).fetchall()

    # ------------------------------------------------------------------ what is known

    def reader_of(self, path: str, mark: str) -> str | None:
        """The reader of a file that still has this mark; None where it must be looked at."""
        row = self.db.execute("SELECT mark, reader FROM file WHERE path = ?", (text(path),))
        known = row.fetchone()
        return str(known[1]) if known is not None and known[0] == mark else None

    def learn_reader(self, path: str, mark: str, reader: str) -> None:
        """Takes down the reader of a file, "" where it is no log."""
        sql = "INSERT OR REPLACE INTO file VALUES (?, ?, ?)"
        self._change(sql, (text(path), mark, reader))

    def known_log(self, path: str, reader: str) -> Known | None:
        """What is known of a log by its place and reader."""
        sql = "SELECT id, mark, digest, state, reason, tries FROM log WHERE path = ? AND reader = ?"
        row = self.db.execute(sql, (text(path), reader)).fetchone()
        return None if row is None else Known(*row)

    # ------------------------------------------------------------------ one scan

    def begin_scan(self, roots: Sequence[str], shard: str, digest: str) -> int:
        """The number of a new scan."""
        shown = json.dumps([str(text(r)) for r in roots])
        cursor = self.db.execute(
            "INSERT INTO scan (started, shard, roots, digest, version) VALUES (?, ?, ?, ?, ?)",
            (time.time(), shard, shown, digest, __version__),
        )
        self.commit()
        return int(cursor.lastrowid or 0)

    def last_finished(self, before: int) -> int:
        """The last scan before this one that came to its end; 0 where none did.

        What a killed scan found has been shown to nobody, so it counts as new for the next.
        """
        sql = "SELECT max(id) FROM scan WHERE finished IS NOT NULL AND id < ?"
        return int(self.rows(sql, (before,))[0][0] or 0)

    def end_scan(self, scan: int, counts: dict[str, int]) -> None:
        """Closes a scan with the counts of its columns."""
        columns = "".join(f", {name} = ?" for name in counts)
        sql = f"UPDATE scan SET finished = ?{columns} WHERE id = ?"
        self.db.execute(sql, (time.time(), *counts.values(), scan))
        self.commit()

    def keep(self, known: Known, scan: int) -> None:
        """An unchanged log has been seen again; one that had gone is back with its findings."""
        if known.state == "gone":
            self._change("UPDATE log SET state = 'read' WHERE id = ?", (known.id,))
            self._reopen(known.id)
        self._change("UPDATE log SET last_scan = ? WHERE id = ?", (scan, known.id))

    def put(self, found: FoundLog, record: LogRecord, scan: int) -> None:
        """Stores what became of a log that was read."""
        known = self.known_log(found.path, found.reader)
        unreadable = not record.runs and bool(record.reason)
        state = "unreadable" if unreadable else "read"
        same = known is not None and (known.mark, known.digest) == (found.mark, found.digest)
        tries = known.tries + 1 if known is not None and same and unreadable else 1
        changed = (found.mark, found.digest, state, record.reason, tries, scan, scan)
        if known is None:
            cursor = self._change(
                "INSERT INTO log (path, reader, root, first_file, mark, digest, state, reason, "
                "tries, last_scan, judged_scan, first_scan) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*found.place, *changed, scan),
            )
            log = int(cursor.lastrowid or 0)
        else:
            log = known.id
            self._change(
                "UPDATE log SET mark = ?, digest = ?, state = ?, reason = ?, tries = ?, "
                "last_scan = ?, judged_scan = ?, first_file = ? WHERE id = ?",
                (*changed, text(found.first_file), log),
            )
            if known.state == "gone":
                self._reopen(log)
        if not unreadable:  # what could not be read this time is not thereby mended
            self._put_runs(log, record.runs, scan)

    def mark_gone(self, log: int, scan: int) -> None:
        """A log has vanished; its findings wait, closed, for its return."""
        self._change("UPDATE log SET state = 'gone' WHERE id = ?", (log,))
        self._change(
            "UPDATE finding SET state = 'gone', closed_scan = ? WHERE state = 'open' AND run IN "
            "(SELECT id FROM run WHERE log = ?)",
            (scan, log),
        )

    def unseen(self, scan: int, root: str) -> Iterator[tuple[int, Any]]:
        """Logs under ``root`` that this scan has not met: number and first file."""
        sql = "SELECT id, first_file FROM log WHERE last_scan < ? AND root = ? AND state != 'gone'"
        yield from self.rows(sql, (scan, text(root)))

    # ------------------------------------------------------------------ runs and findings

    def _put_runs(self, log: int, runs: Sequence[RunRecord], scan: int) -> None:
        kept = [self._put_run(log, run, scan) for run in runs]
        others = self.rows("SELECT id FROM run WHERE log = ?", (log,))
        for (run,) in others:
            if run not in kept:  # its log is read as fewer runs, or under another name
                self._close(run, (), scan)

    def _put_run(self, log: int, run: RunRecord, scan: int) -> int:
        values = (
            run.project, run.judged, run.last_step, run.unit, run.began, run.seconds,
            run.wasted, run.commit, run.spark, run.script,
        )  # fmt: skip
        row = self.db.execute("SELECT id FROM run WHERE log = ? AND name = ?", (log, run.name))
        found = row.fetchone()
        if found is None:
            cursor = self._change(
                "INSERT INTO run (project, judged, last_step, unit, began, seconds, "
                "wasted, commit_hash, spark, script, log, name) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, log, run.name),
            )
            number = int(cursor.lastrowid or 0)
        else:
            number = int(found[0])
            self._change(
                "UPDATE run SET project = ?, judged = ?, last_step = ?, unit = ?, "
                "began = ?, seconds = ?, wasted = ?, commit_hash = ?, "
                "spark = ?, script = ? WHERE id = ?",
                (*values, number),
            )
        for finding in run.findings:
            self._put_finding(number, finding, scan)
        self._close(number, [f.fingerprint for f in run.findings], scan)
        return number

    def _put_finding(self, run: int, finding: FindingRecord, scan: int) -> None:
        values = (finding.severity, finding.message, finding.body, scan)
        row = self.db.execute(
            "SELECT id FROM finding WHERE run = ? AND fingerprint = ? AND state = 'open'",
            (run, finding.fingerprint),
        ).fetchone()
        if row is not None:
            self._change(
                "UPDATE finding SET severity = ?, message = ?, body = ?, last_scan = ? "
                "WHERE id = ?",
                (*values, row[0]),
            )
            return
        self._change(
            "INSERT INTO finding (severity, message, body, last_scan, first_scan, run, "
            "fingerprint, rule, code, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')",
            (*values, scan, run, finding.fingerprint, finding.rule, finding.code),
        )

    def _close(self, run: int, still: Sequence[str], scan: int) -> None:
        """Findings of a run that are not among ``still`` have been mended."""
        sql = "SELECT id, fingerprint FROM finding WHERE run = ? AND state = 'open'"
        for finding, fingerprint in self.rows(sql, (run,)):
            if fingerprint not in still:
                sql = "UPDATE finding SET state = 'fixed', closed_scan = ? WHERE id = ?"
                self._change(sql, (scan, finding))

    def _reopen(self, log: int) -> None:
        self._change(
            "UPDATE finding SET state = 'open', closed_scan = NULL WHERE state = 'gone' AND run IN "
            "(SELECT id FROM run WHERE log = ?)",
            (log,),
        )

    # ------------------------------------------------------------------ transactions

    def _change(self, sql: str, values: Sequence[Any]) -> sqlite3.Cursor:
        self._changes += 1
        return self.db.execute(sql, values)

    def commit(self) -> None:
        """Makes every change so far last."""
        self.db.commit()
        self._changes, self._since = 0, time.monotonic()

    def commit_if_due(self) -> None:
        """Commits when enough has gathered. Call between logs: half of one is never stored."""
        if self._changes and (
            self._changes >= _IN_A_ROW * 10 or time.monotonic() - self._since >= _WAIT
        ):
            self.commit()


@dataclass(frozen=True, slots=True)
class FoundLog:
    """A log as a scan found it: where, how to read it, its mark before it was read."""

    path: str
    reader: str
    root: str
    first_file: str
    mark: str
    digest: str

    @property
    def place(self) -> Row:
        """The columns that never change."""
        return text(self.path), self.reader, text(self.root), text(self.first_file)


def text(path: str) -> str | bytes:
    """A path as SQLite takes it: bytes where it is not Unicode, which compare as well."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


# ---------------------------------------------------------------------- opening


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
