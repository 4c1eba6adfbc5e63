"""LR paths as laws see them: dimensionless arrays, worked out once for any number of evaluations.

A law is written once over these arrays. They are NumPy's for one run, and NumPy's or torch's with
leading dimensions for a batch of runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from lrdoctor.replay.law._arrays import Values, taken
from lrdoctor.replay.law.path import LrPath
from lrdoctor.types import Array

# The LR is at its top from this share of the peak on: annealing begins there.
_RISEN = 0.98
_LEAST = 1e-9
# Beyond its last knot and step a padded course stands still; these must not be 0 to be raised to a
# power, and these are as many as steps, not as knots.
_ONES = ("lr", "spent", "at_spent")
_OF_STEPS = ("at_time", "at_spent", "left", "into")


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """An LR path of k knots and m steps on it; ``[.., n]`` may have leading dimensions.

    LR is in units of the largest LR, time in units of the longest horizon. What holds for the
    stretch between two knots stands at the later one; the first knot has an empty stretch.
    """

    lr: Values  # [.., k]
    mean: Values  # [.., k], mean LR of the stretch
    length: Values  # [.., k], of the stretch
    fall: Values  # [.., k], by how much the LR falls over the stretch
    annealed: Values  # [.., k], the same, 0 in the warm-up
    bend: Values  # [.., k], by how much the mean LR rises from this stretch to the next
    time: Values  # [.., k]
    spent: Values  # [.., k], cumulative LR, above 0
    at_time: Values  # [.., m]
    at_spent: Values  # [.., m], cumulative LR, above 0
    left: Values  # int64[.., m], the last knot not after the step, and
    into: Values  # [.., m], which share of the next stretch lies before it

    def map(self, change: Callable[[Values], Values]) -> Course:
        """The course with every array changed alike."""
        return Course(*(change(getattr(self, field.name)) for field in fields(self)))

    def padded(self, knots: int, steps: int) -> Course:
        """The same with that many knots, which add nothing, and steps, which mean nothing."""
        longer = []
        for field in fields(self):
            values = getattr(self, field.name)
            width = (steps if field.name in _OF_STEPS else knots) - len(values)
            fill = np.full(width, field.name in _ONES, dtype=values.dtype)
            longer.append(np.concatenate([values, fill]))
        return Course(*longer)

    def window(self, steps: slice, knots: int) -> Course:
        """Some of the steps and the first knots, which are to reach beyond them."""
        parts = []
        for field in fields(self):
            part = steps if field.name in _OF_STEPS else slice(knots)
            parts.append(getattr(self, field.name)[..., part])
        return Course(*parts)

    def now(self, clock: Values) -> Values:
        """A clock's values at the knots, ``[.., k]``, read off at the steps: ``[.., m]``."""
        before, after = taken(clock, self.left), taken(clock, self.left + 1)
        return before + self.into * (after - before)


def course_of(path: LrPath, at: Array, top: float, span: float) -> Course:
    """The course of a path and steps ``at: float64[m]`` in units of ``top`` LR, ``span`` steps."""
    at = np.clip(at, path.step[0], path.step[-1])
    left = np.clip(np.searchsorted(path.step, at, side="right") - 1, 0, len(path.step) - 2)
    lr = path.lr / top
    mean = np.concatenate([[0.0], (lr[1:] + lr[:-1]) / 2.0])
    fall = -np.diff(lr, prepend=lr[0])
    warm = np.arange(len(lr)) <= int(np.argmax(lr >= _RISEN * lr.max()))
    return Course(
        lr=lr,
        mean=mean,
        length=np.diff(path.step, prepend=path.step[0]) / span,
        fall=fall,
        annealed=np.where(warm, 0.0, fall),
        bend=np.diff(mean, append=mean[-1]),
        time=path.step / span,
        spent=np.maximum(path.area(path.step) / (top * span), _LEAST),
        at_time=at / span,
        at_spent=np.maximum(path.area(at) / (top * span), _LEAST),
        left=left,
        into=(at - path.step[left]) / np.diff(path.step)[left],
    )
