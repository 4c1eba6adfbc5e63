"""A validation loss that lies below the training loss, once both are read at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import is_reinforcement_learning
from lrdoctor.types import Array, Case, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement

# Dropout and augmentation seldom raise a loss to three times what it is; a sum can by any number.
_SUM = 2 / 3
_REGULARISED = (
    "usual where dropout, augmentation or label smoothing act in training only; without any of "
    "them see if both losses are the same mean and the validation data are no part of the training "
    "data"
)
_SUMMED = (
    "dropout, augmentation and label smoothing seldom make so much of a difference: see first if "
    "the training loss is logged as a sum over the micro-batches of a step or over processes"
)


@dataclass(frozen=True, slots=True)
class ValidationBelow:
    """A training loss is the mean over an epoch in which the weights moved, so it lags half an
    epoch behind the validation loss at its end; it is moved there before the two are compared."""

    name: ClassVar[str] = "validation_below"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.TRAIN_LOSS, Role.VAL_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset({"gap", "share", "evaluations"})

    min_evaluations: float
    min_share: float
    min_gap: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding, over the evaluations of the second half."""
        if not all(map(case.has, self.requires)):
            return
        train, val = case.signals[Role.TRAIN_LOSS].finite(), case.signals[Role.VAL_LOSS].finite()
        if len(val) < self.min_evaluations or not len(train) or is_reinforcement_learning(case):
            return
        level = _training_at(train, val)
        half = val.step >= (int(val.step[0]) + int(val.step[-1])) / 2
        known = half & (level > 0)
        if np.count_nonzero(known) < self.min_evaluations:
            return
        gap = 1 - val.value[known] / level[known]
        share = float(np.mean(gap > 0))
        typical = float(np.median(gap))
        if share < self.min_share or typical < self.min_gap:
            return
        yield Evidence(
            start=int(val.step[known][0]),
            stop=int(val.step[known][-1]) + 1,
            tags=(val.tag, train.tag),
            measured={
                "gap": Quantity(100 * typical, "%"),
                "share": Quantity(100 * share, "%"),
                "evaluations": Quantity(float(len(gap)), "evaluations"),
            },
            detail=_SUMMED if typical >= _SUM else _REGULARISED,
            revision="a training loss taken in evaluation mode on data without augmentation",
        )


def _training_at(train: Series, val: Series) -> Array:
    """Training loss at each evaluation, ``float64[n]``: half-way between the means over the
    interval that ends there and the one that begins; NaN where either is missing."""
    edges = np.searchsorted(train.step, val.step, side="right")
    total = np.concatenate([[0.0], np.cumsum(train.value)])
    count = np.diff(edges)
    mean = np.full(len(val), np.nan)
    mean[1:] = np.divide(np.diff(total[edges]), count, out=mean[1:], where=count > 0)
    following = np.append(mean[1:], np.nan)
    return np.asarray((mean + following) / 2, dtype=np.float64)
