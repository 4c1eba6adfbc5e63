"""The one-cycle part of an LR curve, as observed and as fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.curves.lr_moves import settled_below
from lrdoctor.detectors._context import real
from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import Array, Intent, ParamGroup

# The LR has passed its peak once it fell by this share of the way up; rounding stays below.
_PASSED = 0.05
# The LR is at its end below this share of the peak.
_ENDED = 0.02
# A curve that stands still for this share of the log has come to its end.
_HELD = 0.05
# A log that covers this share of the fitted horizon shows the end.
_SEEN = 0.98


@dataclass(frozen=True, slots=True)
class Cycle:
    """Times in x units from ``origin``, the cycle's own first step.

    ``peak`` is where the LR is largest, ``rises`` whether it grew to get there, ``peaked`` whether
    it has fallen again since, ``elapsed`` what the log covers. ``horizon`` and ``pct_start`` are
    those of the fitted schedule, else from the place where the LR comes to rest; ``complete`` says
    whether the log shows its end.
    """

    origin: float
    peak: float
    rises: bool
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
    schedule = group.schedules[0] if group.schedules else None
    named = schedule.named if schedule is not None else None
    recognised = named is not None and named.name == "onecycle"
    if not (recognised or intent.scheduler == "onecycle" or "pct_start" in intent.arguments):
        return None
    whole = group.lr.finite()
    lr = whole.between(-np.inf, schedule.stop) if recognised and schedule else whole
    if len(lr) < 3:
        return None
    top = int(np.argmax(lr.value))
    way_up = float(lr.value[top] - lr.value[0])
    fallen = float(lr.value[top] - lr.value[top:].min())
    horizon, pct = _fitted(named) if named is not None else (None, None)
    origin = schedule.origin if horizon is not None and schedule else float(lr.step[0])
    if horizon is None and (tail := _tail(lr.value)):
        # Held at its last LR, which torch reaches at scheduler step total_steps - 1.
        horizon = float(lr.step[len(lr) - tail]) - origin + 1
        pct = (float(lr.step[top]) - origin + 1) / horizon
    elapsed = float(whole.step[-1]) - origin
    ended = float(lr.value[-1]) <= _ENDED * float(lr.value[top])
    return Cycle(
        origin=origin,
        peak=float(lr.step[top]) - origin,
        rises=way_up > 0,
        peaked=way_up > 0 and fallen > _PASSED * way_up,
        elapsed=elapsed,
        horizon=horizon,
        pct_start=pct,
        complete=horizon is not None and (ended or elapsed >= _SEEN * horizon),
    )


def _fitted(named: NamedSchedule) -> tuple[float | None, float | None]:
    """Horizon and share of the rise of a fitted cycle.

    A cycle that is followed by a rest at its last LR is a warm-up and a decay to the fit; as in
    torch the peak is at pct_start * total_steps - 1, the end at total_steps - 1.
    """
    parameters = named.parameters()
    if named.name == "onecycle":
        return real(parameters.get("total_steps")), real(parameters.get("pct_start"))
    rise = real(parameters.get("warmup"))
    fall = real(parameters.get("T_max", parameters.get("total_steps")))
    if named.name not in ("cosine", "linear") or rise is None or fall is None:
        return None, None
    return rise + fall + 1, (rise + 1) / (rise + fall + 1)


def _tail(lr: Array) -> int:
    """Points at the end of a curve that has fallen and stands still; 0 if it moves to the end."""
    tail = len(lr) - settled_below(np.abs(lr - lr[-1]), 1e-6 * float(lr.max()))
    fallen = float(lr[-1]) <= _ENDED * float(lr.max())
    return tail if fallen and tail >= max(2, _HELD * len(lr)) else 0
