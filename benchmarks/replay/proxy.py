"""Proxy training as one program against the same trainings one at a time with torch.optim.

    python -m benchmarks.replay.proxy [--task teacher] [--optimizer sgd] [--steps 100] [--repeats 3]
    python -m benchmarks.replay.proxy --levels [--task digits] [--seeds 4]
    python -m benchmarks.replay.proxy --faults [--task digits] [--seeds 16]

The first prints times, their ratio and memory: 40 trainings on one CPU thread and, where there is a
GPU, 40 and 256 on it, and the memory of 1,024. ``--levels`` measures the final loss over the peak
LR, from which ``lrdoctor/replay/proxy/levels.py`` has its numbers. ``--faults`` prints what a proxy
says about every fix of the sample runs of five faults and of one that costs nothing.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lrdoctor.api import analyze
from lrdoctor.fleet.cases import cases
from lrdoctor.replay.proxy import TASKS, Settings, train
from lrdoctor.replay.proxy.compare import final_losses
from lrdoctor.replay.proxy.levels import LEVELS, STEPS, WEIGHT_DECAY
from lrdoctor.replay.proxy.rehearse import Wish, train_candidates
from lrdoctor.replay.proxy.train import OPTIMIZERS
from lrdoctor.types import Array

SAMPLES = Path(__file__).parents[2] / "sample_runs"
FAULTS = (
    "onecycle-wrong-peak",
    "decay-too-fast",
    "multistep-spike",
    "plateau-never-reduced",
    "unfreeze-collapse",
    "onecycle-wrong-pct",
)
_MB = 1e6


def main() -> None:
    """Prints what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--task", choices=sorted(TASKS), default="teacher")
    parser.add_argument("--optimizer", choices=OPTIMIZERS)
    parser.add_argument("--steps", type=int, default=100, help="of each timed training")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--levels", action="store_true")
    parser.add_argument("--faults", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.levels:
        print_levels(options.task, options.seeds)
    elif options.faults:
        print_faults(options.task, options.seeds)
    else:
        print_speed(options.task, options.optimizer or "adamw", options.steps, options.repeats)


# ------------------------------------------------------------------------------------------- speed


def print_speed(task: str, optimizer: str, steps: int, repeats: int) -> None:
    """A line per device and number of trainings."""
    print(f"{task}, {optimizer}, {steps} steps, torch {torch.__version__}, one CPU thread")
    compare_on("cpu", 5, 8, task, optimizer, steps, repeats)
    if not torch.cuda.is_available():
        print("no GPU here: 256 and 1,024 trainings on one were not measured")
        return
    print(torch.cuda.get_device_name())
    compare_on("cuda", 5, 8, task, optimizer, steps, repeats)
    compare_on("cuda", 8, 32, task, optimizer, steps, repeats)
    batched("cuda", 32, 32, task, optimizer, 5)
    torch.cuda.reset_peak_memory_stats()
    seconds = batched("cuda", 32, 32, task, optimizer, steps)
    peak = torch.cuda.max_memory_allocated() / _MB
    print(f"cuda N = 1024: {1e3 * seconds / steps:.2f} ms a step, {peak:.0f} MB at most")


def compare_on(
    device: str, candidates: int, seeds: int, task: str, optimizer: str, steps: int, repeats: int
) -> None:
    """Least time of the repeats for either side, after a warm-up of each."""
    args = (device, candidates, seeds, task, optimizer)
    batched(*args, 5)
    one_at_a_time(*args, 2)
    before = _peak(device)
    together = min(batched(*args, steps) for _ in range(repeats))
    grown = _peak(device) - before
    alone = min(one_at_a_time(*args, steps) for _ in range(repeats))
    print(
        f"{device} N = {candidates * seeds}: together {1e3 * together / steps:.2f} ms a step, "
        f"one at a time {1e3 * alone / steps:.2f} ms, ratio {alone / together:.1f}; "
        f"memory grew by {grown / _MB:.0f} MB"
    )


def batched(
    device: str, candidates: int, seeds: int, task: str, optimizer: str, steps: int
) -> float:
    """Seconds for all trainings as one program."""
    lr = rates(candidates, steps, LEVELS[task][optimizer])
    settings = Settings(optimizer, seeds=seeds, device=device)
    return train(TASKS[task](), lr, settings).seconds


def one_at_a_time(
    device: str, candidates: int, seeds: int, task: str, optimizer: str, steps: int
) -> float:
    """Seconds for the same trainings by a plain loop over torch.optim."""
    lr = rates(candidates, steps, LEVELS[task][optimizer])
    made = TASKS[task]()
    begin = time.perf_counter()
    for candidate in range(candidates):
        for seed in range(seeds):
            _plain(made, device, seed, optimizer, lr[candidate, :, 0])
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def _plain(task: Any, device: str, seed: int, optimizer: str, lr: Array) -> None:
    model = task.model(seed).to(device)
    makers: dict[str, Callable[[], Any]] = {
        "sgd": lambda: torch.optim.SGD(model.parameters(), momentum=0.9, weight_decay=0.01),
        "adam": lambda: torch.optim.Adam(model.parameters(), weight_decay=0.01),
        "adamw": lambda: torch.optim.AdamW(model.parameters(), weight_decay=0.01),
    }
    made = makers[optimizer]()
    losses = torch.empty(len(lr), device=device)
    for step, value in enumerate(lr):
        made.param_groups[0]["lr"] = float(value)
        batch = tuple(part.to(device) for part in task.batch(step, seed))
        loss = task.loss(model, batch)
        made.zero_grad()
        loss.backward()
        made.step()
        losses[step] = loss.detach()
    losses.cpu()


def rates(candidates: int, steps: int, top: float) -> Array:
    """Cosines from falling tops: float64[candidates, steps, 2]."""
    cosine = 0.5 * (1 + np.cos(np.pi * np.arange(steps) / steps))
    tops = top * np.geomspace(1.0, 0.1, candidates)
    return np.repeat(tops[:, None, None] * cosine[None, :, None], 2, axis=2)


def _peak(device: str) -> float:
    if device == "cuda":
        return float(torch.cuda.max_memory_allocated())
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# ---------------------------------------------------------------------------- levels and real signs


def print_levels(task: str, seeds: int) -> None:
    """Final loss under a constant LR and under a cosine, by peak LR."""
    at = np.arange(STEPS) / STEPS
    for optimizer in OPTIMIZERS:
        tops = np.geomspace(1e-3, 1.0, 13) * (1.0 if optimizer == "sgd" else 0.1)
        shapes = (np.ones(STEPS), 0.5 * (1 + np.cos(np.pi * at)))
        lr = np.stack([np.repeat((t * s)[:, None], 2, axis=1) for s in shapes for t in tops])
        decay = WEIGHT_DECAY[optimizer]
        trained = train(TASKS[task](), lr, Settings(optimizer, seeds=seeds, weight_decay=decay))
        constant, cosine = final_losses(trained.loss).mean(axis=1).reshape(2, -1)
        print(f"{task}, {optimizer}, {STEPS} steps, {seeds} seeds: peak LR, constant, cosine")
        for row in zip(tops, constant, cosine, strict=True):
            print("  {:.5f}  {:.4f}  {:.4f}".format(*row))


def print_faults(task: str, seeds: int) -> None:
    """The verdict on every fix of six sample runs."""
    print(f"| sample run | fix | {task}: loss before | after | gain, 95 % interval | verdict |")
    print("|---|---|---|---|---|---|")
    for name in FAULTS:
        path = str(SAMPLES / name)
        (case,) = cases([path])
        (diagnosis,) = analyze(path).diagnoses
        done, _ = train_candidates(case, diagnosis, Wish(task, seeds))
        for candidate in done.candidates:
            o = candidate.outcomes[-1]
            low, high = o.gain_interval or (np.nan, np.nan)
            print(
                f"| {name} | {candidate.fix} | {o.baseline_loss:.4f} | {o.loss:.4f} "
                f"| {low:+.4f} to {high:+.4f} | {o.verdict} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
