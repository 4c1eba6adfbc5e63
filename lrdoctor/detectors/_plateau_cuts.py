"""ReduceLROnPlateau seen from its cuts: which evaluations came before, and what would have cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.detectors._context import governing_groups, loss_of, real, typical_gap
from lrdoctor.types import Array, Case, IntArray, ParamGroup, Role, Series

# ReduceLROnPlateau counts an evaluation as progress from a relative gain of this size on (torch).
PROGRESS = 1e-4
# Falls below this share are rounding; the gentlest factors in use are 0.9 and 0.95.
_LEAST_CUT = 0.02
_ROUNDING = 1e-5
# A replay takes a microsecond per evaluation; no plateau scheduler got more of them than this.
_MOST_EVALUATIONS = 2000
# Schedules made of the same stairs, which the curve alone tells apart only by where the cuts lie.
_STAIRS = frozenset({"multistep", "reduce_on_plateau"})


@dataclass(frozen=True, slots=True)
class Cuts:
    """The falls of a stair-like LR: ``step: int64[k]`` first step at each lower level, ``ratio:
    float64[k]`` LR after over before, ``lr`` the finite LR they are read from."""

    group: ParamGroup
    lr: Series
    step: IntArray
    ratio: Array

    def __len__(self) -> int:
        return len(self.step)

    @property
    def factor(self) -> float:
        """The factor of one cut: the usual one, since ``min_lr`` may shorten the last."""
        return float(np.median(self.ratio)) if len(self.ratio) else float("nan")


def plateau_cuts(case: Case) -> Cuts | None:
    """Cuts of the first governing group; None unless its LR stands still or falls by a cut."""
    groups = governing_groups(case)
    if not groups:
        return None
    lr = groups[0].lr.finite()
    value = lr.value
    if not value.min() > 0:
        return None
    ratio = value[1:] / value[:-1]
    if ratio.max() > 1 + _ROUNDING:
        return None
    falls = np.flatnonzero(ratio < 1 - _LEAST_CUT)
    if len(falls) < np.count_nonzero(ratio < 1 - _ROUNDING):
        return None  # a smooth decay
    return Cuts(groups[0], lr, lr.step[falls + 1], ratio[falls])


def follows_plateaus(case: Case) -> bool:
    """Whether ReduceLROnPlateau sets the LR: as configured, else as recognised in the curve."""
    if case.intent.scheduler is not None:
        return case.intent.scheduler == "reduce_on_plateau"
    fitted = {s.named.name for g in case.param_groups for s in g.schedules if s.named}
    return fitted == {"reduce_on_plateau"}


def may_follow_plateaus(case: Case) -> bool:
    """The same, and also stairs at unequal lengths that no configuration explains."""
    if case.intent.scheduler is not None:
        return case.intent.scheduler == "reduce_on_plateau"
    fitted = {s.named.name for g in case.param_groups for s in g.schedules if s.named}
    return bool(fitted) and fitted <= _STAIRS


def watched_loss(case: Case) -> Series | None:
    """What ReduceLROnPlateau most likely watches: the validation loss, else the training loss."""
    if case.has(Role.VAL_LOSS):
        return case.signals[Role.VAL_LOSS].finite()
    return loss_of(case)


def patience_of(case: Case) -> int | None:
    """The configured patience in evaluations; None where nothing is configured."""
    value = real(case.intent.arguments.get("patience"))
    return int(value) if value is not None and value >= 0 else None


def new_bests(value: Array) -> npt.NDArray[np.bool_]:
    """Which of ``value: float64[n]`` (finite) the scheduler counts as progress on all before."""
    best = np.minimum.accumulate(value)
    fresh = np.zeros(len(value), dtype=bool)
    fresh[1:] = value[1:] < best[:-1] - PROGRESS * np.abs(best[:-1])
    return fresh


def evaluations_before(watched: Series, cuts: Cuts) -> IntArray:
    """Index of the last evaluation before each cut, ``int64[k]``; -1 where there is none."""
    return np.searchsorted(watched.step, cuts.step) - 1


def replay(value: Array, patience: int, *, upwards: bool, cooldown: int = 0) -> IntArray:
    """Indices of the evaluations after which torch's ReduceLROnPlateau would cut.

    ``value: float64[n]`` is what it is fed; ``upwards`` is mode="max". A value that is not finite
    counts as no progress, as in torch.
    """
    sign = -1.0 if upwards else 1.0
    best, bad, wait = np.inf, 0, 0
    found = []
    for index, raw in enumerate((sign * value[:_MOST_EVALUATIONS]).tolist()):
        # torch's relative threshold has its sign turned with the mode: gains count from 1e-4 on.
        if raw < best - PROGRESS * abs(best) if np.isfinite(best) else raw < best:
            best, bad = raw, 0
        else:
            bad += 1
        if wait > 0:
            wait, bad = wait - 1, 0
        if bad > patience:
            found.append(index)
            wait, bad = cooldown, 0
    return np.array(found, dtype=np.int64)


def reproduces(watched: Series, cuts: Cuts, *, upwards: bool, patience: int | None) -> bool:
    """Whether the scheduler, fed with ``watched`` in that direction, cuts just where the LR did.

    A log writes the new LR beside the evaluation that caused it or beside the next; either is
    allowed, for all cuts alike. Without a configured patience the shortest interval is one more.
    """
    seen = evaluations_before(watched, cuts)
    if len(seen) < 2 or len(watched) < 4:
        return False
    least = int(np.diff(seen).min())
    slack = int(typical_gap(cuts.lr) // max(typical_gap(watched), 1.0))
    slack = 0 if slack <= 1 else slack
    if least < 1 or slack > least / 3:
        return False
    for waits in {patience, least - 1} if patience is not None else {least - 1}:
        made = replay(watched.value, waits, upwards=upwards)[: len(seen)]
        if len(made) == len(seen):
            late = seen - made
            if np.ptp(late) <= slack and -1 <= np.median(late) <= 1 + slack:
                return True
    return False
