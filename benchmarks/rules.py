"""How long all rules take on one run, after reading and fitting.

    python -m benchmarks.rules [--steps 20000] [--repeats 20]

Runs of four LR series and three losses, healthy and faulty; prints the CPU time of all rules in
the median, and that of the slowest rules.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from lrdoctor.case import build_case
from lrdoctor.diagnosis import judge
from lrdoctor.rulebook import Rulebook, load_rulebook
from lrdoctor.types import Array, Case, Run, Series

_SLOWEST = 8


def main() -> None:
    """Prints a line per kind of run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    book = load_rulebook()
    print(f"{len(book.rules)} rules, {options.steps:,} steps, 4 LR and 3 loss series")
    for name, lr in _SCHEDULES.items():
        case = build_case(run(name, lr, options.steps), expect={})
        whole = _median(lambda case=case: judge(case, book), options.repeats)
        print(f"{name:<22}{1e3 * whole:7.1f} ms   {_slowest(case, book, options.repeats)}")


def run(name: str, lr: Callable[[Array], Array], steps: int) -> Run:
    """Four param groups and three losses, logged at every step, in 40 epochs."""
    step = np.arange(steps)
    share = step / steps
    rng = np.random.default_rng(0)
    falling = 0.4 + 1.6 / np.sqrt(1 + 50 * share)
    series = {
        f"lr/pg{group}": Series(f"lr/pg{group}", step, factor * lr(share))
        for group, factor in enumerate((1.0, 0.5, 0.1, 0.02))
    }
    for tag in ("train/loss", "val/loss", "train/aux_loss"):
        series[tag] = Series(tag, step, falling + rng.normal(0, 0.05, steps))
    series["epoch"] = Series("epoch", step, np.floor(40 * share))
    settings = {"max_epochs": 40, "optimizer": "AdamW"}
    return Run(name, (name,), "benchmark", "step", series, settings, dict.fromkeys(settings, "a"))


def _slowest(case: Case, book: Rulebook, repeats: int) -> str:
    times = {
        code: _median(lambda d=detector: list(d.detect(case)), repeats)
        for code, detector in book.detectors.items()
    }
    worst = sorted(times, key=lambda code: -times[code])[:_SLOWEST]
    return ", ".join(f"{code} {1e3 * times[code]:.1f}" for code in worst)


def _median(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return float(np.median(times))


def _steps(share: Array) -> Array:
    return 0.1 ** (1 + (share > 0.5).astype(float) + (share > 0.75))


_SCHEDULES: dict[str, Callable[[Array], Array]] = {
    "cosine": lambda s: 0.05 * (1 + np.cos(np.pi * s)),
    "constant": lambda s: np.full_like(s, 0.01),
    "multistep": _steps,
    "cosine over a quarter": lambda s: 0.05 * (1 + np.cos(np.pi * np.minimum(4 * s, 1))),
}


if __name__ == "__main__":
    main()
