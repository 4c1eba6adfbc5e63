"""From trained curves to what may be said about each candidate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lrdoctor.replay.proxy.compare import compare, final_losses
from lrdoctor.replay.proxy.train import Trained
from lrdoctor.types import Array
from lrdoctor.verdict import Outcome

# A gain below this share of the baseline's final loss, or of what that fell by, is none, however
# sure its sign: some losses end near 0, others near what no training can learn.
LEAST = 0.02
_CUT = "it was stopped, or its --budget ran out, before a pair of trainings came to its end"


def outcome_of(
    trained: Trained, row: int, level: str, assumptions: Sequence[str], unit: str = "step"
) -> Outcome:
    """What row ``row`` of the trainings shows against row 0, the logged run's LR."""
    base, other = trained.loss[0], trained.loss[row]
    whole = (trained.done[[0, row]] == trained.loss.shape[-1]).all(axis=0)
    told = tuple(assumptions)
    if not whole.any():
        return refusal(level, told, _CUT)
    if whole.sum() < len(whole):
        told = (
            *told,
            f"{whole.sum()} of {len(whole)} seeds were trained before it was cut off",
        )
    base, other = base[whole], other[whole]
    blown, baseline_blown = _diverged(other), _diverged(base)
    if blown.any() or baseline_blown.any():
        text = (
            f"it diverged in {blown.sum()} of {len(blown)} seeds, under the logged LR in "
            f"{baseline_blown.sum()}"
        )
        if (blown | baseline_blown).all():
            first = np.argmin(np.isfinite(other), axis=1)[blown]
            where = f" (first at {unit} {first.min()})" if len(first) else ""
            return refusal(level, told, f"no pair of trainings stayed finite: {text}{where}")
        told = (*told, f"{text}; the other pairs are compared")
    fine = ~(blown | baseline_blown)
    end = float(final_losses(base[fine]).mean())
    fall = abs(float(base[fine, 0].mean()) - end)
    result = compare(base[fine], other[fine], least=LEAST * min(abs(end), fall))
    if result.seeds == 1:
        told = (*told, "one pair has no spread: it takes two seeds or more to tell")
    return Outcome(
        level=level,
        assumptions=told,
        verdict=result.verdict,
        baseline_loss=result.baseline,
        loss=result.candidate,
        interval=result.spread,
        gain_interval=result.interval,
        seeds=result.seeds,
        device=trained.device,
        seconds=trained.seconds,
    )


def refusal(level: str, assumptions: Sequence[str], reason: str) -> Outcome:
    """No number, and why."""
    return Outcome(level=level, assumptions=tuple(assumptions), refused=reason)


def _diverged(loss: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(~np.isfinite(loss).all(axis=1))
