"""Sizes and times of the HTML report; run from the checkout: ``python -m benchmarks.report``.

Reports are made of the diagnoses of ``sample_runs/``, repeated under other names until there are
enough; their curves are stretched to 2,000 points, as many as a diagnosis keeps, the losses with
noise of a tenth, so that none is easy to draw. Times of a browser need playwright and Chromium and
are left out without; the least of three counts, for other work on the machine only adds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from lrdoctor.api import analyze
from lrdoctor.cli._saved import read_saved
from lrdoctor.reports._site import site
from lrdoctor.reports._view import view
from lrdoctor.reports.html import Html
from lrdoctor.types import Role, Series
from lrdoctor.verdict import Curve, Diagnosis, Report
from tests.reports import browser as chrome

ROOT = Path(__file__).parents[1]
REPEATS = 3
POINTS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--saved", help="a JSON report to take the diagnoses from")
    options = parser.parse_args()
    report = read_saved(options.saved) if options.saved else analyze(ROOT / "sample_runs")
    faulty = [run.diagnosis for run in view(report).runs if run.faults]
    with TemporaryDirectory() as folder:
        for line in measured(report, faulty, Path(folder)):
            print(line, flush=True)


def measured(report: Report, faulty: Sequence[Diagnosis], folder: Path) -> Iterator[str]:
    """Lines of the table, as they are made."""
    yield "| what | aim | measured |"
    yield "|---|---|---|"
    alone = [replace(report, diagnoses=(run,)) for run in repeated(faulty, len(faulty))]
    yield row("one run, kB, largest of all", 200, max(len(encoded(r)) for r in alone) / 1e3)
    most = max(map(without_hover, alone)) / 1e3
    yield row("one run without script and hover values, kB, largest of all", 60, most)

    many = replace(report, diagnoses=tuple(repeated(faulty, 500)))
    before = time.process_time()
    page = encoded(many)
    spent = time.process_time() - before
    yield row("rendering, CPU ms per run, 500 runs with faults", 60, spent / 500 * 1e3)
    yield row("500 runs with faults in one file, MB", 12, len(page) / 1e6)
    one = folder / "report.html"
    one.write_bytes(page)

    fleet = replace(report, diagnoses=tuple(repeated(report.diagnoses, 2000)))
    before = time.process_time()
    for name, text in site(fleet):
        path = folder / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    spent = time.process_time() - before
    yield row("folder of 2,000 runs, CPU ms per run", 60, spent / 2000 * 1e3)
    index = folder / "site" / "index.html"
    yield row("index of 2,000 runs, MB", 2.5, index.stat().st_size / 1e6)
    if reason := chrome.missing():
        yield f"| in a browser | | not measured: {reason} |"
        return
    load, paint = opened(one)
    yield row("500 runs with faults in one file, s until loaded", 2, load)
    load, paint = opened(index)
    yield row("index of 2,000 runs, s until the first paint", 0.5, paint)
    yield row("index of 2,000 runs, s until loaded", None, load)


def row(what: str, aim: float | None, value: float) -> str:
    return f"| {what} | {'' if aim is None else f'≤ {aim:g}'} | {value:.3g} |"


def encoded(report: Report) -> bytes:
    return Html().render(report).encode()


def without_hover(report: Report) -> int:
    """Bytes of the page less what only the script uses."""
    import re

    text = Html().render(report)
    text = re.sub(r"<script>.*</script>", "", text, flags=re.DOTALL)
    return len(re.sub(r' data-(label|x|y|per)="[^"]*"', "", text).encode())


def repeated(runs: Sequence[Diagnosis], number: int) -> Iterator[Diagnosis]:
    """That many runs under names of their own, with dense curves."""
    rng = np.random.default_rng(0)
    for index, run in enumerate(islice(cycle(runs), number)):
        yield replace(
            run,
            run=f"experiment-{index // 40:03}/{run.run}-{index:05}",
            curves=tuple(dense(curve, rng) for curve in run.curves),
            candidates=tuple(
                replace(c, curves=tuple(dense(curve, rng) for curve in c.curves))
                for c in run.candidates
            ),
        )


def dense(curve: Curve, rng: np.random.Generator) -> Curve:
    """The curve at 2,000 points, over more steps where there were fewer; a loss with noise."""
    old = curve.series
    if not len(old):
        return curve
    stretch = max(1.0, POINTS / (old.step[-1] - old.step[0] + 1))
    step = np.linspace(
        old.step[0], old.step[0] + stretch * (old.step[-1] - old.step[0] + 1), POINTS
    )
    value = np.interp(np.linspace(0, 1, POINTS), np.linspace(0, 1, len(old)), old.value)
    if curve.role is not Role.LR:
        value = value * np.exp(rng.normal(0, 0.1, POINTS))
    return replace(curve, series=Series(old.tag, np.unique(step.astype(np.int64)), value))


def opened(path: Path) -> tuple[float, float]:
    """Seconds until a page is loaded and until something of it is painted, least of three."""
    times = []
    with chrome.launched() as browser:
        for _ in range(REPEATS):
            page = browser.new_page()
            page.goto(path.as_uri(), wait_until="load")
            page.wait_for_function("performance.getEntriesByType('paint').length > 0")
            times.append(
                page.evaluate(
                    "[performance.getEntriesByType('navigation')[0].loadEventEnd,"
                    " performance.getEntriesByType('paint')[0].startTime]"
                )
            )
            page.close()
    load, paint = (min(column) / 1e3 for column in zip(*times, strict=True))
    return load, paint


if __name__ == "__main__":
    main()
