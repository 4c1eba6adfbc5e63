"""Scans a generated fleet on an S3 server of this machine and prints what a run costs there.

    python benchmarks/remote.py [--runs 300] [--objects 50000] [--jobs 2]

The runs are those of benchmarks/fleet.py. Every scan is the command line in a process of its own;
"ms CPU" counts it and its workers, start-up included, not the server. The rows: first scan, again
unchanged, again after every tenth run grew by a tenth, the same files in a local folder, and a
listing of many objects that are no logs. Requests and bytes are counted by the server; the findings
must be those of the local scan.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from _fleet_inputs import STEPS, curves, event_file, make_runs
from fleet import Scan, findings, scan

from tests.object_store import Bucket, ObjectStore, object_store

_GROWN = 10  # one in so many runs
_BEFORE = STEPS * 9 // 10  # steps that were there before they grew
_PER_FOLDER = 100


def main() -> None:
    """Generates, scans and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--objects", type=int, default=50_000)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    with object_store() as store, tempfile.TemporaryDirectory() as temporary:
        os.environ.update(store.environment)
        folder, states = Path(temporary, "runs"), Path(temporary)
        paths = list(make_runs(folder, options.runs))
        bucket, jobs = store.bucket(), ["--jobs", str(options.jobs)]
        for number, path in enumerate(paths):
            whole = path.read_bytes()
            grows = number % _GROWN == 0
            _put(bucket, folder, path, whole[: _size(number)] if grows else whole)
        print("| scan | runs | wall s | ms CPU per run | peak MB | LIST | GET | MB read |")
        print("|---|---|---|---|---|---|---|---|")
        remote, local = states / "remote.sqlite", states / "local.sqlite"
        url = bucket.url("runs")
        _row("first", options.runs, store, scan(url, remote, *jobs))
        _row("again, unchanged", options.runs, store, scan(url, remote, *jobs))
        for path in paths[::_GROWN]:
            _put(bucket, folder, path, path.read_bytes())
        _row("a tenth grew by a tenth", options.runs, store, scan(url, remote, *jobs))
        _row("local folder, first", options.runs, store, scan(folder, local, *jobs))
        assert findings(remote) == findings(local), "the findings differ"
        bucket.put_at_once(
            f"many/project{n // _PER_FOLDER:05}/checkpoint{n}.bin" for n in range(options.objects)
        )
        many = states / "many.sqlite"
        measured = scan(bucket.url("many"), many, *jobs, "--allow-empty")
        _row(f"{options.objects} objects, no log", options.objects, store, measured)


def _size(number: int) -> int:
    """Bytes of a run's file after its first steps."""
    values, wall = curves(number)
    whole = event_file(values, wall)
    return len(whole) * _BEFORE // STEPS


def _put(bucket: Bucket, folder: Path, path: Path, content: bytes) -> None:
    bucket.put(f"runs/{path.relative_to(folder).as_posix()}", content)


def _row(name: str, runs: int, store: ObjectStore, measured: Scan) -> None:
    each, megabytes = 1000 * measured.cpu / runs, store.read() / 1e6
    counts = f"{store.count('LIST')} | {store.count('GET')} | {megabytes:.2f}"
    memory = f"{measured.megabytes:.0f}"
    print(
        f"| {name} | {runs} | {measured.wall:.1f} | {each:.2f} | {memory} | {counts} |", flush=True
    )
    print(measured.said, file=sys.stderr, flush=True)
    store.requests.clear()


if __name__ == "__main__":
    main()
