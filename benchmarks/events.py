"""Reads event files with lrdoctor and with RustBoard, in turns, and prints how they compare.

    python benchmarks/events.py [--scale 0.1] [--repeats 5] [--folder DIR] [--case WORD]

Needs tensorboard, tensorboard-data-server and torch. Each measurement is a fresh process; start-up
and imports are left out on both sides (RustBoard reports the time of its load cycle itself), and
the least of the repeats counts. lrdoctor verifies every checksum and ends with arrays; RustBoard
verifies none by default and, after loading, has the values in its own memory: "load + read" also
asks it for all of them, as TensorBoard does. lrdoctor reads each case three times in a process:
the first read builds tables that the others find, and the ratios are those of the best.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_CYCLE = re.compile(r"Finished load cycle \(([\d.]+)(ns|µs|ms|s)\)")
_UNITS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
_READS = 3
_PLUGINS = "scalars=all,images=all,text=all"


@dataclass(frozen=True)
class Measurement:
    """Seconds; ``megabytes`` is what the peak memory rises while reading."""

    wall: float
    cpu: float
    scalars: int = 0
    first: float = 0.0
    megabytes: float = 0.0


def main() -> None:
    """Measures every case and prints a Markdown table."""
    options = _options()
    if options.read:
        print(json.dumps(vars(_read_here(Path(options.read)))))
        return
    print("| case | s | first read | x load (wall) | x load (CPU) | x load + read (CPU) | MB |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        from _event_inputs import CASES, make

        root = Path(options.folder or temporary)
        for case in CASES:
            if options.case in case:
                print(_row(case, make(case, root, options.scale), options.repeats), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full input sizes")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", help="where to keep the inputs for another time")
    parser.add_argument("--case", default="", help="only the cases whose name contains this")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    return parser.parse_args()


def _row(case: str, folder: Path, repeats: int) -> str:
    ours, loads, reads = [], [], []
    # In turns, so that a busy machine slows all of them alike.
    for _ in range(repeats):
        ours.append(_lrdoctor(folder))
        loads.append(_rustboard(folder, read=False))
        reads.append(_rustboard(folder, read=True))
    wall, cpu = min(m.wall for m in ours), min(m.cpu for m in ours)
    memory = min(m.megabytes for m in ours)
    ratios = (
        min(m.wall for m in loads) / wall,
        min(m.cpu for m in loads) / cpu,
        min(m.cpu for m in reads) / cpu,
    )
    shown = " | ".join(f"{ratio:.1f}" for ratio in ratios)
    first = min(m.first for m in ours)
    return f"| {case} | {wall:.3f} | {first:.3f} | {shown} | {memory:.0f} |"


def _lrdoctor(folder: Path) -> Measurement:
    """Reads in a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, "--read", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    return Measurement(**json.loads(done.stdout))


def _read_here(folder: Path) -> Measurement:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from lrdoctor.readers.tensorboard import TensorBoard

    runs: dict[Path, list[str]] = {}
    for path in folder.rglob("*tfevents*"):
        runs.setdefault(path.parent, []).append(str(path))
    before, walls, cpus = _peak_megabytes(), [], []
    for _ in range(_READS):
        wall, cpu = time.perf_counter(), time.process_time()
        logs = [log for files in runs.values() for log in TensorBoard().read(files)]
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        if len(walls) == 1:
            megabytes = _peak_megabytes() - before
    scalars = sum(len(series.step) for log in logs for series in log.series)
    return Measurement(min(walls), min(cpus), scalars, walls[0], megabytes)


def _peak_megabytes() -> float:
    # ru_maxrss would include what the parent had when it forked.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1000


def _rustboard(folder: Path, *, read: bool) -> Measurement:
    """Loads in a fresh server, all points kept; ``read`` also fetches them over its gRPC."""
    import tensorboard_data_server

    before = _all_cpu()
    with tempfile.TemporaryDirectory() as temporary:
        port_file = Path(temporary) / "port"
        command = [
            tensorboard_data_server.server_binary(), "--logdir", str(folder), "--reload", "once",
            "--samples-per-plugin", _PLUGINS, "--port", "0", "--port-file", str(port_file),
            "--die-after-stdin", "-v",
        ]  # fmt: skip
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        assert server.stdin is not None and server.stderr is not None
        wall = next(_seconds(line) for line in server.stderr if "Finished load cycle" in line)
        scalars = _fetch(int(port_file.read_text())) if read else 0
        server.stdin.close()
        server.stderr.close()
        server.wait()
    return Measurement(wall, _all_cpu() - before, scalars)


def _seconds(line: str) -> float:
    found = _CYCLE.search(line)
    if found is None:
        raise ValueError(f"no time in {line!r}")
    return float(found[1]) * _UNITS[found[2]]


def _fetch(port: int) -> int:
    """Reads every scalar the way TensorBoard's own front end does; their number."""
    import grpc
    from tensorboard import context
    from tensorboard.data import grpc_provider

    endless = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"localhost:{port}", options=endless) as channel:
        provider = grpc_provider.GrpcDataProvider("", grpc_provider.make_stub(channel))
        found = provider.read_scalars(
            context.RequestContext(), experiment_id="", plugin_name="scalars", downsample=10**9
        )
    return sum(len(points) for tags in found.values() for points in tags.values())


def _all_cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
