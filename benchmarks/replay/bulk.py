"""Batched law fits against scipy's, one after another: time, and how far predictions are apart.

    python -m benchmarks.replay.bulk FOLDER [--only mpl,schaipp] [--every 4]
    python -m benchmarks.replay.bulk FOLDER --devices cpu,torch --threads 2
    python -m benchmarks.replay.bulk FOLDER --devices cuda

Every curve of ``FOLDER/<source>/<model>/<schedule>.csv`` is fitted alone, by scipy and on each
device, and asked for the final loss of others of its model. Ratios are of times in this process;
on a GPU also seconds are printed, of a second pass, when everything is warm.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.replay.curves import Logged, load_groups
from lrdoctor.replay.law import Fitted, fit_many, predict

_AGREE = 1e-3
# A cost this much higher is another minimum.
_WORSE = 1.002


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="parts of the names of groups, with commas")
    parser.add_argument("--every", type=int, default=1, help="fit each n-th curve of a model")
    parser.add_argument("--targets", type=int, default=12, help="curves that each is asked for")
    parser.add_argument("--devices", default="cpu", help="cpu, torch, cuda, with commas")
    parser.add_argument("--threads", type=int, default=1, help="of torch on a CPU")
    options = parser.parse_args()
    groups = load_groups(options.folder, options.only)
    curves = [curve for group in groups.values() for curve in group[:: options.every]]
    reference, each = timed(curves, "scipy")
    print(f"{len(curves)} curves; scipy, one after another: {each:.3f} s each")
    for device in options.devices.split(","):
        if device != "cpu":
            import torch

            torch.set_num_threads(options.threads)
            fit_many([[curve.run] for curve in curves], device)  # starts the device
        fitted, seconds = timed(curves, device)
        absolute = f", {seconds * len(curves):.2f} s in all" if device.startswith("cuda") else ""
        print(f"\n{device}: {each / seconds:.1f} times as fast{absolute}")
        told = [groups[c.group][: options.targets] for c in curves]
        compare(reference, fitted, told)


def timed(curves: Sequence[Logged], device: str) -> tuple[list[Fitted], float]:
    """The fits and the wall time of each."""
    begin = time.perf_counter()
    fitted = fit_many([[curve.run] for curve in curves], device)
    return fitted, (time.perf_counter() - begin) / len(curves)


def compare(
    reference: Sequence[Fitted], fitted: Sequence[Fitted], asked: Sequence[Sequence[Logged]]
) -> None:
    """How far predicted final losses and their half-widths are apart, and which fit is better."""
    losses, halves, better, worse = [], [], 0, 0
    for one, other, targets in zip(reference, fitted, asked, strict=True):
        for target in targets:
            path = target.run.path()
            end = np.array([path.length])
            first, second = (predict(f, path, end) for f in (one, other))
            losses.append(abs(second.loss[0] / first.loss[0] - 1.0))
            halves.append(abs(second.half[0] / first.half[0] - 1.0))
        for scipys, own in zip(one.fits, other.fits, strict=True):
            better += scipys.cost > _WORSE * own.cost
            worse += own.cost > _WORSE * scipys.cost
    for name, apart in (("final loss", np.array(losses)), ("half width", np.array(halves))):
        at = np.percentile(apart, [50, 90, 99, 100])
        print(
            f"  {name}: apart by {at[0]:.1e} in the median, 90 % {at[1]:.1e}, 99 % {at[2]:.1e}, "
            f"most {at[3]:.1e}; {100 * np.mean(apart <= _AGREE):.2f} % within {_AGREE:g}"
        )
    count = sum(len(f.fits) for f in reference)
    print(f"  of {count} fits scipy's is worse in {better}, the batch's in {worse}")


if __name__ == "__main__":
    main()
