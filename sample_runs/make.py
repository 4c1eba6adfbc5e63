"""Makes the sample runs anew: ``python -m sample_runs.make [name …]`` from the repository's root.

Every folder is one real training (torch, CPU, one thread, a second or two). A fault and its control
come from the same draw and the same seed; only the faulty line differs.
"""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.accuracy import healthy
from benchmarks.accuracy.faults import decay, onecycle, plateau, spike, unfreeze
from benchmarks.accuracy.lab import train
from benchmarks.accuracy.scene import Draw, Scene
from benchmarks.accuracy.writers import write

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """One folder: the scene to train, the seed of draw and training, the writer of the log."""

    name: str
    scene: Callable[[Draw], Scene]
    writer: str
    seed: int = 1
    intent: bool = True

    def make(self) -> None:
        """Trains and writes the folder, in place of an older one."""
        folder = HERE / self.name
        shutil.rmtree(folder, ignore_errors=True)
        scene = self.scene(np.random.default_rng(self.seed))
        write(train(scene.task, scene.recipe, self.seed), folder, self.writer, intent=self.intent)


def _pair(
    names: tuple[str, str],
    mechanism: Callable[[Draw, bool], Scene],
    writer: str,
    seed: int = 1,
    intent: bool = True,
) -> tuple[Sample, Sample]:
    """A fault and its control."""
    wrong, right = names
    return (
        Sample(wrong, lambda draw: mechanism(draw, True), writer, seed, intent),
        Sample(right, lambda draw: mechanism(draw, False), writer, seed, intent),
    )


SAMPLES: tuple[Sample, ...] = (
    *_pair(("unfreeze-collapse", "unfreeze-healthy"), unfreeze.rebuilt_from_decayed, "tensorboard"),
    *_pair(("backbone-lr-tiny", "backbone-lr-tenth"), unfreeze.tiny_backbone, "json_lines"),
    *_pair(
        ("onecycle-wrong-peak", "onecycle-healthy"),
        onecycle.accumulation_twice,
        "lightning_csv",
        seed=3,
    ),
    *_pair(
        ("onecycle-wrong-pct", "onecycle-right-pct"), onecycle.pct_hard_coded, "json_lines", seed=3
    ),
    *_pair(("decay-too-fast", "cosine-healthy"), decay.t_max_small_floor, "tensorboard"),
    *_pair(("step-per-batch", "step-per-epoch"), decay.step_per_batch, "lightning_csv"),
    *_pair(
        ("linear-horizon-short", "linear-healthy"), decay.horizon_of_one_device, "trainer_state"
    ),
    *_pair(("multistep-spike", "multistep-healthy"), spike.stale_checkpoint, "tensorboard", seed=3),
    *_pair(
        ("plateau-never-reduced", "plateau-reduced"),
        plateau.negative_metric,
        "lightning_csv",
        seed=4,
    ),
    Sample("warmup-cosine", healthy.warmup_cosine, "trainer_state"),
    Sample("in-progress", healthy.in_progress, "trainer_state", seed=2),
    Sample("sgdr", healthy.sgdr, "tensorboard"),
    Sample("wsd", healthy.wsd, "json_lines"),
    Sample("gradual-unfreezing", healthy.gradual_unfreezing, "tensorboard"),
    Sample("noisy-healthy", healthy.noisy, "lightning_csv"),
    Sample("yolo-healthy", healthy.yolo, "ultralytics_csv"),
    Sample("early-stopped", healthy.early_stopped, "json_lines"),
    Sample("short-constant", healthy.short_constant, "lightning_csv"),
    Sample("still-improving", healthy.still_improving, "tensorboard"),
    Sample("noise-limited", healthy.noise_limited, "json_lines"),
)


def main(names: list[str]) -> None:
    """Makes the samples named, or all."""
    torch.set_num_threads(1)
    # The faults provoke torch's advice about the order of steps, which is the point of them.
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
    for sample in SAMPLES:
        if not names or sample.name in names:
            sample.make()


if __name__ == "__main__":
    main(sys.argv[1:])
