"""The report folder of a fleet: an index made from the state, and a page per run with a fault.

A run's page is made in the worker that judges it, and is as old as the scan that did so. A log
whose page is missing or older than its judgement is judged anew; pages of healed runs go.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from lrdoctor._version import __version__
from lrdoctor.errors import ConfigError
from lrdoctor.fleet.overview import Overview, RunRow, overview
from lrdoctor.fleet.records import LogRecord
from lrdoctor.fleet.store import Store
from lrdoctor.fleet.when import duration
from lrdoctor.messages import number_text, units_text
from lrdoctor.reports._page import asset_files, linked_parts
from lrdoctor.reports._site import RUNS, page_name
from lrdoctor.reports._templates import html_environment
from lrdoctor.types import ClockUnit

Write: TypeAlias = Callable[[str, str], None]
INDEX = "index.html"
MOST_CAUSES = 100
MOST_FOLDERS = 60
_MARKS = {
    "error": "✕ error",
    "warning": "▲ warning",
    "info": "● remark",
    "unjudged": "? not judged",
    "healthy": "✓ no fault",
}
_SLACK = 2.0  # seconds by which a file system may round the time of a file


class Pages:
    """A report folder. ``write(path, text)`` writes a file whole or raises ``ConfigError``.

    What cannot be written costs the scan nothing; ``finish`` raises the first such error.
    """

    def __init__(self, folder: str, store: Store, write: Write) -> None:
        self._folder, self._store, self._write = Path(folder), store, write
        self._problem: ConfigError | None = None
        self._there = _times(self._folder / RUNS)
        self._missing = frozenset(self._without_page())

    def lacks(self, log: int) -> bool:
        """Whether a run of this log (its number in the store) has a fault and no page of it."""
        return log in self._missing

    def put(self, log: str, record: LogRecord, scan: int) -> None:
        """Writes the pages of the runs in a log at this absolute path."""
        ((began,),) = self._store.rows("SELECT started FROM scan WHERE id = ?", (scan,))
        for run in record.runs:
            if run.page and self._problem is None:
                self._put(page_name(run.name, log), run.page, began)

    def _put(self, name: str, page: str, began: float) -> None:
        path = self._folder / RUNS / f"{name}.html"
        try:
            self._write(str(path), page)
            os.utime(path, (began, began))
        except ConfigError as error:
            self._problem = error
        except OSError as error:
            self._problem = ConfigError(f"cannot be written: {error.strerror}", str(path))
        else:
            self._there[name] = began

    def href(self, log: str, run: str) -> str:
        """The path of a run's page in the folder, "" where there is none."""
        name = page_name(run, log)
        return f"{RUNS}/{name}.html" if name in self._there else ""

    def remove_old(self) -> None:
        """Removes the pages of runs that no longer have a fault, or whose log has gone."""
        for log, run, faulty, *_ in self._runs(("read", "gone")):
            name = page_name(run, _text(log))
            if not faulty and self._there.pop(name, None) is not None:
                with suppress(OSError):
                    (self._folder / RUNS / f"{name}.html").unlink()

    def finish(self) -> str:
        """Writes the index, last of all, and says where it is; "" before a scan has ended.

        Raises ``ConfigError`` for what could not be written.
        """
        seen = overview(self._store, self.href)
        if self._problem is not None:
            raise self._problem
        if seen is None:
            return ""
        for name, text in {**asset_files(), INDEX: index(seen)}.items():
            self._write(str(self._folder / name), text)
        without = sum(not run.page for run in seen.runs if run.faults)
        told = f"wrote {self._folder / INDEX}"
        return f"{told}; {without:,} runs with a fault have no page yet" if without else told

    def _without_page(self) -> list[int]:
        return [
            number
            for log, run, faulty, number, judged in self._runs(("read",))
            if faulty and self._there.get(page_name(run, _text(log)), 0.0) < judged - _SLACK
        ]

    def _runs(self, states: Sequence[str]) -> list[tuple[str | bytes, str, int, int, float]]:
        """Path of the log, name, whether it has a fault, number of the log and when its judgement
        began, of every run in a log in one of these states."""
        sql = (
            "SELECT l.path, r.name, EXISTS (SELECT 1 FROM finding f WHERE f.run = r.id AND "
            "f.state = 'open' AND f.severity != 'info'), l.id, s.started FROM run r "
            "JOIN log l ON l.id = r.log JOIN scan s ON s.id = l.judged_scan WHERE l.state IN "
            f"({', '.join('?' * len(states))})"
        )
        rows = self._store.rows(sql, states)
        return [(log, run, bad, number, at) for log, run, bad, number, at in rows]


def index(seen: Overview) -> str:
    """The page of all runs."""
    template = html_environment().get_template("fleet.html.j2")
    return template.render(
        seen=seen,
        version=__version__,
        scans=len(seen.began) + 1,
        pages={run.id: run.page for run in seen.runs},
        parents={run.name.rpartition("/")[0] for run in seen.runs},
        marks=_MARKS,
        most_causes=MOST_CAUSES,
        most_folders=MOST_FOLDERS,
        lengths=_length,
        duration=duration,
        **linked_parts(""),
    )


def _length(run: RunRow) -> str:
    return f"{number_text(run.length)} {units_text(ClockUnit(run.unit), run.length)}"


def _times(folder: Path) -> dict[str, float]:
    """The pages in a folder and their times, in Unix seconds; none where there is no folder."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        return {
            entry.name.removesuffix(".html"): entry.stat().st_mtime
            for entry in entries
            if entry.name.endswith(".html")
        }
    return {}


def _text(path: str | bytes) -> str:
    return path if isinstance(path, str) else os.fsdecode(path)
