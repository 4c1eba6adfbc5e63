"""How often the fit recovers random schedules, and how long it takes.

    python benchmarks/fit.py --seed 1 --each 50 [--digits 5] [--partial]

Draws schedules of every family with realistic parameters, logged at 40 to 5,000 points (every
step, every k-th step, once per epoch), in float32 or rounded to some significant digits. Prints
per family the share whose name is right, the share of those whose parameters are within 1 % (and
positions within one logging interval), and the median time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lrdoctor.fit import fit_schedules
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import Series

Rng = np.random.Generator
Parameters = dict[str, Any]

_TOPS = (0.1, 0.05, 0.01, 3e-3, 1e-3, 5e-4, 3e-4, 1e-4, 5e-5, 2e-5)
_POSITIONS = {
    "T_max", "T_0", "total_steps", "timescale", "decay_start", "decay_steps", "step_size",
    "milestones", "reductions", "step_size_up", "warmup",
}  # fmt: skip
_LEVELS = {"lr", "max_lr", "base_lr"}
# An LR parameter this small a share of the largest LR is "zero" for every purpose.
_NOTHING = 1e-5


def _top(rng: Rng) -> float:
    return float(rng.choice(_TOPS) * rng.choice([1.0, 1.0, 0.5, 1.5, 0.8]))


def _warmup(rng: Rng, steps: int) -> Parameters:
    if rng.random() < 0.5:
        return {}
    length = max(2, int(steps * rng.choice([0.02, 0.03, 0.05, 0.06, 0.1, 0.15])))
    return {"warmup": length}


def _floor(rng: Rng, top: float) -> float:
    return float(top * rng.choice([0.0, 0.0, 0.01, 0.001, 0.1]))


def _constant(rng: Rng, n: int) -> Parameters:
    return {"lr": _top(rng), **_warmup(rng, n)}


def _step(rng: Rng, n: int) -> Parameters:
    size = max(1, n // int(rng.integers(3, 9)))
    return {"lr": _top(rng), "step_size": size, "gamma": float(rng.choice([0.1, 0.5, 0.2, 0.8]))}


def _multistep(rng: Rng, n: int) -> Parameters:
    shares = [(0.5, 0.75), (0.6, 0.85), (0.3, 0.6, 0.8), (0.5, 0.8, 0.9)][int(rng.integers(4))]
    marks = sorted({int(share * n) for share in shares})
    return {"lr": _top(rng), "milestones": marks, "gamma": float(rng.choice([0.1, 0.2, 0.5]))}


def _exponential(rng: Rng, n: int) -> Parameters:
    return {"lr": _top(rng), "gamma": float(np.exp(-rng.uniform(0.7, 7.0) / n))}


def _cosine(rng: Rng, n: int) -> Parameters:
    top, ramp = _top(rng), _warmup(rng, n)
    return {"lr": top, "T_max": n - ramp.get("warmup", 0), "eta_min": _floor(rng, top), **ramp}


def _restarts(rng: Rng, n: int) -> Parameters:
    top, mult = _top(rng), int(rng.choice([1, 1, 2]))
    first = n // int(rng.integers(2, 7)) if mult == 1 else n // int(rng.choice([3, 7]))
    return {"lr": top, "T_0": max(first, 2), "T_mult": mult, "eta_min": _floor(rng, top)}


def _linear(rng: Rng, n: int) -> Parameters:
    ramp = _warmup(rng, n)
    return {"lr": _top(rng), "total_steps": n - ramp.get("warmup", 0), **ramp}


def _polynomial(rng: Rng, n: int) -> Parameters:
    ramp = _warmup(rng, n)
    power = float(rng.choice([0.9, 0.9, 2.0, 3.0, 0.5]))
    return {"lr": _top(rng), "total_steps": n - ramp.get("warmup", 0), "power": power, **ramp}


def _onecycle(rng: Rng, n: int) -> Parameters:
    return {
        "max_lr": _top(rng),
        "total_steps": n,
        "pct_start": float(rng.choice([0.3, 0.3, 0.2, 0.1, 0.25, 0.4, 0.5])),
        "div_factor": float(rng.choice([25.0, 10.0, 100.0])),
        "final_div_factor": float(rng.choice([1e4, 1e3, 100.0])),
        "anneal_strategy": str(rng.choice(["cos", "cos", "linear"])),
    }


def _cyclic(rng: Rng, n: int) -> Parameters:
    top = _top(rng)
    size = max(2, n // int(rng.integers(4, 12)))
    mode = str(rng.choice(["triangular", "triangular2"]))
    return {"base_lr": top / 10, "max_lr": top, "step_size_up": size, "mode": mode}


def _inverse_sqrt(rng: Rng, n: int) -> Parameters:
    length = max(2, int(n * rng.choice([0.02, 0.05, 0.1])))
    return {"lr": _top(rng), "timescale": length, "warmup": length}


def _wsd(rng: Rng, n: int) -> Parameters:
    steps = int(n * rng.choice([0.1, 0.2, 0.3]))
    shape = str(rng.choice(["linear", "cosine", "1-sqrt"]))
    start = {"decay_start": n - steps, "decay_steps": steps, "decay_shape": shape}
    return {"lr": _top(rng), **start, **_warmup(rng, n)}


def _plateau(rng: Rng, n: int) -> Parameters:
    cuts = sorted(rng.choice(np.arange(n // 8, n), size=int(rng.integers(3, 6)), replace=False))
    if np.diff(cuts).min() < n / 30:
        return _plateau(rng, n)
    factor = float(rng.choice([0.1, 0.5, 0.2]))
    return {"lr": _top(rng), "factor": factor, "reductions": [int(c) for c in cuts]}


DRAW: Mapping[str, Callable[[Rng, int], Parameters]] = {
    "constant": _constant,
    "step": _step,
    "multistep": _multistep,
    "exponential": _exponential,
    "cosine": _cosine,
    "cosine_restarts": _restarts,
    "linear": _linear,
    "polynomial": _polynomial,
    "onecycle": _onecycle,
    "cyclic": _cyclic,
    "inverse_sqrt": _inverse_sqrt,
    "wsd": _wsd,
    "reduce_on_plateau": _plateau,
}


def drawn(family: str, rng: Rng, *, digits: int, partial: bool) -> tuple[Parameters, Series, int]:
    """Parameters, the series a log of them would hold, and the logging interval."""
    points = int(np.exp(rng.uniform(np.log(40), np.log(5000))))
    every = int(rng.choice([1, 1, 5, 10, 50, 100, 391]))
    total = points * every
    parameters = DRAW[family](rng, total)
    if parameters.get("warmup", total) < 3 * every:  # too short to show between two points
        parameters = {k: v for k, v in parameters.items() if k != "warmup"}
    seen = int(total * rng.uniform(0.4, 1.0)) if partial else total
    x = np.arange(0, max(seen, every * 20), every)
    if rng.random() < 0.3:
        x = x + every - 1
    y = from_parameters(family, parameters).lr(x.astype(float))
    y = y.astype(np.float32).astype(float)
    if digits:
        y = np.array([float(f"{v:.{digits - 1}e}") for v in y])
    return parameters, Series("lr", x, y), every


def agrees(truth: Any, found: Mapping[str, Any], every: int) -> bool:
    """Whether all parameters are within 1 %, positions within one logging interval."""
    wanted = dict(truth.parameters())
    top = max(abs(float(wanted[n])) for n in _LEVELS if n in wanted)
    return all(_same(n, v, found.get(n, 0.0), every, top) for n, v in wanted.items())


def _same(name: str, a: Any, b: Any, every: int, top: float) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return bool(a == b)
    left, right = np.atleast_1d(np.asarray(a, float)), np.atleast_1d(np.asarray(b, float))
    if left.shape != right.shape:
        return False
    slack = 0.01 * np.abs(left)
    if name in _POSITIONS:
        slack = slack + every
    if name in ("eta_min", "end_lr", "warmup_start_lr", "min_lr"):
        slack = slack + _NOTHING * top
    return bool(np.all(np.abs(left - right) <= slack))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=50)
    parser.add_argument("--digits", type=int, default=0, help="significant digits; 0: float32")
    parser.add_argument("--partial", action="store_true", help="runs that stop at 40 to 100 %%")
    parser.add_argument("--only", default="")
    parser.add_argument("--show", action="store_true", help="print every miss")
    args = parser.parse_args()
    print(f"{'family':<18} {'name':>7} {'values':>7} {'alt':>6} {'median':>9} {'slowest':>9}")
    for family in DRAW if not args.only else args.only.split(","):
        measure(family, args)


def measure(family: str, args: argparse.Namespace) -> None:
    rng = np.random.default_rng([args.seed, sorted(DRAW).index(family)])
    names = values = alternatives = 0
    times = []
    for index in range(args.each):
        parameters, series, every = drawn(family, rng, digits=args.digits, partial=args.partial)
        truth = from_parameters(family, parameters)
        begin = time.process_time()
        fitted = fit_schedules(series)
        times.append(time.process_time() - begin)
        named = fitted[0].named if len(fitted) == 1 else None
        right = named is not None and named.name == family
        exact = right and named is not None and agrees(truth, dict(named.parameters()), every)
        listed = any(a.name == family for s in fitted for a in s.alternatives)
        names, values = names + right, values + exact
        alternatives += listed and not right
        if args.show and not exact:
            found = [
                (s.named and (s.named.name, dict(s.named.parameters())), s.origin) for s in fitted
            ]
            print(
                f"  {family}[{index}] n={len(series)} every={every} {parameters}\n     -> {found}"
            )
    shares = [f"{100 * v / args.each:6.1f}%" for v in (names, values)]
    median, slowest = 1e3 * np.median(times), 1e3 * max(times)
    print(
        f"{family:<18} {shares[0]:>7} {shares[1]:>7} {alternatives:>6} "
        f"{median:>6.1f} ms {slowest:>6.1f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
