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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lrdoctor._version import __version__
from lrdoctor.fleet.records import FindingRecord, LogRecord, RunRecord
from lrdoctor.readers._tails import Tail

MOST_TRIES = 3  # scans that try a log which cannot be read before it is left until it changes
LIVE = 86_400.0  # seconds after its last change for which a file may be growing
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
    """An open state file. ``lrdoctor.fleet.state_file`` opens it."""

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

    def tails_of(self, paths: Iterable[str]) -> dict[str, Tail]:
        """Where these files were read up to, of those that it is known of."""
        sql = "SELECT position, ends, changed, data FROM tail WHERE path = ?"
        found = ((p, self.db.execute(sql, (text(os.path.abspath(p)),)).fetchone()) for p in paths)  # noqa: PTH100
        return {path: Tail(*row) for path, row in found if row is not None}

    def _put_tails(self, paths: Iterable[str], tails: Mapping[str, Tail]) -> None:
        for path in paths:
            stored, tail = text(os.path.abspath(path)), tails.get(path)  # noqa: PTH100
            if tail is None:
                self._change("DELETE FROM tail WHERE path = ?", (stored,))
            else:
                values = stored, tail.offset, tail.check, tail.changed, tail.data
                self._change("INSERT OR REPLACE INTO tail VALUES (?, ?, ?, ?, ?)", values)

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
        """Closes a scan with the counts of its columns; forgets where old files ended."""
        self.db.execute("DELETE FROM tail WHERE changed < ?", (time.time() - LIVE,))
        columns = "".join(f", {name} = ?" for name in counts)
        sql = f"UPDATE scan SET finished = ?{columns} WHERE id = ?"
        self.db.execute(sql, (time.time(), *counts.values(), scan))
        self.commit()

    def keep(self, known: Known, root: str, scan: int) -> None:
        """An unchanged log has been seen again, under ``root``; one that had gone is back with its
        findings."""
        if known.state == "gone":
            self._change("UPDATE log SET state = 'read' WHERE id = ?", (known.id,))
            self._reopen(known.id)
        sql = "UPDATE log SET last_scan = ?, root = ? WHERE id = ?"
        self._change(sql, (scan, text(root), known.id))

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
                "last_scan = ?, judged_scan = ?, first_file = ?, root = ? WHERE id = ?",
                (*changed, text(found.first_file), text(found.root), log),
            )
            if known.state == "gone":
                self._reopen(log)
        self._put_tails(found.files, record.tails)
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
    files: tuple[str, ...] = ()

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
