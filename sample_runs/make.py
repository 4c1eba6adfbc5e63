"""Makes the sample runs anew: ``python -m sample_runs.make [name …]`` from the repository's root.

Every folder is one real training (torch, CPU, one thread, a second or two). A fault and its control
come from the same draw and the same seed; only the faulty line differs. ``--readme`` rewrites the
tables of the README alone.
"""

from __future__ import annotations

import re
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.accuracy._gather import gather
from benchmarks.accuracy.scene import Sample
from benchmarks.accuracy.writers import write

HERE = Path(__file__).parent
README = HERE / "README.md"
SAMPLES: tuple[Sample, ...] = (
    *gather("benchmarks.accuracy.faults", "SAMPLES"),
    *gather("benchmarks.accuracy.healthy", "SAMPLES"),
)
_LOGS = {
    "tensorboard": "event file",
    "tensorboard_dense": "event file, every step",
    "lightning_csv": "Lightning CSV",
    "trainer_state": "`trainer_state.json`",
    "ultralytics_csv": "ultralytics CSV",
    "json_lines": "JSON lines",
    "epoch_csv": "CSV, a row per epoch",
    "keras_csv": "Keras CSV, no LR",
}


def make(sample: Sample) -> None:
    """Trains and writes the sample's folder, in place of an older one."""
    folder = HERE / sample.name
    shutil.rmtree(folder, ignore_errors=True)
    scene = sample.scene(np.random.default_rng(sample.seed))
    write(scene.trained(sample.seed), folder, sample.writer, intent=sample.intent)


def tables(samples: Sequence[Sample]) -> dict[str, str]:
    """The README's tables of faults and of look-alikes, rows without a heading."""
    faults = [s for s in samples if s.code]
    controls = {s.control for s in faults}
    rows = [
        (f"`{s.name}`", f"`{s.control}`", s.code, s.shows, _LOGS.get(s.writer, s.writer))
        for s in sorted(faults, key=lambda s: (s.code, s.name))
    ]
    calm = [
        (f"`{s.name}`", s.shows, _LOGS.get(s.writer, s.writer))
        for s in sorted(samples, key=lambda s: s.name)
        if not s.code and s.name not in controls
    ]
    return {
        name: "".join(f"| {' | '.join(row)} |\n" for row in table)
        for name, table in (("faults", rows), ("healthy", calm))
    }


def readme(text: str) -> str:
    """The README with its tables made anew."""
    for name, rows in tables(SAMPLES).items():
        pattern = rf"(<!-- {name} -->\n(?:\|.*\n){{2}})(?:\|.*\n)*"
        text = re.sub(pattern, lambda m, rows=rows: m.group(1) + rows, text)
    return text


def main(names: list[str]) -> None:
    """Makes the samples named, or all, and the README's tables."""
    torch.set_num_threads(1)
    # The faults provoke torch's advice about the order of steps, which is the point of them.
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
    for sample in SAMPLES:
        if not names or sample.name in names:
            make(sample)
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
