"""Why an LR was used up early: the arithmetic of steps, epochs and patience."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lrdoctor.curves.lr_moves import find_drops
from lrdoctor.curves.plateau import Trend
from lrdoctor.detectors._context import loss_of, number, planned_length, steps_per_epoch
from lrdoctor.horizon import explain_ratio
from lrdoctor.types import Case, Confidence, ParamGroup, Quantity, Role, Series
from lrdoctor.verdict import Evidence

Facts = tuple[str, dict[str, Quantity]]
# ReduceLROnPlateau counts an evaluation as progress from a relative gain of this size on (torch).
_PROGRESS = 1e-4
# Intervals that differ by less than this share are one interval.
_EQUAL = 0.1
# Configured lengths, in the order in which a schedule uses them.
_LENGTHS = ("T_max", "total_steps", "step_size", "T_0", "decay_steps")


def explain_swings(case: Case, group: ParamGroup, trough: float, returns: int) -> Facts:
    """Why a cosine reaches its floor early and comes back."""
    half = trough - float(group.lr.step[0])
    text = f"a cosine without restarts reaches its floor after {number(half)} and rises again"
    times = "once" if returns == 1 else f"{number(returns)} times"
    cause, facts = _cause(case, half)
    return f"{text} {times}: {cause}", {"period": Quantity(2 * half, "steps"), **facts}


def explain_floor(
    case: Case, group: ParamGroup, low: float, before: Trend | None, after: Trend | None
) -> Facts:
    """Why an LR settled at its floor at step ``low``."""
    cause, facts = _cause(case, low - float(group.lr.step[0]))
    if before is None:
        return f"the log cannot show what it cost; {cause}", facts
    text = f"the loss was falling by {number(before.fall)} in the stretch before the cut"
    if after is not None and before.slope > 0:
        text += f", and falls at {number(100 * after.slope / before.slope)} % of that rate since"
    return f"{text}; {cause}", facts


def follows_plateaus(case: Case) -> bool:
    """Whether ReduceLROnPlateau sets the LR: as configured, else as recognised in the curve."""
    if case.intent.scheduler is not None:
        return case.intent.scheduler == "reduce_on_plateau"
    fitted = {s.named.name for g in case.param_groups for s in g.schedules if s.named}
    return fitted == {"reduce_on_plateau"}


def needless_cuts(case: Case, group: ParamGroup, new_best_share: float) -> Evidence | None:
    """ReduceLROnPlateau that cuts at equal intervals while the loss keeps reaching new bests.

    By definition no new best lies in the ``patience`` evaluations before a cut; many of them mean
    that the scheduler watches the wrong direction or another series.
    """
    if not follows_plateaus(case):
        return None
    lr, loss = group.lr.finite(), _watched(case)
    drops = lr.step[find_drops(lr.value, 0.9)]
    if loss is None or len(drops) < 2:
        return None
    interval = float(np.median(np.diff(drops)))
    even = bool(np.all(np.abs(np.diff(drops) - interval) <= max(_EQUAL * interval, 1.0)))
    share = _new_bests(loss, drops[:2], interval)
    if not even or share is None or share < new_best_share:
        return None
    length = float(lr.step[-1] - lr.step[0])
    return Evidence(
        start=int(drops[0]),
        stop=int(lr.step[-1]) + 1,
        tags=(group.lr.tag, loss.tag),
        measured={
            "reached_at": Quantity(float(drops[-1]), case.clock.unit.value.replace("_", " ")),
            "lr_share": Quantity(100 * float(lr.value[-1] / lr.value.max()), "%"),
            "run_left": Quantity(100 * float(lr.step[-1] - drops[-1]) / length, "%"),
            "cuts": Quantity(float(len(drops)), ""),
            "interval": Quantity(interval, "steps"),
            "new_bests": Quantity(100 * share, "%"),
        },
        param_group=group.name,
        detail=(
            f"ReduceLROnPlateau cuts {number(len(drops))} times, every {number(interval)} steps, "
            f"although {number(100 * share)} % of the evaluations before the first cuts were new "
            "bests: its mode is the wrong way round, or it watches another series"
        ),
        revision="a monitored series that really stands still before each cut",
        confidence=Confidence.HIGH,
    )


def _watched(case: Case) -> Series | None:
    if case.has(Role.VAL_LOSS):
        return case.signals[Role.VAL_LOSS].finite()
    return loss_of(case)


def _new_bests(
    loss: Series, cuts: np.ndarray[tuple[int], np.dtype[np.int64]], interval: float
) -> float | None:
    """Share of points in the interval before each of the first cuts that are new bests."""
    best = np.minimum.accumulate(loss.value)
    fresh = np.zeros(len(loss), dtype=bool)
    fresh[1:] = loss.value[1:] < best[:-1] - _PROGRESS * np.abs(best[:-1])
    inside = np.zeros(len(loss), dtype=bool)
    for cut in cuts:
        inside |= (loss.step >= cut - interval) & (loss.step < cut)
    return float(fresh[inside].mean()) if inside.sum() >= 4 else None


def _cause(case: Case, horizon: float) -> Facts:
    """The likeliest reason for a schedule that lasts ``horizon`` x units."""
    return (
        _counted_in_steps(case, horizon)
        or _simple_ratio(case, horizon)
        or (
            "the schedule is shorter than the run: look for a scheduler stepped per batch, "
            "a T_max or step_size counted in the wrong unit, or a gamma meant per epoch",
            {},
        )
    )


def _counted_in_steps(case: Case, horizon: float) -> Facts | None:
    """A length given in epochs that the schedule used up in as many steps."""
    per_epoch = steps_per_epoch(case)
    if not per_epoch or per_epoch <= 1:
        return None
    lengths = dict(_configured(case.intent.arguments))
    if case.intent.epochs:
        lengths["epochs"] = case.intent.epochs
    for name, length in lengths.items():
        if length > 0 and abs(horizon - length) <= max(0.1 * length, 2.0):
            return (
                f"{name} = {number(length)} was meant in epochs and is used up in as many steps: "
                f"the scheduler is stepped per batch, {number(per_epoch)} times too often",
                {"ratio": Quantity(per_epoch, "")},
            )
    return None


def _configured(arguments: Mapping[str, object]) -> list[tuple[str, float]]:
    found = [(name, arguments.get(name)) for name in _LENGTHS]
    return [(n, float(v)) for n, v in found if isinstance(v, int | float)]


def _simple_ratio(case: Case, horizon: float) -> Facts | None:
    planned = planned_length(case)
    if not planned or horizon <= 0:
        return None
    for explanation in explain_ratio(horizon, planned, case.intent):
        return explanation.text, {"ratio": Quantity(planned / horizon, "")}
    return None
