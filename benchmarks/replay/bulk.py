"""Batched law fits against scipy's, one after another: time, and how far predictions are apart.

    python -m benchmarks.replay.bulk FOLDER [--only mpl,schaipp] [--every 4]
    python -m benchmarks.replay.bulk FOLDER --devices cpu,torch --threads 2
    python -m benchmarks.replay.bulk FOLDER --devices cuda

Every curve of ``FOLDER/<source>/<model>/<schedule>.csv`` is fitted alone, by scipy and on each
device, and asked for the final loss of others of its model. Curves whose answers are apart by more
than 0.1 % are named, with the costs of their laws. Ratios are of wall times in this process; on a
GPU seconds are printed too; they are of a second pass, when everything is warm.
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
        compare(curves, reference, fitted, [groups[c.group][: options.targets] for c in curves])


def timed(curves: Sequence[Logged], device: str) -> tuple[list[Fitted], float]:
    """The fits and the wall time of each."""
    begin = time.perf_counter()
    fitted = fit_many([[curve.run] for curve in curves], device)
    return fitted, (time.perf_counter() - begin) / len(curves)


def compare(
    curves: Sequence[Logged],
    reference: Sequence[Fitted],
    fitted: Sequence[Fitted],
    asked: Sequence[Sequence[Logged]],
) -> None:
    """How far predicted final losses and their half-widths are apart, and which fit is better."""
    losses, halves, better, worse = [], [], 0, 0
    for curve, one, other, targets in zip(curves, reference, fitted, asked, strict=True):
        pairs = [(final(one, target), final(other, target)) for target in targets]
        apart = np.abs([np.divide(second, first) - 1.0 for first, second in pairs])
        losses += apart[:, 0].tolist()
        halves += apart[:, 1].tolist()
        costs = [(theirs.cost, own.cost) for theirs, own in zip(one.fits, other.fits, strict=True)]
        better += sum(theirs > _WORSE * own for theirs, own in costs)
        worse += sum(own > _WORSE * theirs for theirs, own in costs)
        if apart[:, 0].max() > _AGREE:
            told = ", ".join(f"{theirs:.4g} and {own:.4g}" for theirs, own in costs)
            print(f"  {curve.group} {curve.name}: {apart[:, 0].max():.1e}; costs {told}")
    for name, found in (("final loss", np.array(losses)), ("half width", np.array(halves))):
        at = np.percentile(found, [50, 90, 99, 100])
        print(
            f"  {name}: apart by {at[0]:.1e} in the median, 90 % {at[1]:.1e}, 99 % {at[2]:.1e}, "
            f"most {at[3]:.1e}; {100 * np.mean(found <= _AGREE):.2f} % within {_AGREE:g}"
        )
    count = sum(len(one.fits) for one in reference)
    print(f"  of {count} fits scipy's is worse in {better}, the batch's in {worse}")


def final(fitted: Fitted, target: Logged) -> tuple[float, float]:
    """The predicted final loss under another curve's LR, and its half-width."""
    path = target.run.path()
    told = predict(fitted, path, np.array([path.length]))
    return float(told.loss[0]), float(told.half[0])


if __name__ == "__main__":
    main()
