"""Logs that two schedules explain, for which the fit must name the other one too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from benchmarks._fit_draws import DRAW, Rng, stored
from lrdoctor.fit import fit_schedules
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import Clock, ClockUnit, Schedule, Series

_PER_BATCH = "once per batch"
_EPOCHS = Clock(ClockUnit.EPOCH, 1.0)


def print_aliases(seed: int, each: int) -> None:
    """Per kind of alias the share of logs for which both explanations are named."""
    for what, make in _KINDS.items():
        rng = np.random.default_rng([seed, len(what)])
        outcomes = [ok for _ in range(each) for ok in make(rng)]
        print(
            f"{what:<72}{100 * np.mean(outcomes or [np.nan]):7.1f}% of {len(outcomes)}", flush=True
        )


def _aliased(fitted: Sequence[Schedule]) -> bool:
    return any(_PER_BATCH in a.reason for s in fitted for a in s.alternatives)


def _names(fitted: Sequence[Schedule]) -> set[str]:
    named = {s.named.name for s in fitted if s.named is not None}
    return named | {a.name for s in fitted for a in s.alternatives}


def _fast_cosine(rng: Rng) -> tuple[np.ndarray, int]:
    """LR at the first batch of each epoch under a cosine of epochs that was stepped per batch."""
    batches = int(rng.choice([32, 100, 390, 391, 1251]))
    period = 2 * int(rng.choice([30, 50, 90, 100, 200, 300]))
    cycles = batches / period
    slow = abs(cycles - round(cycles))  # cycles per epoch that the samples show
    if cycles < 0.5 or not 0.002 < slow < 0.2:
        return _fast_cosine(rng)
    epochs = int(rng.integers(12, 90))
    named = from_parameters("cosine", {"lr": 0.1, "T_max": period // 2})
    return named.lr(batches * np.arange(epochs, dtype=float)), batches


def _per_batch_on_epochs(rng: Rng) -> Iterator[bool]:
    lr, _ = _fast_cosine(rng)
    series = Series("lr", np.arange(len(lr)) + int(rng.integers(2)), stored(lr, 0))
    yield _aliased(fit_schedules(series, clock=_EPOCHS))


def _per_batch_on_steps(rng: Rng) -> Iterator[bool]:
    lr, batches = _fast_cosine(rng)
    clock = Clock(ClockUnit.OPTIMIZER_STEP, float(batches))
    yield _aliased(
        fit_schedules(Series("lr", batches * np.arange(len(lr)), stored(lr, 0)), clock=clock)
    )


def _dense_is_no_alias(rng: Rng) -> Iterator[bool]:
    """Step-level logs of cosines, which could not hide a faster one."""
    points, every = int(rng.integers(40, 800)), int(rng.choice([1, 2, 10, 50]))
    lr = from_parameters("cosine", {"lr": 0.1, "T_max": points * every})
    x = every * np.arange(points)
    clock = Clock(ClockUnit.OPTIMIZER_STEP, float(every * max(points // 20, 2)))
    fitted = fit_schedules(Series("lr", x, stored(lr.lr(x.astype(float)), 0)), clock=clock)
    yield not _aliased(fitted)


def _cuts(family: str, other: str) -> Callable[[Rng], Iterator[bool]]:
    def make(rng: Rng) -> Iterator[bool]:
        points = int(rng.integers(60, 2000))
        parameters = DRAW[family][1](rng, points)
        lr = from_parameters(family, parameters).lr(np.arange(points, dtype=float))
        names = _names(fit_schedules(Series("lr", np.arange(points), stored(lr, 0))))
        yield {family, other} <= names

    return make


def _middle_of_a_cosine(rng: Rng) -> Iterator[bool]:
    """A stretch around the middle of a cosine that a polynomial decay explains as printed.

    Only logs for which one of power 0.9 or 1 is known to do so count: it is found by brute force.
    """
    points, digits = int(rng.integers(20, 80)), int(rng.choice([2, 3]))
    total = points / rng.uniform(0.03, 0.12)
    x = np.arange(points) + int(0.5 * total - rng.uniform(0.3, 0.9) * points)
    lr = from_parameters("cosine", {"lr": 0.01, "T_max": total})
    y = stored(lr.lr(x.astype(float)), digits)
    half_digit = 0.5 * 10.0 ** (np.floor(np.log10(y)) - digits + 1)
    names = _names(fit_schedules(Series("lr", x, y), clock=_EPOCHS))
    for name, power in (("linear", 1.0), ("polynomial", 0.9)):
        if _some_power(x.astype(float), y, half_digit, power):
            yield {"cosine", name} <= names


def _some_power(x: np.ndarray, y: np.ndarray, allowed: np.ndarray, power: float) -> bool:
    """Whether some ``a (end - x)^power`` lies within ``allowed`` of all points."""
    for end in x[-1] + np.geomspace(0.2, 20.0, 2000) * (x[-1] - x[0]):
        curve = (end - x) ** power / allowed
        factor = float(curve @ (y / allowed)) / float(curve @ curve)
        if np.all(np.abs(factor * curve - y / allowed) <= 0.9):
            return True
    return False


_KINDS: dict[str, Callable[[Rng], Iterator[bool]]] = {
    "per-epoch log of a cosine stepped per batch, axis of epochs": _per_batch_on_epochs,
    "the same on an axis of steps": _per_batch_on_steps,
    "step-level log of a cosine: no alias claimed": _dense_is_no_alias,
    "milestones, which a metric may have set": _cuts("multistep", "reduce_on_plateau"),
    "cuts by a metric, which may be milestones": _cuts("reduce_on_plateau", "multistep"),
    "equal steps, which may be milestones": _cuts("step", "multistep"),
    "equal steps, which a metric may have set": _cuts("step", "reduce_on_plateau"),
    "the middle of a cosine that a line or poly 0.9 explains as printed": _middle_of_a_cosine,
}
