"""How well the loss laws predict one schedule from a run under another.

    python -m benchmarks.law FOLDER [--only mpl,schaipp] [--sources 10]
    python -m benchmarks.law FOLDER --priors

``FOLDER/<source>/<model>/<schedule>.csv`` holds curves (step, lr, loss) of one model under several
schedules. Every curve in turn is fitted alone and asked for the final loss of the others; the
priors are those of the product. ``--priors`` fits each model's curves together under wide priors
and prints what the outer parameters have in common.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks._law_curves import Logged, by_family, load_groups
from lrdoctor.replay.law.answer import Answer, ask, consult
from lrdoctor.replay.law.laws import LAWS, Scale
from lrdoctor.replay.law.path import points_of
from lrdoctor.replay.law.solve import fit_law

# Two losses closer than this share of the source's range after its warm-up are not ordered.
_APART = 0.02
_WIDER = 3.0


@dataclass(frozen=True)
class Asked:
    """One answer: from ``source`` about ``target``."""

    source: Logged
    target: Logged
    answer: Answer
    seconds: float

    @property
    def error(self) -> float:
        """Relative error of the final loss; NaN without a point."""
        loss = self.answer.loss
        return np.nan if loss is None else abs(loss / self.target.final - 1.0)

    @property
    def covered(self) -> bool:
        """Whether the interval holds the true final loss."""
        low, high = self.answer.interval or (np.nan, np.nan)
        return bool(low <= self.target.final <= high)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="parts of the names of groups, with commas")
    parser.add_argument("--sources", type=int, default=10, help="curves fitted per group")
    parser.add_argument("--targets", type=int, default=20, help="curves predicted by each")
    parser.add_argument("--priors", action="store_true")
    options = parser.parse_args()
    groups = load_groups(options.folder, options.only)
    if options.priors:
        print_priors(groups.values())
        return
    asked: list[Asked] = []
    for name, curves in groups.items():
        found = list(of_group(curves, options.sources, options.targets))
        asked += found
        _line(name, found)
    print()
    for grade in ("A", "B", "C"):
        _line(f"all of grade {grade}", [a for a in asked if a.answer.grade == grade])
    print_order(asked)
    print_gains(asked)
    print("\nrefused:")
    for reason, count in Counter(a.answer.refused for a in asked if a.answer.refused).items():
        print(f"{count:6d}  {reason}")


def of_group(curves: Sequence[Logged], sources: int, targets: int) -> Iterable[Asked]:
    """Every pair of a drawn source and a drawn target."""
    rng = np.random.default_rng(0)
    drawn = [_some(curves, count, rng) for count in (sources, targets)]
    for source in drawn[0]:
        begin = time.process_time()
        oracle = consult([source.run])
        seconds = time.process_time() - begin
        for target in drawn[1]:
            if target is not source:
                answer = ask(oracle, source.run.path(), target.run.path())
                yield Asked(source, target, answer, seconds)


def _some(curves: Sequence[Logged], count: int, rng: np.random.Generator) -> list[Logged]:
    if len(curves) <= count:
        return list(curves)
    return [curves[i] for i in rng.choice(len(curves), count, replace=False)]


def _line(name: str, asked: Sequence[Asked]) -> None:
    told = [a for a in asked if a.answer.interval is not None]
    errors = np.array([a.error for a in told if a.answer.loss is not None])
    middle, late = np.percentile(errors, [50, 90]) if len(errors) else (np.nan, np.nan)
    covered = np.mean([a.covered for a in told]) if told else np.nan
    half = [np.ptp(a.answer.interval) / 2 / a.target.final for a in told if a.answer.interval]
    print(
        f"{name:52}{len(asked):5d} asked{len(told):5d} told   error {100 * middle:6.2f} % "
        f"p90 {100 * late:6.2f} %   covered {100 * covered:5.1f} % of +-"
        f"{100 * np.median(half) if half else np.nan:5.2f} %",
        flush=True,
    )


def print_order(asked: Iterable[Asked]) -> None:
    """How often two candidates of one source are ordered right, by family."""
    pairs: dict[str, list[bool]] = defaultdict(list)
    sources: dict[int, list[Asked]] = defaultdict(list)
    for a in asked:
        if a.answer.loss is not None:
            sources[id(a.source)].append(a)
    for found in sources.values():
        spread = float(np.ptp(points_of(found[0].source.run).loss))
        for one, other in itertools.combinations(found, 2):
            apart = one.target.final - other.target.final
            if abs(apart) > _APART * spread:
                told = (one.answer.loss or 0.0) - (other.answer.loss or 0.0)
                pairs[one.source.family].append(bool(told * apart > 0))
    print("\npairs ordered right:")
    for family, right in {**pairs, "all": [p for v in pairs.values() for p in v]}.items():
        print(f"{family:40}{100 * np.mean(right or [np.nan]):6.1f} % of {len(right)}")


def print_gains(asked: Iterable[Asked]) -> None:
    """Gains whose lower bound is above 0, and how many of them are true."""
    points = [a for a in asked if a.answer.loss is not None]
    issued = [a for a in points if a.answer.gains]
    true = sum(a.source.final > a.target.final for a in issued)
    real = sum(a.source.final > a.target.final for a in points)
    print(f"\ngains claimed {len(issued)}, of which true {true}; true gains in all {real}")
    seconds = [a.seconds for a in points]
    print(
        f"fit of all laws: {np.median(seconds):.2f} s in the median, {max(seconds):.2f} s at worst"
    )


def print_priors(groups: Iterable[list[Logged]]) -> None:
    """Median and spread of each outer parameter over families; a model is fitted as one."""
    families = by_family({curves[0].group: list(curves) for curves in groups})
    for law in LAWS:
        wide = {name: (mean, _WIDER * spread) for name, (mean, spread) in law.priors.items()}
        outer: dict[str, list[np.ndarray]] = defaultdict(list)
        for family, members in families.items():
            for curves in members:
                points = tuple(points_of(c.run) for c in curves[:10])
                scale = Scale(max(p.path.peak for p in points), max(p.path.length for p in points))
                fit = fit_law(replace(law, priors=wide), points, scale)
                outer[family].append(fit.outer)
        centre = np.median([np.median(v, axis=0) for v in outer.values()], axis=0)
        everything = np.concatenate(list(outer.values()))
        spread = 1.4826 * np.median(np.abs(everything - centre), axis=0)
        for name, mean, sd in zip(law.priors, centre, spread, strict=True):
            print(f"{law.name:14}{name:10} mean {mean:7.2f}  standard deviation {sd:5.2f}")


if __name__ == "__main__":
    main()
