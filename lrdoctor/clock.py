"""What one unit of a run's x axis is, how many make an epoch, and how long the run should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lrdoctor.intent_names import last_part, number
from lrdoctor.roles_names import counts_by_one, words
from lrdoctor.types import Array, Clock, ClockUnit, Intent, Note, Role, Run, Series, _Value

# Two lengths of an epoch are the same when they differ by less than a last, partial batch would.
_SAME = 0.02
_LONGEST = 1e15  # planned steps; more is a limit that stands for none
# Feasible lengths of an epoch must lie this close together to count as an answer.
_NARROW = 0.25
# A run this close to its planned length has reached it: trainers drop partial batches and epochs.
_NEARLY = 0.01
# A plan exceeded by more than this was not made in units of this axis.
_BEYOND = 2.0
# Hugging Face logs this once, when ``Trainer.train`` returns.
_END_MARK = ("train", "runtime")
# With one of these the run ends by the clock, and its number of steps is a cap nobody expects.
_TIME_LIMITS = frozenset({
    "max_wallclock_seconds", "max_wallclock_hours", "max_time", "max_train_seconds", "time_limit",
    "max_runtime", "max_seconds", "max_hours",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Timing(_Value):
    """Clock, planned length in x units, whether it was reached, and how each was decided."""

    clock: Clock
    total_steps: int | None
    finished: bool | None
    notes: tuple[Note, ...]


def read_timing(
    run: Run,
    lr: tuple[Series, ...],
    signals: Mapping[Role, Series],
    intent: Intent,
    measured: float | None,
) -> Timing:
    """Clock and planned length from the axis, the measured length of an epoch and the intent."""
    unit, why = _unit(run, lr, signals, intent, measured)
    if unit is ClockUnit.EPOCH:
        per_epoch: float | None = 1.0
    else:
        by_validation = _from_validations(signals.get(Role.VAL_LOSS), intent)
        per_epoch = measured or _intended_per_epoch(unit, intent) or by_validation
    notes = [] if why is None else [Note("clock", f"x axis {run.axis!r} counts {why}")]
    curves = (*lr, *(s for r, s in signals.items() if r is not Role.EPOCH))
    last = _last_step(run)
    total = _planned(unit, per_epoch, intent)
    doubt = None if total is None else _doubt(run, total, last)
    if doubt is not None:
        notes.append(Note("planned", f"the plan of {total} is not used: {doubt}"))
        total = None
    finished, end = _finished(run, curves, last, total)
    if end:
        notes.append(Note("finished", end))
    return Timing(Clock(unit, per_epoch), total, finished, tuple(notes))


def _last_step(run: Run) -> int:
    """The last step of any series, or the step count Hugging Face keeps beside them."""
    logged = max((int(s.step[-1]) for s in run.series.values() if len(s)), default=0)
    return max(logged, int(number(run.hparams.get("global_step")) or 0))


def _doubt(run: Run, total: int, last: int) -> str | None:
    """Why a configured length is not one to judge by, or None."""
    if last > _BEYOND * total:
        return f"it is not in units of this axis, which reaches {last}"
    for key, value in run.hparams.items():
        if last < total and last_part(key) in _TIME_LIMITS and (number(value) or 0) > 0:
            return f"{key} ends the run by the clock, so it is only a cap"
    return None


def measured_epoch(run: Run, epoch: Series | None) -> float | None:
    """The length of an epoch that the log shows: 1 on an axis of epochs; None where unclear."""
    return 1.0 if _named_epoch(run) else steps_per_epoch(epoch)


def _named_epoch(run: Run) -> bool:
    return bool({"epoch", "epochs"} & set(words(run.axis)))


def steps_per_epoch(epoch: Series | None) -> float | None:
    """How many x units make one epoch, from a series that counts epochs; None where unclear.

    Fractional epochs give it by their slope; whole ones by the steps at which they change, within
    the bounds every point sets: in epoch ``e`` (counted from 0) ``e s <= x < (e + 1) s``.
    """
    points = None if epoch is None else epoch.finite()
    if points is None or len(points) < 2 or points.value[-1] <= points.value[0]:
        return None
    x, e = points.step.astype(float), points.value
    whole = np.mean(e == np.round(e)) > 0.5
    return _from_stairs(x, e) if whole else _from_slope(x, e)


def _from_slope(x: Array, e: Array) -> float | None:
    """Slope of fractional epochs, a whole number where the log's rounding allows one."""
    slope = float((x[-1] - x[0]) / (e[-1] - e[0]))
    through_zero = float(x[-1] / e[-1]) if e[-1] > 0 else slope
    best = through_zero if abs(through_zero - slope) <= _SAME * slope else slope
    if best <= 0:
        return None
    decimals = next(
        d for d in range(1, 18) if d == 17 or np.allclose(e, np.round(e, d), rtol=0, atol=1e-12)
    )
    error = best * 0.5 * 10.0**-decimals / max(float(e[-1]), 1.0) + 1e-6 * best
    whole = abs(best - round(best)) <= min(error, 0.5)
    return float(round(best)) if whole else float(f"{best:.9g}")


def _from_stairs(x: Array, e: Array) -> float | None:
    e = np.round(e)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(e) > 0) + 1])
    strides = np.diff(x[starts]) / np.diff(e[starts])
    # The first stride is short where the log begins inside an epoch.
    strides = strides[1:] if len(strides) > 1 else strides
    typical = float(np.mean(strides))
    if len(strides) > 1 and np.ptp(strides) == 0:
        return typical
    for first in (1.0, 0.0) if e[0] == 1 else (0.0, 1.0):
        for origin in (0.0, 1.0):
            low, high = _bounds(x - origin, e - first)
            if low < high <= low * (1 + _NARROW):
                return float(round(min(max(typical, low), high)))
    if len(strides) > 1 and np.ptp(strides) <= _NARROW * typical:
        return float(round(float(np.median(strides))))
    return None


def _bounds(x: Array, e: Array) -> tuple[float, float]:
    """Lower and upper bound on the length of an epoch."""
    if e.min() < 0:
        return 0.0, 0.0
    later = e > 0
    return float(np.max(x / (e + 1))), float(np.min(x[later] / e[later]))


def _unit(
    run: Run,
    lr: tuple[Series, ...],
    signals: Mapping[Role, Series],
    intent: Intent,
    measured: float | None,
) -> tuple[ClockUnit, str | None]:
    """The unit, and what shows it where the axis's name does not say it."""
    if _named_epoch(run):
        return ClockUnit.EPOCH, None
    if {"batch", "batches"} & set(words(run.axis)):
        return ClockUnit.BATCH, None
    if measured == 1:
        return ClockUnit.EPOCH, "epochs: the logged epoch goes up by one with each"
    if any(s.tag.startswith(("lr/pg", "x/lr")) for s in lr) and all(map(counts_by_one, lr)):
        return ClockUnit.EPOCH, "epochs: YOLO trainers log once an epoch"
    val = signals.get(Role.VAL_LOSS)
    loss = signals.get(Role.TRAIN_LOSS)
    if (
        measured is None
        and val
        and loss
        and all(map(counts_by_one, (val, loss)))
        and len(val) == len(loss) > 2
    ):
        return ClockUnit.EPOCH, "epochs: training and validation loss are logged at every one"
    accumulation, batches = intent.accumulation or 1, intent.batches_per_epoch
    if measured and batches and accumulation > 1 and abs(measured - batches) <= _SAME * batches:
        return ClockUnit.BATCH, f"batches: an epoch has {batches} of them"
    return ClockUnit.OPTIMIZER_STEP, None


def _intended_per_epoch(unit: ClockUnit, intent: Intent) -> float | None:
    if intent.batches_per_epoch is None:
        return None
    if unit is ClockUnit.BATCH:
        return float(intent.batches_per_epoch)
    return float(-(-intent.batches_per_epoch // (intent.accumulation or 1)))


def _from_validations(val: Series | None, intent: Intent) -> float | None:
    """The regular distance of validations where there are as many as planned epochs."""
    if val is None or intent.epochs is None or not 3 <= len(val) == intent.epochs:
        return None
    gaps = np.diff(val.step)
    return float(np.median(gaps)) if np.ptp(gaps) <= _SAME * np.median(gaps) else None


def _planned(unit: ClockUnit, per_epoch: float | None, intent: Intent) -> int | None:
    """Planned length in x units: configured steps first, then epochs by the length of one."""
    length = _planned_length(unit, per_epoch, intent)
    return None if length is None or not length < _LONGEST else round(length)


def _planned_length(unit: ClockUnit, per_epoch: float | None, intent: Intent) -> float | None:
    if unit is not ClockUnit.EPOCH and intent.total_steps is not None:
        factor = intent.accumulation or 1 if unit is ClockUnit.BATCH else 1
        return intent.total_steps * factor
    if intent.epochs is not None and per_epoch is not None:
        return intent.epochs * per_epoch
    if intent.total_steps is not None and intent.batches_per_epoch is not None:
        per = _intended_per_epoch(ClockUnit.OPTIMIZER_STEP, intent)
        return intent.total_steps / per if per else None
    return None


def _finished(
    run: Run, curves: tuple[Series, ...], last: int, total: int | None
) -> tuple[bool | None, str]:
    """Whether the planned length was reached, and the reason where it was not."""
    ended = _says_it_ended(run, last)
    if total is None:
        # Early stopping ends a run by itself too, so this is no proof that the plan was reached.
        return None, "the trainer logged its end, but not the planned length" if ended else ""
    if last + 1 >= (1 - _NEARLY) * total:
        return True, ""
    if ended:
        return False, f"training ended at {last} of {total} by itself: early stopping, or a limit"
    longest = max((s.step for s in curves if len(s)), key=len, default=np.zeros(1))
    spacing = float(np.median(np.diff(longest))) if len(longest) > 1 else 0.0
    if last + spacing > total:
        return None, f"the log ends at {last} of {total}, within one logging interval of the end"
    return False, f"the log ends at {last} of {total}: still running, stopped early or cut off"


def _says_it_ended(run: Run, last: int) -> bool:
    """Whether the trainer logged that it is done: its run time, or a result called final."""
    return any(
        words(tag)[-2:] == _END_MARK
        or ("final" in words(tag) and len(series) == 1 and series.step[0] == last)
        for tag, series in run.series.items()
    )
