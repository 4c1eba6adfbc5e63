"""A training loss that is logged as an integer multiple of what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import is_reinforcement_learning
from lrdoctor.detectors._loss_events import training_loss
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement

# Evaluations that must agree.
_EVALUATIONS = 4


@dataclass(frozen=True, slots=True)
class LossFactor:
    """Holds the training loss against the validation loss and the configured accumulation.

    The ratio must be the accumulation at every one of the first evaluations, where overfitting has
    not yet set in, and over the run. A step by an integer within a run is not judged: the noise of
    single batches hides whether a ratio is exact.
    """

    name: ClassVar[str] = "loss_factor"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.TRAIN_LOSS, Role.VAL_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset({"ratio", "accumulation", "evaluations"})

    tolerance: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding, of the whole run."""
        train, factor = training_loss(case), case.intent.accumulation
        if train is None or factor is None or factor < 2 or not case.has(Role.VAL_LOSS):
            return
        val = case.signals[Role.VAL_LOSS].finite()
        ratios = _ratios(train.finite(), val) / factor
        if len(ratios) < _EVALUATIONS or is_reinforcement_learning(case):
            return
        early = ratios[: max(_EVALUATIONS, len(ratios) // 2)]
        ratio = float(np.median(ratios))
        if max(float(np.max(np.abs(early - 1))), abs(ratio - 1)) > self.tolerance:
            return
        yield Evidence(
            start=int(train.step[0]),
            stop=int(train.step[-1]) + 1,
            tags=(train.tag, val.tag),
            measured={
                "ratio": Quantity(ratio * factor, ""),
                "accumulation": Quantity(float(factor), ""),
                "evaluations": Quantity(float(len(ratios)), ""),
            },
            detail=(
                f"the accumulation is {number_text(factor)}, so the loss is summed over the "
                "micro-batches of a step where their mean is meant"
            ),
            revision="a validation loss that is computed in another way than the training loss",
        )


def _ratios(train: Series, val: Series) -> Array:
    """Mean training loss since the last evaluation over the validation loss, ``float64[m]``.

    The first interval holds the fall from the start and is left out.
    """
    if len(train) < _EVALUATIONS or len(val) < _EVALUATIONS or not np.min(val.value) > 0:
        return np.empty(0)
    ends = np.searchsorted(train.step, val.step, side="right")
    total = np.concatenate([[0.0], np.cumsum(train.value)])
    counts = np.diff(ends)
    usable = counts > 0
    means = np.diff(total[ends])[usable] / counts[usable]
    return np.asarray(means / val.value[1:][usable], dtype=np.float64)
