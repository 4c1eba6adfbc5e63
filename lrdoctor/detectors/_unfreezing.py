"""Where a run unfreezes a part of the model: from the configuration, and from the LR groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.detectors._context import steps_per_epoch, typical_gap
from lrdoctor.types import Case, ParamGroup, Role

# A group that starts within this share of the run after the others started with them.
_TOGETHER = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """``step`` at which something is unfrozen. ``joined`` is the param group that starts to train
    there, ``configured`` says that the configuration names the place, ``rebuilt`` that the
    schedule of a governing group starts anew there."""

    step: float
    joined: ParamGroup | None = None
    configured: bool = False
    rebuilt: bool = False


def training_groups(case: Case) -> tuple[ParamGroup, ...]:
    """Groups with a logged LR that train or are frozen; factors and bias groups left out."""
    return tuple(
        g
        for g in case.param_groups
        if len(g.lr.finite()) and (g.governs or not np.any(g.lr.finite().value))
    )


def find_places(case: Case) -> tuple[Place, ...]:
    """All places, ascending, those closer than the sampling merged into one."""
    groups = training_groups(case)
    if not groups:
        return ()
    slack = max(_TOGETHER * (case.last - case.first), 2 * min(typical_gap(g.lr) for g in groups))
    places = [*_joins(groups, slack), *_rebuilds(groups)]
    configured = _configured(case)
    if configured is not None and case.first <= configured <= case.last:
        places.append(Place(configured, configured=True))
    merged: list[Place] = []
    for place in sorted(places, key=lambda p: p.step):
        if merged and place.step - merged[-1].step <= slack and _compatible(merged[-1], place):
            merged[-1] = _merge(merged[-1], place)
        else:
            merged.append(place)
    return tuple(merged)


def _compatible(a: Place, b: Place) -> bool:
    return a.joined is None or b.joined is None


def _merge(a: Place, b: Place) -> Place:
    # Where the LR itself shows the place, it is exact; the configuration may count from 0 or 1.
    step = a.step if a.joined or a.rebuilt else b.step
    return Place(step, a.joined or b.joined, a.configured or b.configured, a.rebuilt or b.rebuilt)


def _joins(groups: tuple[ParamGroup, ...], slack: float) -> list[Place]:
    starts = {id(g): _start(g) for g in groups}
    origin = min(starts.values())
    return [Place(starts[id(g)], g) for g in groups if starts[id(g)] > origin + slack]


def _start(group: ParamGroup) -> float:
    """First step at a positive LR; where there is none, the first logged step."""
    lr = group.lr.finite()
    trains = np.flatnonzero(lr.value > 0)
    return float(lr.step[trains[0] if len(trains) else 0])


def _rebuilds(groups: tuple[ParamGroup, ...]) -> list[Place]:
    steps = {float(s.start) for g in groups if g.governs for s in g.schedules[1:]}
    return [Place(step, rebuilt=True) for step in steps]


def _configured(case: Case) -> float | None:
    if case.intent.unfreeze_step is not None:
        return float(case.intent.unfreeze_step)
    epoch, per_epoch = case.intent.unfreeze_epoch, steps_per_epoch(case)
    if epoch is None:
        return None
    if per_epoch:
        return epoch * per_epoch
    if case.has(Role.EPOCH):
        known = case.signals[Role.EPOCH].finite()
        if len(known) and known.value[0] <= epoch <= known.value[-1]:
            return float(np.interp(epoch, known.value, known.step))
    return None
