"""The one-cycle part of an LR curve, as observed and as fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.types import Intent, ParamGroup

# The LR has passed its peak once it fell by this share of the way up; rounding stays below.
_PASSED = 0.05
# The LR is at its end below this share of the peak.
_ENDED = 0.02
# A log that covers this share of the fitted horizon shows the end.
_SEEN = 0.98


@dataclass(frozen=True, slots=True)
class Cycle:
    """Times in x units from ``origin``, the cycle's own first step.

    ``peak`` is where the LR is largest, ``peaked`` whether it has fallen again since, ``elapsed``
    what the log covers. ``horizon`` and ``pct_start`` are those of the fitted schedule where there
    is one; ``complete`` says whether the log shows its end.
    """

    origin: float
    peak: float
    peaked: bool
    elapsed: float
    horizon: float | None
    pct_start: float | None
    complete: bool


def observe_cycle(group: ParamGroup, intent: Intent) -> Cycle | None:
    """The cycle of a param group; None where neither fit nor configuration speaks of one-cycle.

    Of several fitted schedules the first counts: after a rebuild no peak is configured.
    """
    if (intent.scheduler or "onecycle") != "onecycle":
        return None
    first = group.schedules[0] if group.schedules else None
    fitted = first.named if first and first.named and first.named.name == "onecycle" else None
    if fitted is None and intent.scheduler != "onecycle" and "pct_start" not in intent.arguments:
        return None
    whole = group.lr.finite()
    lr = whole if first is None or fitted is None else whole.between(-np.inf, first.stop)
    if len(lr) < 3:
        return None
    origin = first.origin if first is not None and fitted is not None else float(lr.step[0])
    elapsed = float(whole.step[-1]) - origin
    top = int(np.argmax(lr.value))
    way_up = float(lr.value[top] - lr.value[0])
    fallen = float(lr.value[top] - lr.value[top:].min())
    horizon, pct = None, None
    if fitted is not None:
        parameters = fitted.parameters()
        horizon, pct = _number(parameters.get("total_steps")), _number(parameters.get("pct_start"))
    ended = float(lr.value[-1]) <= _ENDED * float(lr.value[top])
    return Cycle(
        origin=origin,
        peak=float(lr.step[top]) - origin,
        peaked=way_up > 0 and fallen > _PASSED * way_up,
        elapsed=elapsed,
        horizon=horizon,
        pct_start=pct,
        complete=horizon is not None and (ended or elapsed >= _SEEN * horizon),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
