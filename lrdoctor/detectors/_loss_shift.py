"""A rise of the loss at a known place: at an LR drop, a resume, an unfreezing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lrdoctor.curves.changepoint import Shift, level_shift, recovery
from lrdoctor.detectors._context import x_units
from lrdoctor.types import Case, Quantity, Role, Series

# Points that make the levels before and after: few show short spikes, many a step in noisy losses.
_WINDOWS = ((5, 2), (20, 10), (80, 40))


@dataclass(frozen=True, slots=True)
class Course:
    """Where a rise begins and ends in steps, ``[start, stop)``; ``back`` counts the points until
    the old level is reached again, None where it is not. ``measured`` are its numbers."""

    start: int
    stop: int
    back: int | None
    measured: dict[str, Quantity]


def longest_rise(
    loss: Series, at: int, lag: int, counts: Callable[[Shift], bool], start: int = 0
) -> Shift | None:
    """The longest rise at index ``at`` that ``counts``: its length tells a step from a spike."""
    shifts = (
        level_shift(loss.value, at, before=wide, after=width, lag=lag, start=start)
        for wide, width in _WINDOWS
    )
    return max(
        (s for s in shifts if s is not None and counts(s)), key=lambda s: s.width, default=None
    )


def significant(shift: Shift, sigma: float, ratio: float, rank: float, tries: int) -> bool:
    """Whether a rise is large by all three measures.

    More places give chance more tries, and log p falls with sigma² / 2.
    """
    if shift.sigmas < float(np.sqrt(sigma**2 + 2 * np.log(tries))) or shift.rank < rank:
        return False
    return shift.rise >= (ratio - 1) * abs(shift.before)


def course_of(case: Case, loss: Series, shift: Shift) -> Course:
    """How a rise goes on."""
    level = shift.before + shift.error
    back = recovery(loss.value, shift.index, level, points=max(shift.width, 2))
    start = int(loss.step[shift.index])
    stop = int(loss.step[-1] if back is None else loss.step[shift.index + back]) + 1
    measured = {
        "loss_before": Quantity(shift.before, ""),
        "loss_after": Quantity(shift.after, ""),
        "rise_sigma": Quantity(shift.sigmas, "sigma"),
    }
    if shift.before > 0:
        measured["loss_ratio"] = Quantity(shift.after / shift.before, "")
    if back is not None:
        measured["recovered_after"] = Quantity(float(stop - start), x_units(case))
    return Course(start, stop, back, measured)


def validation_shift(case: Case, loss: Series, step: int) -> Shift | None:
    """The shift of the validation loss there, where that is not the series already judged."""
    if not case.has(Role.VAL_LOSS) or case.signals[Role.VAL_LOSS].tag == loss.tag:
        return None
    points = case.signals[Role.VAL_LOSS].finite()
    at = int(np.searchsorted(points.step, step))
    return level_shift(points.value, at, before=5, after=2, lag=1)
