"""What may be claimed about a candidate: a loss, a range, or nothing, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.replay.law.ensemble import Fitted, Prediction, final_loss, fit, gain, predict
from lrdoctor.replay.law.path import LossRun, LrPath, points_of
from lrdoctor.replay.law.refuse import grade, too_far, unfit
from lrdoctor.types import _Value
from lrdoctor.verdict import Band

# Factors on the raw 90 % half-widths so that nine of ten held-out final losses lie inside; learned
# family by family with the others' priors (``benchmarks/replay``).
SURE = 2.6
CONSTANT = 1.4
# No prediction is closer than this share of the loss's range: seeds alone differ by as much.
_CLOSEST = 0.005
# Between half of the logged peak LR and all of it laws were measured less often.
_OTHER_PEAK = 1.5
_SAME_PEAK = 0.95
# An interval wider than this share of the loss's range says nothing.
_WIDEST = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Answer(_Value):
    """The final loss under a candidate against the baseline's, or why there is none.

    ``refused`` is the reason for grade D. At grade C (nothing but a constant LR was logged) there
    is an ``interval`` and no ``loss``. ``gain_interval`` bounds baseline less candidate.
    """

    grade: str
    refused: str | None = None
    loss: float | None = None
    interval: tuple[float, float] | None = None
    baseline_loss: float | None = None
    gain_interval: tuple[float, float] | None = None
    curve: Band | None = None

    @property
    def gains(self) -> bool:
        """Whether the candidate is better even at the lower bound; a constant LR cannot tell."""
        interval = self.gain_interval
        return self.loss is not None and interval is not None and interval[0] > 0

    @property
    def loses(self) -> bool:
        """Whether the candidate is worse even at the upper bound."""
        interval = self.gain_interval
        return self.loss is not None and interval is not None and interval[1] < 0


@dataclass(frozen=True, slots=True, eq=False)
class Oracle(_Value):
    """Laws fitted to runs of one model, ready for candidates; or the reason why they are not."""

    fitted: Fitted | None
    refused: str | None
    grade: str


def consult(runs: Sequence[LossRun]) -> Oracle:
    """Fits the laws once for any number of candidates."""
    prepared = [(run, points_of(run)) for run in runs]
    reasons = [reason for run, points in prepared if (reason := unfit(run, points))]
    if reasons:
        return Oracle(None, reasons[0], "D")
    return Oracle(fit(runs), None, grade([points for _, points in prepared]))


def ask(oracle: Oracle, baseline: LrPath, candidate: LrPath, points: int = 200) -> Answer:
    """What the laws say about ``candidate`` against ``baseline``, both whole LR paths."""
    if oracle.fitted is None:
        return Answer("D", oracle.refused)
    reason = too_far(oracle.fitted.runs, candidate)
    if reason is not None:
        return Answer("D", reason)
    spread = max(float(np.ptp(run.loss)) for run in oracle.fitted.runs)
    peak = max(run.path.peak for run in oracle.fitted.runs)
    factor = CONSTANT if oracle.grade == "C" else SURE
    factor *= _OTHER_PEAK if candidate.peak < _SAME_PEAK * peak else 1.0
    least = _CLOSEST * spread
    floor = 0.0 if min(float(run.loss.min()) for run in oracle.fitted.runs) > 0 else -np.inf
    at = np.linspace(candidate.step[0], candidate.length, points)
    curve = _bounded(predict(oracle.fitted, candidate, at), factor, least, floor)
    end = final_loss(oracle.fitted, baseline)
    won = gain(oracle.fitted, baseline, candidate)
    half = factor * max(float(won.half[0]), least)
    if oracle.grade != "C" and max(curve.high[-1] - curve.loss[-1], half) > _WIDEST * spread:
        return Answer("D", "the laws disagree by more than half of what the loss ever moved")
    known = oracle.grade != "C"
    interval = (float(curve.low[-1]), float(curve.high[-1]))
    gained = (float(won.loss[0]) - half, float(won.loss[0]) + half)
    if not known:
        interval = _within(interval, max(end - spread, floor), end + spread)
        gained = _within(gained, -spread, spread)
    return Answer(
        grade=oracle.grade,
        loss=float(curve.loss[-1]) if known else None,
        interval=interval,
        baseline_loss=end,
        gain_interval=gained,
        curve=curve if known else None,
    )


def _within(interval: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    """A range of the prior cut to what can be: another LR gains or costs no more than all that
    the loss moved since the warm-up."""
    cut = max(interval[0], low), min(interval[1], high)
    return cut if cut[0] < cut[1] else (low, high)


def _bounded(prediction: Prediction, factor: float, least: float, floor: float) -> Band:
    """The prediction with its interval; a loss that was positive stays above ``floor`` = 0."""
    half = factor * np.maximum(prediction.half, least)
    loss = prediction.loss
    return Band(prediction.at, loss, np.maximum(loss - half, floor), loss + half)
