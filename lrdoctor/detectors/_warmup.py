"""The warm-up that was configured and the one that an LR curve shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.detectors._context import planned_length, real, steps_per_epoch
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ClockUnit, ParamGroup

# An LR at this share of its peak has none of a warm-up left; a linear one is there at its end.
_AT_PEAK = 0.97
# A fit this good gives the length of a ramp to the step.
_EXACT = 1e-3


@dataclass(frozen=True, slots=True)
class Planned:
    """A configured warm-up: ``length`` in x units (None where it cannot be converted), the setting
    as ``text``, its own ``count`` and ``unit`` ("steps", "epochs", "ratio")."""

    length: float | None
    text: str
    count: float
    unit: str


def planned_warmups(case: Case) -> tuple[Planned, ...]:
    """Every warm-up length in the configuration that is above 0, most specific first."""
    found = []
    for name, unit in (
        ("warmup_steps", "steps"),
        ("warmup_epochs", "epochs"),
        ("warmup_ratio", ""),
    ):
        count = real(case.intent.arguments.get(name))
        if count is None or not count > 0:
            continue
        share = unit == "" or (unit == "steps" and count < 1)  # transformers takes a share there
        length = _of_ratio(case, count) if share else _in_x(case, count, unit)
        text = f"{name} = {number_text(count)}"
        found.append(Planned(length, text, count, "ratio" if share else unit))
    return tuple(found)


def _of_ratio(case: Case, share: float) -> float | None:
    length = planned_length(case)
    return None if length is None or share >= 1 else share * length


def _in_x(case: Case, count: float, unit: str) -> float | None:
    per_epoch = _optimizer_steps_per_epoch(case)
    if case.clock.unit is ClockUnit.EPOCH:
        return count if unit == "epochs" else (count / per_epoch if per_epoch else None)
    if unit == "steps":
        return count
    return count * per_epoch if per_epoch else None


def _optimizer_steps_per_epoch(case: Case) -> float | None:
    if case.clock.unit is not ClockUnit.EPOCH:
        return steps_per_epoch(case)
    batches = case.intent.batches_per_epoch
    return None if not batches else float(np.ceil(batches / (case.intent.accumulation or 1)))


def observed_warmup(group: ParamGroup) -> float | None:
    """Length of the rise at the start in x units: as fitted, else up to the first LR at the peak.

    0 for none; None where the log does not show it (it begins later, or only rises).
    """
    lr = group.lr.finite()
    first = group.schedules[0] if group.schedules else None
    named = first.named if first is not None else None
    if first is not None and named is not None and first.residual <= _EXACT:
        parameters = named.parameters()
        length, start = real(parameters.get("warmup")), real(parameters.get("warmup_start_lr"))
        top = real(parameters.get("lr"))
        if length is not None and start is not None and top is not None and start < top:
            return first.origin + length
    top_at = int(np.argmax(lr.value))
    reached = int(np.flatnonzero(lr.value >= _AT_PEAK * lr.value[top_at])[0])
    if reached == 0:
        return 0.0
    return None if top_at == len(lr) - 1 else float(lr.step[reached])


def only_rises(group: ParamGroup) -> bool:
    """Whether the LR has done nothing but rise, and still does at the end of the log."""
    value = group.lr.finite().value
    if len(value) < 4 or not value[-1] > 0:
        return False
    slack = 1e-6 * value[-1]
    quarter = value[-1] - value[-1 - len(value) // 4]
    return bool(
        np.all(np.diff(value) >= -slack)
        and value[-1] > 1.05 * value[0]
        and quarter > 0.01 * value[-1]
        and value[-1] > value[-1 - max(1, len(value) // 8)] + slack
    )
