"""How well the loss laws predict one schedule from a run under another: eleven numbers.

    python -m benchmarks.replay.run FOLDER [--only mpl,schaipp] [--sources 30] [--targets 40]

``FOLDER/<source>/<model>/<schedule>.csv`` holds curves (step, lr, loss) of one model under several
schedules. Every curve in turn is fitted alone and asked for the final loss of the others. Row 10,
the proxy, needs no curves: ``python -m benchmarks.replay.proxy``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.replay import tables
from benchmarks.replay.asked import Asked, ask_all, kind
from benchmarks.replay.curves import Logged, load_groups
from benchmarks.replay.probe import probed
from benchmarks.replay.published import three_predict_the_rest
from benchmarks.replay.steady import moves
from lrdoctor.replay.law.answer import ask, consult
from lrdoctor.replay.law.path import LrPath

_HOTTER = 1.5
_FAR = 3.0


def main() -> None:
    """Prints the numbers, then by family what they are made of."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="parts of the names of groups, with commas")
    parser.add_argument("--sources", type=int, default=30, help="curves fitted per model")
    parser.add_argument("--targets", type=int, default=40, help="curves asked for by each")
    options = parser.parse_args()
    groups = load_groups(options.folder, options.only)
    asked: list[Asked] = []
    for name, curves in groups.items():
        found = list(ask_all(curves, options.sources, options.targets))
        asked += found
        print(f"{name:52}{tables.errors(found)}", flush=True)
    decaying = [a for a in asked if not tables.constant(a)]
    print_published(groups)
    print_pairs(decaying)
    print_order(decaying)
    print_gains(decaying)
    print_constant([a for a in asked if tables.constant(a)])
    print_probed(groups)
    print_refused(asked, groups)
    print_steady(groups)


def print_published(groups: dict[str, list[Logged]]) -> None:
    """Row 1."""
    print("\n1. three runs of a model predict six others, point by point")
    for name, curves in groups.items():
        if (numbers := three_predict_the_rest(curves)) is not None:
            share, each, every = numbers
            print(f"{name:40}R2 {share:.4f}  MAE {each:.5f} (mean of curves) {every:.5f} (points)")


def print_pairs(decaying: Sequence[Asked]) -> None:
    """Rows 2 and 5."""
    print("\n2, 5. one run that is not constant predicts the others of its model, same peak LR")
    same = [a for a in decaying if a.same_peak]
    for family, found in tables.by(same, lambda a: a.source.family).items():
        print(f"{family:40}{tables.errors(found)}")
    print("   peak LR between half of the logged one and all of it")
    lower = [a for a in decaying if not a.same_peak]
    print(f"{'all':40}{tables.errors(lower)}")
    print("   by grade, any peak")
    for grade, found in tables.by(decaying, lambda a: a.answer.grade).items():
        print(f"{grade:40}{tables.errors(found)}")


def print_order(decaying: Sequence[Asked]) -> None:
    """Rows 3 and 4."""
    print("\n3. pairs of candidates ordered right")
    pairs = list(tables.ordered(decaying))
    for key in (lambda a: kind(a.source.run.path()), lambda a: a.source.family):
        for name, found in tables.by((a for a, _ in pairs), key).items():
            chosen = set(map(id, found))
            right = [ok for a, ok in pairs if id(a) in chosen]
            print(f"{name:40}{100 * np.mean(right):6.1f} % of {len(right)}")
    print("\n4. regret of the candidate of lowest predicted loss, among those of one length")
    lost = list(tables.regrets(decaying))
    families = sorted({a.source.family for a, _ in lost})
    for name in (*families, "all"):
        share = [100 * r for a, r in lost if name in (a.source.family, "all")]
        mean, middle = np.mean(share), np.median(share)
        print(f"{name:40}mean {mean:6.3f} %  median {middle:6.3f} %  of {len(share)}")


def print_gains(decaying: Sequence[Asked]) -> None:
    """Row 7."""
    print("\n7. gains claimed (lower bound above 0)")
    for family, found in tables.by(decaying, lambda a: a.source.family).items():
        claimed, true, real = tables.gains(found)
        print(f"{family:40}{claimed:5d} claimed, {true:5d} of them true; true gains in all {real}")


def print_constant(constant: Sequence[Asked]) -> None:
    """Row 6."""
    print("\n6. a constant LR predicts the others of its model: a range, no point")
    for family, found in tables.by(constant, lambda a: a.source.family).items():
        print(f"{family:40}{tables.errors(found)}")
    print(f"points given: {sum(a.answer.loss is not None for a in constant)}")


def print_probed(groups: dict[str, list[Logged]]) -> None:
    """What one short decay adds to a constant-LR run."""
    print("\n   the same with one cooldown probe from the run's checkpoint")
    asked = [a for curves in groups.values() for a in probed(curves)]
    for family, found in tables.by(asked, lambda a: a.source.family).items():
        print(f"{family:40}{tables.errors(found)}")


def print_refused(asked: Sequence[Asked], groups: dict[str, list[Logged]]) -> None:
    """Row 8."""
    print("\n8. out of reach: LR above the logged peak, far-too-fast decays; refused of all asked")
    hot = []
    for curves in groups.values():
        path = curves[0].run.path()
        hotter = LrPath(path.step, path.lr * _HOTTER, path.before * _HOTTER)
        hot.append(ask(consult([curves[0].run]), path, hotter))
    spent = {id(a): _spent(a.target) / _spent(a.source) for a in asked}
    fast = [a.answer for a in asked if spent[id(a)] > _FAR]
    for name, answers in (("LR x1.5", hot), ("more than 3x the LR logged", fast)):
        print(f"{name:40}{sum(a.refused is not None for a in answers)} of {len(answers)}")
    print("   reasons")
    for reason, count in tables.refusals(asked):
        print(f"{count:6d}  {reason}")


def _spent(curve: Logged) -> float:
    path = curve.run.path()
    return float(path.area(np.array([path.length]))[0])


def print_steady(groups: dict[str, list[Logged]]) -> None:
    """Rows 9 and 11."""
    print("\n9, 11. logs of 20,000 rows: CPU time of one fit; moves when thinned to 400, noise x5")
    found = moves(groups.values())
    seconds = [m.seconds for m in found]
    print(f"fit: {np.median(seconds):.2f} s in the median, {max(seconds):.2f} s at worst")
    for family in (*sorted({m.family for m in found}), "all"):
        for name in ("thinned", "noisier"):
            moved = [100 * getattr(m, name) for m in found if family in (m.family, "all")]
            kept = [share for share in moved if np.isfinite(share)]
            middle, late = np.percentile(kept, [50, 90]) if kept else (np.nan, np.nan)
            refused = len(moved) - len(kept)
            print(
                f"{family:32}{name:8}median {middle:5.2f} %  p90 {late:5.2f} % of the loss; "
                f"{refused} of {len(moved)} refused"
            )


if __name__ == "__main__":
    main()
