"""Scans generated fleets here and through Dask, again unchanged, and prints what a run costs.

    python benchmarks/fleet.py [--runs 10000] [--jobs 2] [--folder DIR] [--no-dask]

A run is an event file of 5 tags x 1,000 steps; one in ten rises again at the end, one in ten has
used up its LR. Every scan is the command line in a process of its own. "Runs/s per
core" counts the CPU seconds of that process and of all its workers, start-up included, so that a
busy machine changes it little; "peak MB" is the memory of the process that scans, not its workers.
The two engines must agree in every finding.
"""

from __future__ import annotations

import argparse
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from _fleet_inputs import make_runs

_SHARE = 10  # the small fleet is this part of the large one
_LOOK = 0.05  # seconds between two looks at the memory


@dataclass(frozen=True)
class Scan:
    """Seconds, of the wall and of all processes; megabytes; the last line that was printed."""

    wall: float
    cpu: float
    megabytes: float
    said: str


def main() -> None:
    """Generates, scans and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", help="where to keep the runs for another time")
    parser.add_argument("--no-dask", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary)
        few, many = max(1, options.runs // _SHARE), options.runs
        for count in (few, many):
            for _ in make_runs(folder / f"runs{count}", count):
                pass
        print("| scan | runs | wall s | runs/s per core | ms CPU per run | peak MB |")
        print("|---|---|---|---|---|---|")
        states = Path(temporary)
        jobs = ["--jobs", str(options.jobs)]
        for count in (few, many):
            root = folder / f"runs{count}"
            local = states / f"local{count}.sqlite"
            _row("local", count, scan(root, local, *jobs))
            _row("again, unchanged", count, scan(root, local, *jobs))
            if not options.no_dask:
                dask = states / f"dask{count}.sqlite"
                _row("Dask", count, scan(root, dask, *jobs, "--engine", "dask"))
                assert findings(local) == findings(dask), "the engines disagree"


def scan(root: Path | str, state: Path, *options: str) -> Scan:
    """One scan by the command line."""
    command = [sys.executable, "-m", "lrdoctor", "scan", str(root), "--state", str(state)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    environment |= {"OMP_NUM_THREADS": "1"}
    began, before = time.perf_counter(), os.times()
    process = subprocess.Popen(
        [*command, *options, "--fail-on", "never", "-q"],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, _peak_megabytes(process.pid))
        time.sleep(_LOOK)
    wall, after = time.perf_counter() - began, os.times()
    assert process.stdout is not None and process.returncode == 0
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Scan(wall, cpu, peak, process.stdout.read().strip())


def findings(state: Path) -> list[tuple[str, str, str]]:
    """Run, rule and message of every finding."""
    with sqlite3.connect(state) as db:
        sql = "SELECT r.name, f.rule, f.message FROM finding f JOIN run r ON r.id = f.run"
        return sorted(db.execute(sql).fetchall())


def _row(name: str, runs: int, measured: Scan) -> None:
    rate, each = runs / measured.cpu, 1000 * measured.cpu / runs
    print(f"| {name} | {runs} | {measured.wall:.1f} | {rate:.0f} | {each:.1f} | "
          f"{measured.megabytes:.0f} |", flush=True)  # fmt: skip
    print(measured.said, file=sys.stderr, flush=True)


def _peak_megabytes(process: int) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1000 if found else 0.0


if __name__ == "__main__":
    main()
