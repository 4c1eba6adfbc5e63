"""Why an LR was used up early: the arithmetic of steps, epochs and patience."""

from __future__ import annotations

from collections.abc import Mapping

from lrdoctor.curves.lr_moves import find_drops
from lrdoctor.curves.plateau import Trend
from lrdoctor.detectors._context import (
    length_text,
    percent,
    planned_length,
    real,
    steps_per_epoch,
    typical_gap,
    x_units,
)
from lrdoctor.horizon import explain_ratio
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ParamGroup, Quantity

Facts = tuple[str, dict[str, Quantity]]
# Configured lengths, in the order in which a schedule uses them.
_LENGTHS = ("T_max", "total_steps", "step_size", "decay_steps")


def explain_swings(case: Case, group: ParamGroup, trough: float, returns: int) -> Facts:
    """Why a cosine reaches its floor early and comes back."""
    half = trough - float(group.lr.step[0])
    text = f"a cosine without restarts reaches its floor after {length_text(case, half)} and rises"
    times = "once" if returns == 1 else f"{number_text(returns)} times"
    cause, facts = _cause(case, group, half)
    period = Quantity(2 * half, x_units(case))
    return f"{text} again {times}: {cause}", {"period": period, **facts}


def explain_floor(
    case: Case, group: ParamGroup, low: float, before: Trend | None, after: Trend | None
) -> Facts:
    """Why an LR settled at its floor at step ``low``."""
    cause, facts = _cause(case, group, low - float(group.lr.step[0]))
    if before is None:
        return f"the log cannot show what it cost; {cause}", facts
    if not before.falling:
        return f"the loss is too noisy to show whether it still fell at the cut; {cause}", facts
    text = f"the loss was falling by {number_text(before.fall)} in the stretch before the cut"
    if after is not None:
        left = percent(100 * after.slope / before.slope)
        text += f", and since then at {left} of that rate"
    return f"{text}; {cause}", facts


def _cause(case: Case, group: ParamGroup, horizon: float) -> Facts:
    """The likeliest reason for an LR that is used up after ``horizon`` x units."""
    fitted = _fitted(group)
    return (
        _counted_in_steps(case, fitted, horizon)
        or _gamma_per_step(case, fitted)
        or _early_milestones(group)
        or _simple_ratio(case, group, fitted)
        or (
            f"the schedule is used up after {length_text(case, horizon)}: look for a scheduler "
            "stepped per batch, a T_max or step_size in the wrong unit, or a gamma meant per epoch",
            {"horizon": Quantity(horizon, x_units(case))},
        )
    )


def _fitted(group: ParamGroup) -> dict[str, float]:
    """Numeric parameters of the group's first schedule, in x units."""
    named = group.schedules[0].named if group.schedules else None
    return {} if named is None else _numbers(named.parameters())


def _numbers(parameters: Mapping[str, object]) -> dict[str, float]:
    found = {name: real(value) for name, value in parameters.items()}
    return {name: value for name, value in found.items() if value is not None}


def _counted_in_steps(case: Case, fitted: Mapping[str, float], horizon: float) -> Facts | None:
    """A length configured in epochs that the schedule used up in as many steps."""
    per_epoch = steps_per_epoch(case)
    if not per_epoch or per_epoch <= 1:
        return None
    meant = _numbers(case.intent.arguments)
    pairs = [(n, meant[n], fitted[n]) for n in _LENGTHS if n in meant and n in fitted]
    if case.intent.epochs:
        pairs.append(("epochs", case.intent.epochs, fitted.get("T_max", horizon)))
    for name, length, seen in pairs:
        if length > 0 and abs(seen - length) <= max(0.05 * length, 1.0):
            return (
                f"{name} = {number_text(length)} was meant in epochs and is used up in as many "
                f"steps: the scheduler is stepped per batch, {number_text(per_epoch)} times too "
                "often",
                {"ratio": Quantity(per_epoch, "")},
            )
    return None


def _gamma_per_step(case: Case, fitted: Mapping[str, float]) -> Facts | None:
    """An exponential whose gamma per step is the one configured for an epoch."""
    per_epoch, meant = steps_per_epoch(case), _numbers(case.intent.arguments).get("gamma")
    seen = fitted.get("gamma")
    if not per_epoch or per_epoch <= 1 or meant is None or seen is None or "step_size" in fitted:
        return None
    if not 0 < meant < 1 or abs(seen - meant) > 0.1 * (1 - meant):
        return None
    return (
        f"gamma = {number_text(meant)} is applied at every step instead of every epoch, "
        f"{number_text(per_epoch)} times too often",
        {"ratio": Quantity(per_epoch, "")},
    )


def _early_milestones(group: ParamGroup) -> Facts | None:
    """Drops whose last comes long before the end: milestones of a shorter training."""
    lr = group.lr.finite()
    drops = lr.step[find_drops(lr.value, 0.9)]
    named = group.schedules[0].named if group.schedules else None
    if named is None or named.name not in ("multistep", "step") or not 2 <= len(drops) <= 5:
        return None
    share = 100 * float(drops[-1] - lr.step[0]) / float(lr.step[-1] - lr.step[0])
    return (
        f"the last of {len(drops)} drops comes at {percent(share)} of the run, "
        "as milestones of a shorter training would",
        {"last_drop": Quantity(share, "%"), "cuts": Quantity(float(len(drops)), "")},
    )


def _simple_ratio(case: Case, group: ParamGroup, fitted: Mapping[str, float]) -> Facts | None:
    """A schedule with an end of its own, at a simple fraction of the planned run."""
    planned = planned_length(case)
    length = fitted.get("T_max", fitted.get("total_steps"))
    if not planned or not length:
        return None
    # Warm-up comes before these lengths; where sampling blurs them, a whole ratio is meant.
    horizon = length + fitted.get("warmup", 0.0)
    whole = planned / max(round(planned / horizon), 1)
    if abs(whole - horizon) <= 1.5 * typical_gap(group.lr):
        horizon = whole
    units = x_units(case)
    for explanation in explain_ratio(horizon, planned, case.intent):
        return (
            f"the schedule lasts {number_text(horizon)} of {number_text(planned)} planned {units}: "
            f"{explanation.text}",
            {"horizon": Quantity(horizon, units), "planned": Quantity(planned, units)},
        )
    return None
