"""A training loop of real torch optimizers and schedulers, without a model: what the LR would do.

It accumulates gradients, stops and resumes through ``state_dict``, and takes in param groups when
they are unfrozen, as a training script does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrdoctor.protocols import NamedSchedule
from lrdoctor.replay._torch_schedulers import MOST_STEPS, closed_form, maker, scheduler_steps
from lrdoctor.types import Array, Schedule

# What may differ between param groups under one scheduler: their LRs, in proportion.
_OWN = ("lr", "max_lr")
_RELATIVE = ("end_lr", "warmup_start_lr")


@dataclass(frozen=True, slots=True)
class Loop:
    """How the training steps: ``accumulate`` batches per optimizer step, and how often it is
    stopped and resumed through ``state_dict``, spread evenly."""

    accumulate: int = 1
    resumes: int = 1


@dataclass(frozen=True, slots=True)
class Stepped:
    """One scheduler stepped over its param groups: ``steps`` scheduler steps, ``off``: largest
    distance of torch's LR from the closed form as a share of the peak (None: torch has none)."""

    name: str
    groups: tuple[str, ...]
    steps: int
    off: float | None


def step_all(schedules: Mapping[str, Schedule], loop: Loop) -> tuple[Stepped, ...]:
    """Every named schedule by torch; groups that differ in LR alone share a scheduler.

    Raises ``ImportError`` without torch.
    """
    bunches: dict[tuple[object, ...], dict[str, Schedule]] = {}
    for group, schedule in schedules.items():
        if schedule.named is not None:
            bunches.setdefault(_shared(schedule), {})[group] = schedule
    return tuple(_step_bunch(members, loop) for members in bunches.values())


def _step_bunch(members: Mapping[str, Schedule], loop: Loop) -> Stepped:
    named = [s.named for s in members.values() if s.named is not None]
    first = next(iter(members.values()))
    steps = min(scheduler_steps(named[0], first.stop - first.origin), MOST_STEPS)
    theirs = torch_lr(named, steps, loop)
    ours = np.stack([closed_form(one, steps) for one in named], axis=1)
    off = None
    if theirs is not None:
        off = float(np.max(np.abs(ours - theirs) / np.max(np.abs(theirs), axis=0)))
    return Stepped(named[0].name, tuple(members), steps, off)


def torch_lr(named: Sequence[NamedSchedule], steps: int, loop: Loop) -> Array | None:
    """LR of param groups under one scheduler: float64[steps, groups]; None where torch has no such
    scheduler. Groups after the first are added to the optimizer as unfreezing does, before the
    scheduler is made for all of them."""
    import torch

    make = maker(named[0])
    if make is None:
        return None
    tops = [_top(one) for one in named]

    def started() -> tuple[Any, Any]:
        weights = [torch.nn.Parameter(torch.zeros(1)) for _ in tops]
        optimizer = torch.optim.SGD([weights[0]], lr=tops[0])
        for weight, top in zip(weights[1:], tops[1:], strict=True):
            optimizer.add_param_group({"params": [weight], "lr": top})
        return optimizer, make(optimizer, tops)

    optimizer, scheduler = started()
    stops = {round(steps * (k + 1) / (loop.resumes + 1)) for k in range(loop.resumes)}
    result = np.empty((steps, len(tops)))
    for step in range(steps):
        if step in stops and step > 0:
            saved = optimizer.state_dict(), scheduler.state_dict()
            optimizer, scheduler = started()
            optimizer.load_state_dict(saved[0])
            scheduler.load_state_dict(saved[1])
        result[step] = [group["lr"] for group in optimizer.param_groups]
        for batch in range(loop.accumulate):
            if batch + 1 == loop.accumulate:
                optimizer.step()
                if step + 1 < steps:
                    scheduler.step()
    return result


def _top(named: NamedSchedule) -> float:
    values: Mapping[str, Any] = named.parameters()
    return float(next(values[key] for key in _OWN if key in values))


def _shared(schedule: Schedule) -> tuple[object, ...]:
    """Equal for schedules that one scheduler of torch can set."""
    assert schedule.named is not None
    values: dict[str, Any] = dict(schedule.named.parameters())
    top = next((float(values.pop(key)) for key in _OWN if key in values), 1.0)
    for key in _RELATIVE:
        if isinstance(values.get(key), int | float):
            values[key] = round(float(values[key]) / top, 9)
    rest = tuple(sorted((k, repr(v)) for k, v in values.items()))
    return schedule.named.name, schedule.origin, schedule.stop, rest
