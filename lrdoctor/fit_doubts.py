"""What a log cannot decide: other names for the same values, hidden rebounds, used or next LR."""

from __future__ import annotations

import numpy as np

from lrdoctor.fit_names import Named
from lrdoctor.fit_refine import Match
from lrdoctor.fit_segments import Curve
from lrdoctor.types import Alternative

# Per-epoch logs have at most some hundreds of points; a log of more is taken inside epochs.
_MOST_EPOCHS = 400
_SAME = "explains the logged values equally well; more of the run, or more digits, would decide"
_ALIAS = (
    "a cosine advanced once per batch and logged once per epoch can look the same; "
    "the LR of every step within one epoch would decide"
)
_RISE = "only the warm-up was logged; what follows it decides"


def alternatives(curve: Curve, named: Named) -> tuple[Alternative, ...]:
    """Other schedules that these points cannot be told from."""
    same = [Alternative(m.named.name, _SAME) for m in named.others]
    return (*same, *([Alternative("cosine", _ALIAS)] if _may_alias(curve, named.match) else []))


def only_rising(curve: Curve) -> tuple[Alternative, ...]:
    """What a curve without a name may become, where it has done nothing but rise."""
    if len(curve) < 2 or not np.all(np.diff(curve.y) >= 0) or not curve.y[-1] > curve.y[0]:
        return ()
    return tuple(Alternative(n, _RISE) for n in ("constant", "cosine", "linear", "onecycle"))


def logged_time(curve: Curve, match: Match) -> str:
    """Whether values are those of their step ("used") or one later ("next"), where it shows.

    Only a curve that moves from its first point on, on an axis that begins with its first step,
    has its time 0 at that step or one before it.
    """
    first, origin = float(curve.x[0]), match.origin
    still = match.named.name == "constant" and match.named.warmup is None
    if (
        match.fixed_origin
        or not match.exact
        or still
        or curve.spacing > 1
        or first not in (0.0, 1.0)
    ):
        return "unknown"
    if origin == first:
        return "used"
    return "next" if origin == -1.0 and first == 0.0 else "unknown"


def _may_alias(curve: Curve, match: Match) -> bool:
    """Whether a much faster cosine would give these points: even sampling, not too many points.

    With s between points, half periods T and s / (2 m +- s / T) agree at every point.
    """
    named = match.named
    if named.name != "cosine" or named.warmup is not None or len(curve) > _MOST_EPOCHS:
        return False
    gaps = np.diff(curve.x)
    return len(gaps) > 2 and bool(np.all(gaps == gaps[0]))
