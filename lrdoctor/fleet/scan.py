"""One scan: find logs, skip the unchanged, judge the rest in parallel, store, say what is new."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lrdoctor.fleet.engines import Engine, Lost, Stream
from lrdoctor.fleet.files import absolute, changed_at, vanished
from lrdoctor.fleet.marks import mark, mark_of
from lrdoctor.fleet.records import LogRecord, LogTask
from lrdoctor.fleet.shards import Shard
from lrdoctor.fleet.store import LIVE, FoundLog, Store
from lrdoctor.readers._discover import RunFiles, Search
from lrdoctor.readers._url import without_secrets
from lrdoctor.readers._walk import slashed
from lrdoctor.types import Note, _Value
from lrdoctor.verdict import ReadFailure

if TYPE_CHECKING:
    from lrdoctor.fleet.pages import Pages

_BREATHER = 64  # unchanged logs after which results get their turn
MOST_FAILURES = 20  # kept to be shown; the store has them all


@dataclass(frozen=True, slots=True)
class Scope(_Value):
    """What to scan. ``since`` (Unix seconds) leaves out logs with no file changed after it."""

    roots: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    shard: Shard = field(default_factory=Shard)
    since: float | None = None


@dataclass(slots=True)
class Tally:
    """Counts of one scan, in logs; ``bytes_read`` of the logs that were read; ``unlisted``
    are remote roots that could not be listed to their end."""

    found: int = 0
    unchanged: int = 0
    left_out: int = 0
    judged: int = 0
    runs: int = 0
    unreadable: int = 0
    bytes_read: int = 0
    gone: int = 0
    unlisted: int = 0
    seconds: float = 0.0
    failures: list[ReadFailure] = field(default_factory=list)
    notes: tuple[Note, ...] = ()

    def fail(self, failure: ReadFailure) -> None:
        """Counts a log that cannot be read."""
        self.unreadable += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(failure)


@dataclass(frozen=True, slots=True)
class Progress(_Value):
    """How far a scan is: ``total`` are the logs to judge as far as they have been found."""

    done: int
    total: int
    complete: bool
    seconds: float


def scan(
    store: Store,
    scope: Scope,
    engine: Engine[LogTask, LogRecord],
    digest: str,
    progress: Callable[[Progress], None] | None = None,
    pages: Pages | None = None,
) -> tuple[int, Tally]:
    """Scans, and gives the number of the scan in the store with its counts.

    What has been judged is stored at most a second later, so that a scan that is killed loses no
    more than that and the next one continues. ``pages`` get those of the runs that were judged.
    """
    began = time.monotonic()
    number = store.begin_scan(tuple(map(without_secrets, scope.roots)), str(scope.shard), digest)
    scanning = _Scanning(store, scope, digest, number, pages)
    stream = Stream(_Informing(engine, store), scanning.to_judge(), _lost)
    for found, record in stream:
        scanning.take(found, record)
        if progress is not None:
            passed = time.monotonic() - began
            progress(Progress(scanning.tally.judged, stream.taken, stream.exhausted, passed))
    scanning.find_gone()
    tally = scanning.tally
    tally.seconds = time.monotonic() - began
    store.commit()
    store.end_scan(number, _columns(store, tally))
    return number, tally


@dataclass
class _Scanning:
    store: Store
    scope: Scope
    digest: str
    number: int
    pages: Pages | None = None
    tally: Tally = field(default_factory=Tally)
    marks: dict[tuple[str, str], str] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)

    def to_judge(self) -> Iterator[RunFiles | None]:
        """Logs that have changed, or have not been judged by this rulebook; None in between."""
        scope = self.scope
        search = Search(scope.roots, scope.exclude, scope.include, _Readers(self), streaming=True)
        for count, found in enumerate(search):
            if isinstance(found, ReadFailure):
                self.tally.fail(found)
            elif self._is_in_scope(found) and not self._is_unchanged(found):
                yield found
            if count % _BREATHER == 0:
                self.store.commit_if_due()
                yield None
        self.tally.notes = search.notes
        self.unlisted = search.incomplete
        self.tally.unlisted = len(self.unlisted)

    def _is_in_scope(self, found: RunFiles) -> bool:
        relative = slashed(os.path.relpath(found.key, found.root))
        if not self.scope.shard.holds(relative):
            return False
        self.tally.found += 1
        since = self.scope.since
        if since is not None and all(changed_at(path) < since for path in found.all_files):
            self.tally.left_out += 1
            return False
        return True

    def _is_unchanged(self, found: RunFiles) -> bool:
        now = mark_of(found)
        known = self.store.known_log(_key(found), found.reader)
        lacks = self.pages is not None and known is not None and self.pages.lacks(known.id)
        if known is None or lacks or not known.holds(now, self.digest):
            # As it is before it is read: what is written meanwhile counts as a change.
            self.marks[_key(found), found.reader] = now
            return False
        self.store.keep(known, absolute(found.root), self.number)
        self.tally.unchanged += 1
        if known.state == "unreadable":
            self.tally.fail(ReadFailure(found.name, known.reason))
        return True

    def take(self, found: RunFiles, record: LogRecord) -> None:
        """Stores what a worker made of a log."""
        key = _key(found)
        root, first = absolute(found.root), absolute(found.files[0])
        mark = self.marks.pop((key, found.reader))
        log = FoundLog(key, found.reader, root, first, mark, self.digest, found.all_files)
        self.store.put(log, record, self.number)
        if self.pages is not None:
            self.pages.put(key, record, self.number)
        self.store.commit_if_due()
        self.tally.judged += 1
        self.tally.runs += len(record.runs)
        self.tally.bytes_read += record.size
        if record.reason:
            self.tally.fail(ReadFailure(found.name, record.reason))

    def find_gone(self) -> None:
        """Logs of these roots that no longer exist; what cannot be looked at stays as it is."""
        for root in self.scope.roots:
            if absolute(root) in self.unlisted:
                continue
            unseen = list(self.store.unseen(self.number, absolute(root)))
            gone = vanished(root, [path for _, path in unseen])
            for (log, _), is_gone in zip(unseen, gone, strict=True):
                if is_gone:
                    self.store.mark_gone(log, self.number)
                    self.tally.gone += 1


class _Informing:
    """The engine, given with each log what the store knows of its files, no sooner than needed."""

    def __init__(self, engine: Engine[LogTask, LogRecord], store: Store) -> None:
        self.engine, self.store = engine, store
        self.batch, self.width = engine.batch, engine.width
        self.live_since = time.time() - LIVE

    def submit(self, items: tuple[RunFiles, ...]) -> Future[tuple[LogRecord | Lost, ...]]:
        """As the ``Engine`` protocol has it."""
        known = ((found, self.store.tails_of(found.all_files)) for found in items)
        return self.engine.submit(
            tuple(LogTask(found, tails, self.live_since) for found, tails in known)
        )

    def lost(self, error: BaseException) -> Lost | None:
        """As the ``Engine`` protocol has it."""
        return self.engine.lost(error)


@dataclass(slots=True)
class _Readers:
    """Remembers which reader a file has for as long as the file stays as it is."""

    scanning: _Scanning
    path: str = ""
    mark: str = ""

    def recall(self, path: str) -> str | None:
        """As the ``Memory`` protocol has it."""
        self.path, self.mark = absolute(path), mark(path)
        return self.scanning.store.reader_of(self.path, self.mark)

    def learn(self, path: str, reader: str) -> None:
        """As the ``Memory`` protocol has it."""
        self.scanning.store.learn_reader(self.path, self.mark, reader)


def _key(found: RunFiles) -> str:
    return absolute(found.key)


def _lost(found: RunFiles, reason: str) -> LogRecord:
    return LogRecord(reason=f"{found.name}: {reason}")


def _columns(store: Store, tally: Tally) -> dict[str, int]:
    (open_findings,) = store.rows("SELECT count(*) FROM finding WHERE state = 'open'")[0]
    return {
        "runs": tally.runs,
        "unchanged": tally.unchanged,
        "judged": tally.judged,
        "unreadable": tally.unreadable,
        "bytes_read": tally.bytes_read,
        "open_findings": int(open_findings),
    }
