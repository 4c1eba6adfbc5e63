"""The HTML report as a folder: an index, a page per run, and the style and script they share."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from lrdoctor.reports._format import count
from lrdoctor.reports._page import asset_files, linked_parts
from lrdoctor.reports._panels import COLUMNS
from lrdoctor.reports._templates import html_environment
from lrdoctor.reports._view import ReportView, RunView, view
from lrdoctor.verdict import Report

RUNS = "runs"
# A single page beyond this many runs with a fault is slow to open and long to read.
MOST_ON_A_PAGE = 50
_LONGEST_NAME = 60


def wants_folder(report: Report) -> bool:
    """Whether the report is better read as a folder than as one page."""
    return sum(1 for run in view(report).runs if run.faults) > MOST_ON_A_PAGE


def site(report: Report, index: str = "index.html", beside: str = "") -> Iterator[tuple[str, str]]:
    """Paths, relative to the folder of the index and with ``/``, and what to write there.

    The index is called ``index`` and comes last, so that it never leads to a page which is not
    there. Everything else is in the folder ``beside`` (with a slash at its end, or empty).
    """
    seen = view(report)
    pages = _pages(seen.runs)
    for name, text in asset_files().items():
        yield beside + name, text
    back = "../" * (1 + beside.count("/")) + quote(index)
    for run in seen.runs:
        yield beside + pages[run.anchor], _run_page(seen, run, back)
    template = html_environment().get_template("index.html.j2")
    yield (
        index,
        template.render(
            seen=seen,
            link=lambda run, anchor: quote(beside + pages[run]) + f"#{anchor}",
            **linked_parts(quote(beside)),
        ),
    )


def page_of_run(report: Report, index: str) -> str:
    """The page of the only run of ``report``, which leads back to an ``index`` of more runs."""
    seen = view(report)
    return _run_page(seen, seen.runs[0], index, "lrdoctor: all runs")


def _run_page(seen: ReportView, run: RunView, back: str, home: str = "") -> str:
    template = html_environment().get_template("run.html.j2")
    return template.render(
        seen=seen,
        run=run,
        d=run.diagnosis,
        index=back,
        home=home or f"lrdoctor: all {count(len(seen.runs), 'run')}",
        columns=COLUMNS,
        link=lambda _run, anchor: f"#{anchor}",
        **linked_parts("../"),
    )


def _pages(runs: Sequence[RunView]) -> dict[str, str]:
    """The path of each run's page by the run's anchor, no two alike."""
    names = [page_name(run.name) for run in runs]
    often = Counter(names)
    return {
        run.anchor: f"{RUNS}/{name}{f'-{run.anchor}' if often[name] > 1 else ''}.html"
        for run, name in zip(runs, names, strict=True)
    }


def page_name(run: str, place: str = "") -> str:
    """A file name for a run: readable, safe on every system, the same in the next report of it.

    Runs of one name are told apart by the ``place`` of their logs.
    """
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", run)[-_LONGEST_NAME:].strip("-.")
    whole = f"{place}\0{run}" if place else run
    mark = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{readable or 'run'}-{mark}"
