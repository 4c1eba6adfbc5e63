"""Event files for the benchmark, written by torch's and TensorBoard's own writers.

TensorBoard's writers compute their checksums in Python, so the full size takes some minutes once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary import Writer as TensorWriter
from torch.utils.tensorboard import SummaryWriter

EIGHT_TAGS = (
    "lr/group0", "lr/group1", "train/loss", "train/acc1", "train/acc5", "grad/norm0",
    "data/time1", "step/time1",
)  # fmt: skip


def one_run(folder: Path, scale: float) -> None:
    """1,000,000 scalars of 8 tags in one file."""
    with SummaryWriter(str(folder), flush_secs=600) as writer:
        _steps(writer, range(int(125_000 * scale)), EIGHT_TAGS)


def tensor_scalars(folder: Path, scale: float) -> None:
    """200,000 scalars as rank-0 tensors, the way TF2 and Keras write them."""
    writer = TensorWriter(str(folder))
    for step in range(int(50_000 * scale)):
        for index, tag in enumerate(("epoch_loss", "epoch_lr", "val_loss", "val_accuracy")):
            writer.add_scalar(tag, _value(step, index), step)
    writer.close()


def restarts(folder: Path, scale: float) -> None:
    """480,000 scalars in 20 files: 19 restarts, each 120 steps before the end of the last part."""
    length = int(3_000 * scale)
    for part in range(20):
        first = part * (length - min(120, length // 2))
        purge = first if part else None
        with SummaryWriter(
            str(folder), purge_step=purge, filename_suffix=f".{part:02d}", flush_secs=600
        ) as writer:
            _steps(writer, range(first, first + length), EIGHT_TAGS)


def images(folder: Path, scale: float) -> None:
    """310 MB, 1 % of it scalars: after every 21 scalars an image of 110 kB or a histogram."""
    rng = np.random.default_rng(0)
    with SummaryWriter(str(folder), flush_secs=600) as writer:
        for step in range(int(2_850 * scale)):
            _steps(writer, range(step * 3, step * 3 + 3), EIGHT_TAGS[:7])
            picture = rng.integers(0, 255, (3, 192, 190), dtype=np.uint8)
            writer.add_image("val/input", picture, step * 3)
            if step % 10 == 0:
                writer.add_histogram("weights", rng.normal(size=1000), step * 3)


def many_runs(folder: Path, scale: float) -> None:
    """200 runs of 5 tags and 1,000 steps."""
    for run in range(max(1, int(200 * scale))):
        with SummaryWriter(str(folder / f"run{run:03d}"), flush_secs=600) as writer:
            _steps(writer, range(1000), ("lr", "train/loss", "val/loss", "val/accuracy", "epoch"))


def small_runs(folder: Path, scale: float) -> None:
    """20 Lightning-style runs: hparams, 30 epochs of 10 logged batches, validation each epoch."""
    for run in range(max(1, int(20 * scale))):
        with SummaryWriter(str(folder / f"version_{run}"), flush_secs=600) as writer:
            writer.file_writer.add_summary(_session_start())
            for epoch in range(30):
                for batch in range(10):
                    step = epoch * 500 + batch * 50 + 49
                    _steps(writer, [step], ("lr-Adam", "train_loss_step", "epoch"))
                _steps(writer, [step], ("train_loss_epoch", "val_loss", "val_acc", "epoch"))


def many_tags(folder: Path, scale: float) -> None:
    """2,000 tags of 100 steps, named after layers."""
    kinds = ("weight/norm", "weight/grad_norm", "bias/norm", "bias/grad_norm")
    tags = [f"layers.{i}.attention.{kind}" for i in range(500) for kind in kinds]
    with SummaryWriter(str(folder), flush_secs=600) as writer:
        _steps(writer, range(max(2, int(100 * scale))), tags)


def many_values(folder: Path, scale: float) -> None:
    """50,000 events of 8 values each, as merged summaries have them."""
    with SummaryWriter(str(folder), flush_secs=600) as writer:
        for step in range(int(50_000 * scale)):
            values = [
                Summary.Value(tag=tag, simple_value=_value(step, i))
                for i, tag in enumerate(EIGHT_TAGS)
            ]
            writer.file_writer.add_event(Event(summary=Summary(value=values)), step)


CASES: dict[str, Callable[[Path, float], None]] = {
    "1 run, 1,000,000 scalars, 8 tags": one_run,
    "tensor-typed scalars, 200,000": tensor_scalars,
    "20 restart files, 480,000": restarts,
    "310 MB, scalars 1 % of it": images,
    "200 runs x 5 tags x 1,000": many_runs,
    "20 small Lightning runs": small_runs,
    "2,000 tags, 200,000": many_tags,
    "8 values per event, 400,000": many_values,
}


def make(case: str, root: Path, scale: float) -> Path:
    """The folder of one case, written if it is not there yet."""
    folder = root / f"{CASES[case].__name__}-{scale:g}"
    done = folder / "complete"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        CASES[case](folder, scale)
        done.touch()
    return folder


def _steps(
    writer: SummaryWriter, steps: range | list[int], tags: tuple[str, ...] | list[str]
) -> None:
    for step in steps:
        for index, tag in enumerate(tags):
            writer.add_scalar(tag, _value(step, index), step)


def _value(step: int, index: int) -> float:
    return math.exp(-step / 50_000) + 0.1 * math.sin(step * 12.9898 + index)


def _session_start() -> Summary:
    from torch.utils.tensorboard.summary import hparams

    _, start, _ = hparams({"lr": 1e-3, "batch_size": 64, "model": "resnet18"}, {"hp_metric": -1.0})
    return start
