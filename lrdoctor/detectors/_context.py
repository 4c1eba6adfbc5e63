"""What several detectors ask of a case."""

from __future__ import annotations

import re

import numpy as np

from lrdoctor.messages import number_text, units_text
from lrdoctor.types import Case, ClockUnit, ParamGroup, Role, Series

# Names only reinforcement learning logs; its losses chase a moving target and are no trend.
_REINFORCEMENT = re.compile(
    r"rollout|reward|episode|ep_rew|policy_(gradient_)?loss|value_loss|entropy_loss|explained_var"
    r"|approx_kl|clip_fraction",
    re.IGNORECASE,
)


def governing_groups(case: Case) -> tuple[ParamGroup, ...]:
    """Param groups whose LR says how training went and that have at least two finite values."""
    return tuple(g for g in case.param_groups if g.governs and len(g.lr.finite()) >= 2)


def main_group(case: Case) -> ParamGroup | None:
    """The governing group with the largest typical (median) LR; None without one."""
    groups = governing_groups(case)
    if len(groups) == 1:
        return groups[0]  # as in most logs; detectors ask for it a dozen times
    return max(groups, key=lambda g: float(np.median(g.lr.finite().value)), default=None)


def loss_of(case: Case) -> Series | None:
    """The training loss, else the validation loss, finite points only; None without one."""
    for role in (Role.TRAIN_LOSS, Role.VAL_LOSS):
        if case.has(role):
            points = case.signals[role].finite()
            if len(points):
                return points
    return None


def is_reinforcement_learning(case: Case) -> bool:
    """Whether the log has series that only reinforcement learning writes."""
    return any(_REINFORCEMENT.search(tag) for tag in case.run.series)


def steps_per_epoch(case: Case) -> float | None:
    """X units that make one epoch: 1 on an epoch axis; None where unknown."""
    if case.clock.unit is ClockUnit.EPOCH:
        return 1.0
    return case.clock.steps_per_epoch


def epochs_run(case: Case) -> float | None:
    """Epochs the log covers; None where unknown."""
    per_epoch = steps_per_epoch(case)
    return None if not per_epoch else (case.last - case.first) / per_epoch


def typical_gap(series: Series) -> float:
    """Median distance of neighbouring points in steps; infinite for a single point."""
    return float(np.median(np.diff(series.step))) if len(series) > 1 else float("inf")


def planned_length(case: Case) -> float | None:
    """Length of the run as planned, or as it was if it is known to be finished; else None."""
    if case.total_steps is not None and case.total_steps > 0:
        return float(case.total_steps)
    return float(case.last - case.first) if case.finished else None


def length_known(case: Case) -> bool:
    """Whether a share of the run means anything: of one that still trains, without a plan, every
    share so far shrinks."""
    return case.finished is not False or planned_length(case) is not None


def largest_lr(group: ParamGroup, start: float = -np.inf, stop: float = np.inf) -> float:
    """The group's largest finite LR in ``[start, stop)``; 0 where none was logged."""
    return float(np.max(group.lr.finite().between(start, stop).value, initial=0.0))


def real(value: object) -> float | None:
    """A setting as a number; None for text, truth values and what is missing."""
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if usable else None  # type: ignore[arg-type]


def percent(value: float) -> str:
    """Three significant digits: no share of a run or a loss is known better."""
    return f"{number_text(value, digits=3)} %"


def x_units(case: Case) -> str:
    """What the run's x axis counts: "steps", "batches" or "epochs"."""
    return units_text(case.clock.unit)


def length_text(case: Case, count: float) -> str:
    """A length along the x axis: "1 epoch", "2,400 steps"."""
    return f"{number_text(count)} {units_text(case.clock.unit, count)}"
