"""Start-up stays fast: what the command line must not import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("numpy", "scipy", "pandas", "torch", "tensorboard", "jinja2", "rich", "dask", "yaml",
         "importlib.metadata", "pebble", "fsspec")  # fmt: skip
ROOT = Path(__file__).parent.parent


def modules_after(arguments: list[str]) -> list[str]:
    """Names of ``HEAVY`` modules loaded by one command, run in a process of its own."""
    script = (
        "import sys, json, os\n"
        "from lrdoctor.cli import run\n"
        f"assert run({arguments!r}) == 0\n"
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    loaded: list[str] = json.loads(done.stderr.splitlines()[-1])
    return loaded


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["analyze", "--help"],
        ["rules", "--help"],
        ["series", "--help"],
        ["schedule", "--help"],
        ["schedule", "check", "--help"],
    ],
    ids=" ".join,
)
def test_help_loads_click_and_nothing_heavier(arguments: list[str]) -> None:
    assert modules_after(arguments) == []


def test_analysing_a_small_run_stays_light(tmp_path: Path) -> None:
    rows = "\n".join(f"{i},{0.1 * (1 - i / 200):.6g},{1 / (1 + i):.6g}" for i in range(200))
    (tmp_path / "metrics.csv").write_text(f"step,lr,train_loss\n{rows}\n")
    loaded = set(modules_after(["analyze", str(tmp_path), "--fail-on", "never"]))
    assert loaded.isdisjoint(
        {"pandas", "torch", "tensorboard", "scipy", "rich", "pebble", "dask", "fsspec"}
    )
