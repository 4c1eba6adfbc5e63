"""The cooldown probe: a constant-LR run and one short decay from its end, asked for the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.replay.asked import Asked, kind
from benchmarks.replay.curves import Logged
from lrdoctor.replay.law.answer import ask, consult
from lrdoctor.replay.law.branches import joined
from lrdoctor.replay.law.path import LossRun

_SAME_PEAK = 0.03
_TOP = 0.999


def probed(curves: Sequence[Logged], most: int = 3) -> Iterator[Asked]:
    """Every constant run with the decaying tail of others of one peak LR as its probe."""
    kinds = {id(c): kind(c.run.path()) for c in curves}
    constant = [c for c in curves if kinds[id(c)] == "constant"][:most]
    short = [c for c in curves if kinds[id(c)] == "short decay"][: 2 * most]
    for source in constant:
        baseline = source.run.path()
        for other in short:
            tail = _tail(other.run)
            apart = abs(other.run.path().peak / baseline.peak - 1.0)
            if apart > _SAME_PEAK or tail.lr_step[0] > baseline.length:
                continue
            oracle = consult(joined([source.run, tail]))
            for target in curves:
                if target is not source and target is not other:
                    yield Asked(source, target, ask(oracle, baseline, target.run.path()), np.nan)


def _tail(run: LossRun) -> LossRun:
    """The decay alone, as the log of a probe has it."""
    first = int(np.flatnonzero(run.lr >= _TOP * run.lr.max())[-1])
    shown = run.loss_step >= run.lr_step[first]
    return LossRun(run.lr_step[first:], run.lr[first:], run.loss_step[shown], run.loss[shown])
