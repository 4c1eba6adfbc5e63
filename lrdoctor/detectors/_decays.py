"""A decay with an end of its own: where it begins and ends, and how the loss went beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.curves.plateau import Trend, fit_trend
from lrdoctor.detectors._context import (
    governing_groups,
    is_reinforcement_learning,
    largest_lr,
    loss_of,
    real,
    typical_gap,
)
from lrdoctor.types import Case, ParamGroup, Schedule

# The parameter that holds the length of a decay.
_LENGTHS = {
    "cosine": "T_max",
    "linear": "total_steps",
    "polynomial": "total_steps",
    "wsd": "decay_steps",
}
_FLOORS = ("eta_min", "end_lr")
# An RMS error of the fit beyond this share of the peak leaves the end of a decay open.
_EXACT = 1e-3
# An LR that moves by less than this share of its peak stands still; logs round to 6 digits.
STILL = 1e-6
# A loss needs this many points before the LR is gone for its trend to say anything.
_ENOUGH = 6


@dataclass(frozen=True, slots=True)
class Decay:
    """A fitted decay; positions and lengths in x units of the run.

    ``origin`` is the schedule's own time 0, the decay itself goes from ``begin`` (after any
    warm-up of length ``warmup``) to ``end``, from ``peak`` to ``floor``. ``interval`` is what the
    scheduler waits between two steps, 1 where it does not. ``unsure`` says that another family
    fits the log as well.
    """

    group: ParamGroup
    name: str
    origin: float
    begin: float
    end: float
    peak: float
    floor: float
    warmup: float
    interval: float
    clamped: bool
    unsure: bool

    @property
    def length(self) -> float:
        """From time 0 of the schedule to the end of its decay."""
        return self.end - self.origin


def decay_of(case: Case) -> Decay | None:
    """The decay of the governing group with the largest LR.

    None where the LR followed several schedules or none with an end of its own.
    """
    group = leading_group(case)
    if group is None or len(group.schedules) != 1:
        return None
    return _read(group, group.schedules[0])


def leading_group(case: Case) -> ParamGroup | None:
    """The governing group with the largest peak; None without one."""
    return max(governing_groups(case), key=largest_lr, default=None)


def _read(group: ParamGroup, schedule: Schedule) -> Decay | None:
    named = schedule.named
    if named is None or named.name not in _LENGTHS or not schedule.residual <= _EXACT:
        return None
    values = named.parameters()
    length, peak = real(values.get(_LENGTHS[named.name])), real(values.get("lr"))
    if length is None or peak is None or not peak > 0:
        return None
    warmup = 0.0 if values.get("warmup_overlap") else real(values.get("warmup")) or 0.0
    wait = real(values.get("decay_start")) if named.name == "wsd" else None
    begin = schedule.origin + (warmup if wait is None else wait)
    floors = (real(values.get(name)) for name in _FLOORS)
    return Decay(
        group=group,
        name=named.name,
        origin=schedule.origin,
        begin=begin,
        end=begin + length,
        peak=peak,
        floor=next((f for f in floors if f is not None), 0.0),
        warmup=warmup,
        interval=real(values.get("interval")) or 1.0,
        clamped=named.name != "cosine" or bool(values.get("clamp")),
        unsure=any(a.name != named.name for a in schedule.alternatives),
    )


def rests_at_end(decay: Decay, least: float) -> bool:
    """Whether the LR stands still, for ``least`` x units and more, after the decay's end."""
    lr = decay.group.lr.finite()
    tail = lr.between(decay.end + typical_gap(lr), np.inf)
    if len(tail) < 2 or float(lr.step[-1]) - decay.end < least:
        return False
    return bool(np.ptp(tail.value) <= STILL * decay.peak)


def loss_around(case: Case, begin: float, cut: float, low: float) -> tuple[Trend | None, bool]:
    """How the loss fell in the second half of ``[begin, cut)``, and whether it was still falling
    there and has come to less than a tenth of that pace from ``low`` on."""
    loss = None if is_reinforcement_learning(case) else loss_of(case)
    if loss is None:
        return None, False
    before = loss.between(begin, cut)
    if len(before) >= 2 * _ENOUGH:
        before = before.between((begin + cut) / 2, cut)
    trend = fit_trend(before) if len(before) >= _ENOUGH else None
    after = fit_trend(loss.between(low, np.inf))
    if trend is None or after is None or not trend.falling:
        return trend, False
    return trend, after.slope <= trend.slope / 10


def half_cosines(case: Case) -> float | None:
    """How many halves of a cosine the configuration asks for (transformers' ``num_cycles``, 0.5 by
    default); None where it says nothing."""
    cycles = real(case.intent.arguments.get("num_cycles"))
    return None if cycles is None else 2 * cycles
