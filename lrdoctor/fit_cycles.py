"""Schedules that repeat: which cycle is the first, and where one ends between two points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lrdoctor.fit_refine import ORIGIN, Match, matched, refine, solved
from lrdoctor.fit_segments import Curve

_HAIR = 1e-3
# A jump up by this share of all that the LR does ends a cycle.
_JUMP = 0.3
_WHOLE = 0.05
_FEWEST = 8


def in_first_cycle(match: Match, curve: Curve) -> Match:
    """A cyclic schedule with its time 0 less than a cycle before the log; others as they are."""
    named = match.named
    if named.name != "cyclic":
        return match
    period = named.step_size_up + (named.step_size_down or named.step_size_up)
    cycles = np.floor((curve.x[0] - match.origin) / period + _HAIR)
    per_time = {"triangular2": 0.5 ** (1.0 / period), "exp_range": named.gamma}
    shrunk = np.power(per_time.get(named.mode, 1.0), cycles * period)
    if cycles == 0 or not 0 < shrunk < np.inf:
        return match
    moved = replace(named, max_lr=float(named.base_lr + (named.max_lr - named.base_lr) * shrunk))
    origin = float(match.origin + cycles * period)
    trial = matched(moved, origin, curve, fixed_origin=match.fixed_origin)
    return trial if trial.rms < 2.0 * match.rms + 1.0 else match


def over_jumps(named: Any, origin: float, curve: Curve) -> Match | None:
    """Warm restarts fitted without the points beside a jump, then to all; None without jumps.

    A first guess may have such a point in the wrong cycle, and no small change of it mends that.
    """
    jumps = np.flatnonzero(np.diff(curve.y) > _JUMP * np.ptp(curve.y))
    # A cycle may end with the log.
    beside = [*jumps, *(jumps + 1), len(curve) - 1]
    calm = curve.take(np.setdiff1d(np.arange(len(curve)), beside))
    if named.name != "cosine_restarts" or not len(jumps) or len(calm) < _FEWEST:
        return None
    values = ["peak_lr", "eta_min", ORIGIN]
    found = matched(named, origin, calm, fixed_origin=False)
    found = solved(found, calm, [*values, "T_0"], iterations=40)
    whole = float(round(found.named.T_0))
    if 0 < abs(found.named.T_0 - whole) < _WHOLE:
        trial = matched(replace(found.named, T_0=whole), found.origin, calm, fixed_origin=False)
        trial = solved(trial, calm, values)
        found = trial if trial.exact else found
    return refine(matched(found.named, found.origin, curve, fixed_origin=False), curve)
