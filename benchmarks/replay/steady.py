"""What the laws make of one log written otherwise: time at 20,000 rows, thinned, noisier."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.replay.asked import kind
from benchmarks.replay.curves import Logged
from lrdoctor.curves.noise import point_sigma
from lrdoctor.replay.law.answer import ask, consult
from lrdoctor.replay.law.path import LossRun

_ROWS = 20_000
_FEW = 400
_NOISIER = 5.0
# A log of mean losses has next to no noise of its own; five times that is no test.
_LEAST_NOISE = 0.002


@dataclass(frozen=True)
class Moved:
    """How far predicted final losses moved, as shares of the loss, and the CPU time of a fit."""

    family: str
    thinned: float
    noisier: float
    seconds: float


def moves(groups: Iterable[Sequence[Logged]], most: int = 2) -> list[Moved]:
    """Some decaying curves of every model, each asked for the others of its model."""
    found = []
    for curves in groups:
        decaying = [c for c in curves if kind(c.run.path()) != "constant"]
        for source in decaying[:most]:
            found += _moved(source, [c for c in curves if c is not source][:5])
    return found


def _moved(source: Logged, targets: Sequence[Logged]) -> list[Moved]:
    rng = np.random.default_rng(0)
    dense, sigma = _dense(source.run, rng)
    begin = time.process_time()
    oracle = consult([dense])
    seconds = time.process_time() - begin
    every = len(dense.loss) // _FEW
    rows = slice(None, None, every)
    few = LossRun(dense.lr_step[rows], dense.lr[rows], dense.loss_step[rows], dense.loss[rows])
    extra = sigma * np.sqrt(_NOISIER**2 - 1.0) * rng.standard_normal(len(dense.loss))
    loud = LossRun(dense.lr_step, dense.lr, dense.loss_step, dense.loss + extra)
    told = []
    thin, noisy = consult([few]), consult([loud])
    for target in targets:
        path = target.run.path()
        plain, less, more = (ask(o, dense.path(), path).loss for o in (oracle, thin, noisy))
        if plain is not None:
            told.append(Moved(source.family, _apart(plain, less), _apart(plain, more), seconds))
    return told


def _apart(plain: float, other: float | None) -> float:
    """NaN where the second log was refused."""
    return np.nan if other is None else abs(other / plain - 1.0)


def _dense(run: LossRun, rng: np.random.Generator) -> tuple[LossRun, float]:
    """The run at 20,000 rows or more, with noise as it has itself, and the noise of one row."""
    noise = max(point_sigma(run.loss), _LEAST_NOISE * float(np.ptp(run.loss)))
    if len(run.loss) >= _ROWS:
        return run, noise
    step = np.linspace(run.loss_step[0], run.loss_step[-1], _ROWS)
    kernel = max(len(run.loss) // 100, 1)
    smooth = np.convolve(run.loss, np.ones(kernel) / kernel, mode="valid")
    at = run.loss_step[kernel // 2 : kernel // 2 + len(smooth)]
    loss = np.interp(step, at, smooth) + noise * rng.standard_normal(_ROWS)
    return LossRun(step, np.interp(step, run.lr_step, run.lr), step, loss), noise
