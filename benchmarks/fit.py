"""How often the fit recovers random schedules, and how long it takes.

    python -m benchmarks.fit --seed 1 --each 200 [--digits 5] [--partial]
    python -m benchmarks.fit --points 20000 --each 20      (speed)
    python -m benchmarks.fit --aliases                     (what no log could tell)

Draws schedules of every family with realistic parameters, logged at 40 to 5,000 points (every
k-th step, once per epoch, or an epoch schedule at steps), in float32 or rounded to some
significant digits. Prints per family the share whose name is right ("strict"), that whose name is
right or one of two that no log can tell apart, both named ("name"), that whose name is right or
among the alternatives, that whose parameters are within 1 % (positions within one logging
interval, the LR at which a ramp starts within its rise in one), and the times. Values are not
compared where a warm-up is shorter than three logging intervals, as no log of it shows them.
Cuts at milestones and cuts by a metric are such a pair: the same levels from the same steps on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks._fit_aliases import print_aliases
from benchmarks._fit_draws import DRAW, POSITIONS, Log, drawn
from lrdoctor.fit import fit_schedules
from lrdoctor.protocols import NamedSchedule
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import Schedule

# The same levels from the same steps on.
_CUTS = frozenset({"multistep", "reduce_on_plateau"})
_TOP = ("lr", "max_lr")
_ENDS = ("eta_min", "end_lr", "warmup_start_lr", "min_lr")
# An LR parameter this small a share of the largest LR is "zero" for every purpose.
_NOTHING = 1e-5


def main() -> None:
    """Prints the table for the options given."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=50)
    parser.add_argument("--digits", type=int, default=0, help="significant digits; 0: float32")
    parser.add_argument("--points", type=int, default=0, help="points per log; 0: 40 to 5,000")
    parser.add_argument("--partial", action="store_true", help="runs that stop at 40 to 100 %%")
    parser.add_argument("--aliases", action="store_true")
    parser.add_argument("--only", default="", help="rows of the table, separated by semicolons")
    parser.add_argument("--show", action="store_true", help="print every miss")
    args = parser.parse_args()
    if args.aliases:
        print_aliases(args.seed, args.each)
        return
    print(
        f"{'family':<20}{'strict':>8}{'name':>8}{'or listed':>11}{'values':>8}"
        f"{'median':>11}{'slowest':>11}"
    )
    rows = [measure(row, args) for row in (args.only.split(";") if args.only else DRAW)]
    print(f"{'all':<20}{_shares(np.mean([shares for shares, _ in rows], axis=0))}", end="")
    print(
        f"{np.median([time for _, time in rows]):8.1f} ms"
        f"   scipy {'was' if 'scipy' in sys.modules else 'not'} imported"
    )


def _shares(shares: Sequence[float]) -> str:
    strict, name, listed, values = shares
    return f"{strict:7.1f}%{name:7.1f}%{listed:10.1f}%{values:7.1f}%"


def measure(row: str, args: argparse.Namespace) -> tuple[list[float], float]:
    """Shares of names, strict and fair, of names or alternatives, of values, and the median time;
    printed too."""
    rng = np.random.default_rng([args.seed, sorted(DRAW).index(row)])
    outcomes, times = [], []
    for index in range(args.each):
        log = drawn(row, rng, digits=args.digits, partial=args.partial, points=args.points)
        begin = time.process_time()
        fitted = fit_schedules(log.series, clock=log.clock)
        times.append(1e3 * (time.process_time() - begin))
        outcomes.append(judged(log, fitted))
        if args.show and not all(outcomes[-1]):
            _show(row, index, log, fitted)
    shares = (100.0 * np.nanmean(np.array(outcomes, dtype=float), axis=0)).tolist()
    median, slowest = float(np.median(times)), max(times)
    print(f"{row:<20}{_shares(shares)}{median:8.1f} ms{slowest:8.1f} ms", flush=True)
    return shares, median


def judged(log: Log, fitted: Sequence[Schedule]) -> tuple[bool, bool, bool, float]:
    """Whether the name is right, is right as far as a log can tell, is right or among the
    alternatives, and the values are right (NaN where the log does not show them)."""
    named = fitted[0].named if len(fitted) == 1 else None
    strict = named is not None and named.name == log.family
    listed = strict or any(a.name == log.family for s in fitted for a in s.alternatives)
    right = strict or (named is not None and listed and {named.name, log.family} == _CUTS)
    values = right and named is not None and agrees(log, _as(log.family, named))
    return strict, right, listed, float(values) if log.identifiable else np.nan


def _as(family: str, named: NamedSchedule) -> dict[str, Any]:
    """The parameters of a schedule, of cuts by their names in the family that was drawn."""
    found = dict(named.parameters())
    names = {"multistep": ("milestones", "gamma"), "reduce_on_plateau": ("reductions", "factor")}
    if family == named.name or family not in names:
        return found
    renamed = dict(zip(names[named.name], names[family], strict=True))
    return {renamed.get(name, name): value for name, value in found.items()}


def agrees(log: Log, found: Mapping[str, Any]) -> bool:
    """Whether all parameters are within 1 %, positions within one logging interval."""
    wanted = dict(from_parameters(log.family, log.parameters).parameters())
    top = max(abs(float(wanted[n])) for n in _TOP if n in wanted)
    compared = {n: v for n, v in wanted.items() if not (n == "interval" and float(v) < 1)}
    slope = (top - wanted.get("warmup_start_lr", 0.0)) / wanted.get("warmup", np.inf)
    rise = slope * log.every if wanted.get("warmup_shape") == "linear" else 0.0
    return all(_same(n, v, found.get(n, 0.0), log.every, top, rise) for n, v in compared.items())


def _same(name: str, a: Any, b: Any, every: float, top: float, rise: float) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return bool(a == b)
    left, right = np.atleast_1d(np.asarray(a, float)), np.atleast_1d(np.asarray(b, float))
    if left.shape != right.shape:
        return False
    slack = 0.01 * np.abs(left)
    if name in POSITIONS:
        slack = slack + every
    if name in _ENDS:
        slack = slack + _NOTHING * top
    if name == "warmup_start_lr":
        slack = slack + rise
    return bool(np.all(np.abs(left - right) <= slack))


def _show(row: str, index: int, log: Log, fitted: Sequence[Schedule]) -> None:
    found = [(s.named and (s.named.name, dict(s.named.parameters())), s.origin) for s in fitted]
    x = log.series.step
    print(f"  {row}[{index}] {len(x)} points {x[:2]} {dict(log.parameters)}\n     -> {found}")


if __name__ == "__main__":
    main()
