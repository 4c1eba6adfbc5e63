"""Writes the page of a large fleet and prints what it costs.

    python benchmarks/fleet_page.py [--runs 10000]

Sixty generated runs (``_fleet_inputs``) are judged and stored again and again under other names,
over twelve scans, so that the page has a trend, causes, folders and new findings. A tenth of the
names is healed at random. "CPU s" is for the index; a run's page is made where the run is judged.
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from _fleet_inputs import make_runs

from lrdoctor.fleet.overview import overview
from lrdoctor.fleet.pages import index
from lrdoctor.fleet.records import LogRecord, LogTask, judge_log
from lrdoctor.fleet.state_file import open_store
from lrdoctor.fleet.store import FoundLog, Store
from lrdoctor.fleet.worker import Job
from lrdoctor.readers._discover import RunFiles, find_runs
from lrdoctor.rulebook import load_rulebook

_KINDS = 60
_SCANS = 12


def main() -> None:
    """Builds the state in a temporary folder and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        list(make_runs(Path(folder, "runs"), _KINDS))
        job = Job(load_rulebook())
        found = [f for f in find_runs([str(Path(folder, "runs"))]) if isinstance(f, RunFiles)]
        judged = [judge_log(LogTask(f), job) for f in found]
        began = time.process_time()
        paged = [judge_log(LogTask(f), job, pages=True) for f in found]
        pages = [run.page for record in paged for run in record.runs if run.page]
        print(f"judging with pages: {1e3 * (time.process_time() - began) / _KINDS:.1f} ms a run")
        with open_store(str(Path(folder, "s.sqlite"))) as (store, _):
            _fill(store, judged, options.runs)
            began = time.process_time()
            seen = overview(store)
            assert seen is not None
            text = index(seen).encode()
            seconds = time.process_time() - began
    packed = len(gzip.compress(text))
    print("| runs | index MB | gzip kB | bytes a run | CPU s | page of a run kB |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {seen.all_runs:,} | {len(text) / 1e6:.2f} | {packed / 1e3:.0f} | "
        f"{len(text) / seen.all_runs:.0f} | {seconds:.2f} | "
        f"{sum(map(len, pages)) / len(pages) / 1e3:.0f} |"
    )


def _fill(store: Store, judged: list[LogRecord], count: int) -> None:
    chance = random.Random(0)
    for scan in range(1, _SCANS + 1):
        number = store.begin_scan(["/data/runs"], "", "d")
        for place in range(count * scan // _SCANS):
            if scan < _SCANS and chance.random() < 0.8:
                continue
            _put(store, judged[place % _KINDS], place, number, healed=chance.random() < 0.1)
        store.commit()
        ((still,),) = store.rows("SELECT count(*) FROM finding WHERE state = 'open'")
        store.end_scan(number, {"open_findings": still})


def _put(store: Store, record: LogRecord, place: int, scan: int, healed: bool) -> None:
    project = f"team{place // _KINDS % 7}/exp{place // _KINDS:03d}"
    name = f"{project}/run{place % _KINDS:05d}"
    script = "train.py" if place // _KINDS % 3 == 0 else ""
    runs = tuple(
        replace(
            run,
            name=name,
            project=project,
            script=script,
            findings=() if healed else run.findings,
        )
        for run in record.runs
    )
    log = FoundLog(f"/data/runs/{name}", "tensorboard", "/data/runs", f"/data/{name}", "m", "d")
    store.put(log, replace(record, runs=runs), scan)


if __name__ == "__main__":
    main()
