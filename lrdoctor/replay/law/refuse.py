"""Where laws must not be asked, and how far an answer can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrdoctor.curves.noise import point_sigma
from lrdoctor.curves.plateau import fit_trend
from lrdoctor.replay.law.path import LossRun, LrPath, Points, warm_until
from lrdoctor.types import Array, Series

# Measured on runs of other schedules: beyond these the laws' errors leave their intervals.
FEWEST_LOSSES = 40
LEAST_DROP = 5.0
MOST_TIMES = 3.0
PEAK_SPREAD = 2.0
MOST_MISSING = 0.05
# Two peaks closer than this are one: warm-ups are logged at some steps only.
_SAME_PEAK = 1.02
# An LR that moves less is constant; one that falls this much in one knot, or this late, is a step
# or a short cooldown.
_CONSTANT = 0.95
_STEP_FALL = 0.3
_LATE_FALL = 0.5
_TAIL = 0.2


def unfit(run: LossRun, points: Points) -> str | None:
    """Why no law may be fitted to a run; None where one may."""
    if len(points.at) < FEWEST_LOSSES:
        return f"only {len(points.at)} losses after the warm-up; a law needs {FEWEST_LOSSES}"
    first, last = run.lr_step[0], run.lr_step[-1]
    covered = (run.loss_step >= first) & (run.loss_step <= last)
    missing = 1.0 - float(covered.mean())
    if missing > MOST_MISSING:
        return f"the LR is unknown for {100 * missing:.0f} % of the losses"
    after = run.loss[run.loss_step >= points.at[0]]
    noise = point_sigma(after)
    edge = max(len(points.loss) // 20, 1)
    drop = float(np.median(points.loss[:edge]) - np.median(points.loss[-edge:]))
    if not drop > LEAST_DROP * noise / np.sqrt(max(len(after) // 20, 1)):
        return "after the warm-up the loss falls by no more than its own noise"
    if _turns_up(points):
        return "the loss rises at the end while the LR does not: it diverges or overfits"
    return None


def too_far(logged: Sequence[Points], candidate: LrPath) -> str | None:
    """Why a candidate is out of reach of what was logged; None where it is within."""
    length = max(p.path.length for p in logged)
    if candidate.length > MOST_TIMES * length:
        return "it lasts more than three times as long as what was logged"
    spent = max(_total(p.path) for p in logged)
    if _total(candidate) > MOST_TIMES * spent:
        return (
            "it spends more than three times the LR that was logged, whose decay was far too fast"
        )
    peak = max(p.path.peak for p in logged)
    if candidate.peak > _SAME_PEAK * peak:
        return "it raises the LR above the largest that was logged, where no law was ever measured"
    if candidate.peak * PEAK_SPREAD < peak:
        return "its peak LR is less than half the logged one"
    return None


def grade(logged: Sequence[Points]) -> str:
    """A: two shapes, or a step or short cooldown; B: a smooth decay; C: a constant LR only."""
    shapes = {_shape(p.path) for p in logged}
    if "step" in shapes or len(shapes) > 1:
        return "A"
    return "C" if shapes == {"constant"} else "B"


def _total(path: LrPath) -> float:
    return float(path.area(np.array([path.length]))[0])


def _shape(path: LrPath) -> str:
    after = path.lr[path.step >= warm_until(path)] / path.peak
    if len(after) < 2 or after.min() >= _CONSTANT:
        return "constant"
    steepest = float(np.max(after[:-1] - after[1:], initial=0.0))
    fallen: Array = path.step[path.step >= warm_until(path)][after < _CONSTANT]
    late = fallen[0] >= path.length * (1 - _TAIL) and after[-1] < _LATE_FALL
    return "step" if steepest > _STEP_FALL or late else "decay"


def _turns_up(points: Points) -> bool:
    """Whether the loss of the last fifth rises significantly although the LR does not."""
    from_here = points.at >= points.at[0] + (1 - _TAIL) * (points.at[-1] - points.at[0])
    at, loss = points.at[from_here], points.loss[from_here]
    lr = np.interp(at, points.path.step, points.path.lr)
    if len(at) < 6 or lr[-1] > lr[0] * 1.001:
        return False
    trend = fit_trend(Series("loss", np.round(at).astype(np.int64), loss))
    spread = float(np.ptp(points.loss))
    return trend is not None and trend.fall_high < 0 and -trend.fall > 0.02 * spread
