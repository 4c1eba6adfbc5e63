"""A training loss that is logged as an integer multiple of what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import is_reinforcement_learning
from lrdoctor.detectors._loss_events import training_loss
from lrdoctor.detectors._loss_steps import sharpest_step
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement

# Evaluations that must agree.
_EVALUATIONS = 4


@dataclass(frozen=True, slots=True)
class _Found:
    """From step ``start`` on the loss is ``ratio`` times too large, at so many evaluations."""

    start: float
    ratio: float
    evaluations: int
    sign: str


@dataclass(frozen=True, slots=True)
class LossFactor:
    """Holds the training loss against the validation loss and the configured accumulation.

    In a whole run the ratio must be the accumulation at every one of the first evaluations, where
    overfitting has not yet set in, and over the run. Within a run the loss must step by it where
    the validation loss does not move at all: what harms a training shows there too. Without the
    accumulation in the settings a step by an integer is not judged: the noise of single batches
    hides whether a ratio is exact.
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
        if is_reinforcement_learning(case):
            return
        found = self._whole(train.finite(), val, factor) or self._from_step(train, val, factor)
        if found is None:
            return
        yield Evidence(
            start=int(found.start),
            stop=int(train.step[-1]) + 1,
            tags=(train.tag, val.tag),
            measured={
                "ratio": Quantity(found.ratio, ""),
                "accumulation": Quantity(float(factor), ""),
                "evaluations": Quantity(float(found.evaluations), ""),
            },
            detail=(
                f"{found.sign}, and the accumulation is {number_text(factor)}: the loss is summed "
                "over the micro-batches of a step where their mean is meant"
            ),
            revision="a validation loss that is computed in another way than the training loss",
        )

    def _whole(self, train: Series, val: Series, factor: float) -> _Found | None:
        ratios = _ratios(train, val) / factor
        if len(ratios) < _EVALUATIONS:
            return None
        early = ratios[: max(_EVALUATIONS, len(ratios) // 2)]
        ratio = float(np.median(ratios))
        if max(float(np.max(np.abs(early - 1))), abs(ratio - 1)) > self.tolerance:
            return None
        sign = "it is that many times the validation loss all along"
        return _Found(float(train.step[0]), ratio * factor, len(ratios), sign)

    def _from_step(self, train: Series, val: Series, factor: float) -> _Found | None:
        """A step of the training loss by the accumulation that validation knows nothing of."""
        step = sharpest_step(train, True)
        if step is None or abs(step.ratio / factor - 1) > self.tolerance:
            return None
        start = float(train.finite().step[step.start])
        before, after = val.between(-np.inf, start).value, val.between(start, np.inf).value
        if len(before) < _EVALUATIONS or len(after) < _EVALUATIONS:
            return None
        level = float(np.median(before[-_EVALUATIONS:]))
        moves = np.abs(after[:_EVALUATIONS] - level)
        if not level > 0 or float(np.max(moves)) > self.tolerance * level:
            return None
        sign = f"it steps there while the validation loss stays at {number_text(level)}"
        return _Found(start, step.ratio, len(after), sign)


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
