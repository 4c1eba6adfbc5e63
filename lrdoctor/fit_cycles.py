"""Cyclic schedules look alike a whole number of cycles later, but for their height."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lrdoctor.fit_refine import Match, matched
from lrdoctor.fit_segments import Curve

_HAIR = 1e-3


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
