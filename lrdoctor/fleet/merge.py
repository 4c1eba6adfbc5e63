"""Joins the states of shards into one, with one history: the n-th scans of all shards are one."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lrdoctor.errors import ConfigError
from lrdoctor.fleet._lock import locked
from lrdoctor.fleet.state_file import check_state, open_store, read_store
from lrdoctor.fleet.store import Row, Store
from lrdoctor.types import _Value

_SCAN = "id, started, finished, shard, roots, digest, version, runs, unchanged, judged, unreadable"
_COUNTS = ("runs", "unchanged", "judged", "unreadable", "bytes_read", "open_findings")


@dataclass(frozen=True, slots=True)
class Part(_Value):
    """One scan of one shard, before it is joined with those of the others."""

    source: int
    row: Row

    @property
    def started(self) -> float:
        """Unix seconds."""
        return float(self.row[1])


def merge(out: str, sources: Sequence[str]) -> None:
    """Makes ``out`` the union of the states ``sources``; what it held before is replaced.

    Do so after every round of scans: the history is in the shards. It is written beside ``out`` and
    moved there, so that a reader sees the old state or the new one. Raises ``ConfigError``.
    """
    places = [os.path.realpath(path) for path in sources]
    if os.path.realpath(out) in places or len(set(places)) < len(places):
        raise ConfigError("give each state once, and the result another name", out)
    for path in sources:
        check_state(path)
    if os.path.exists(out):  # noqa: PTH110
        check_state(out)
    with locked(out), tempfile.TemporaryDirectory(dir=Path(out).resolve().parent) as folder:
        made = str(Path(folder, "merged.sqlite"))
        with open_store(made) as (target, _):
            _fill(target, sources)
            target.db.execute("PRAGMA journal_mode = DELETE")
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.remove(out + suffix)  # noqa: PTH107
        os.replace(made, out)  # noqa: PTH105


def rounds(parts: Iterable[Part]) -> list[list[Part]]:
    """Scans that belong together: in order of time, a new round begins with a second scan of any
    shard."""
    found: list[list[Part]] = []
    for part in sorted(parts, key=lambda p: (p.started, p.source)):
        if not found or any(p.source == part.source for p in found[-1]):
            found.append([])
        found[-1].append(part)
    return found


def _fill(target: Store, sources: Sequence[str]) -> None:
    parts: list[Part] = []
    for number, path in enumerate(sources):
        with read_store(path) as store:
            rows = store.rows(f"SELECT {_SCAN}, bytes_read, open_findings FROM scan")
            parts += [Part(number, row) for row in rows]
    renumbered: dict[tuple[int, int], int] = {}
    for new, together in enumerate(rounds(parts), start=1):
        _put_scan(target, new, together)
        renumbered |= {(part.source, part.row[0]): new for part in together}
    for number, path in enumerate(sources):
        with read_store(path) as store:
            _copy(store, target, {old: new for (s, old), new in renumbered.items() if s == number})
    target.commit()


def _put_scan(target: Store, number: int, together: Sequence[Part]) -> None:
    rows = [part.row for part in together]
    ends = [row[2] for row in rows]
    roots = sorted({root for row in rows for root in json.loads(row[4])})
    counts = [sum(row[7 + place] for row in rows) for place in range(len(_COUNTS))]
    shards = "+".join(sorted({row[3] for row in rows if row[3]}))
    target.db.execute(
        f"INSERT INTO scan ({_SCAN}, bytes_read, open_findings) VALUES "
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number, min(row[1] for row in rows), None if None in ends else max(ends), shards,
            json.dumps(roots), rows[0][5], rows[0][6], *counts,
        ),
    )  # fmt: skip


def _copy(source: Store, target: Store, scans: dict[int, int]) -> None:
    """Everything of one state, its scans under their new numbers; of a log that two states have,
    what was judged last."""
    target.db.executemany(
        "INSERT OR REPLACE INTO file VALUES (?, ?, ?)", source.rows("SELECT * FROM file")
    )
    columns = (
        "path, reader, root, first_file, mark, digest, state, reason, tries, first_scan, "
        "last_scan, judged_scan"
    )
    for log, *values in source.rows(f"SELECT id, {columns} FROM log"):
        values[-3:] = [scans[scan] for scan in values[-3:]]
        known = target.rows(
            "SELECT id, judged_scan FROM log WHERE path = ? AND reader = ?", values[:2]
        )
        if known and known[0][1] >= values[-1]:
            continue
        for (old,) in known[:1]:
            runs = "(SELECT id FROM run WHERE log = ?)"
            target.db.execute(f"DELETE FROM finding WHERE run IN {runs}", (old,))
            target.db.execute("DELETE FROM run WHERE log = ?", (old,))
            target.db.execute("DELETE FROM log WHERE id = ?", (old,))
        marks = ", ".join("?" * len(values))
        new = target.db.execute(f"INSERT INTO log ({columns}) VALUES ({marks})", values)
        _copy_runs(source, target, log, int(new.lastrowid or 0), scans)


def _copy_runs(source: Store, target: Store, log: int, new_log: int, scans: dict[int, int]) -> None:
    columns = (
        "name, project, judged, last_step, unit, began, seconds, wasted, commit_hash, spark, script"
    )
    found = "fingerprint, rule, code, severity, message, body, state"
    for run, *values in source.rows(f"SELECT id, {columns} FROM run WHERE log = ?", (log,)):
        new = target.db.execute(
            f"INSERT INTO run (log, {columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (new_log, *values),
        ).lastrowid
        rows = source.rows(
            f"SELECT {found}, first_scan, last_scan, closed_scan FROM finding WHERE run = ?", (run,)
        )
        target.db.executemany(
            f"INSERT INTO finding (run, {found}, first_scan, last_scan, closed_scan) VALUES "
            "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(new, *row[:7], *(s and scans[s] for s in row[7:])) for row in rows],
        )
