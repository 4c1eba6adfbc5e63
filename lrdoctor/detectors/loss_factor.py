"""A loss that is logged as an integer multiple of what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import is_reinforcement_learning
from lrdoctor.detectors._loss_events import coupled_event, training_loss
from lrdoctor.detectors._loss_steps import Step, sharpest_step
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, Confidence, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement

_POWERS = (8, 16, 32, 64)
# Evaluations that must agree.
_EVALUATIONS = 4


@dataclass(frozen=True, slots=True)
class LossFactor:
    """Two signs: a step by an integer that nothing else follows, and a training loss that is the
    accumulation times the validation loss from the first evaluation on.

    An integer alone proves little: the scatter must step by the same factor, and the validation
    loss or the metric must not step with it. Without either series there is a note at most.
    """

    name: ClassVar[str] = "loss_factor"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"factor", "ratio", "loss_before", "loss_after", "scatter_ratio", "accumulation"}
    )

    tolerance: float
    scatter_tolerance: float
    most: float
    steady: float
    eval_tolerance: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding."""
        series = training_loss(case)
        if series is None:
            return
        found = self._multiple(case, series) or self._step(case, series)
        if found is not None and not is_reinforcement_learning(case):
            yield found

    # ------------------------------------------------------------------ a multiple throughout

    def _multiple(self, case: Case, series: Series) -> Evidence | None:
        """Training loss over validation loss at the evaluations, against the accumulation."""
        factor = case.intent.accumulation
        if factor is None or factor < 2 or not case.has(Role.VAL_LOSS):
            return None
        train, val = series.finite(), case.signals[Role.VAL_LOSS].finite()
        if len(val) < _EVALUATIONS or len(train) < _EVALUATIONS:
            return None
        ends = np.searchsorted(train.step, val.step, side="right")
        starts = np.concatenate([[0], ends[:-1]])
        pairs = [
            float(np.mean(train.value[a:b])) / float(v)
            for a, b, v in zip(starts, ends, val.value, strict=True)
            if b > a and v > 0
        ]
        # The mean of the first interval holds the fall from the start.
        ratios = np.array(pairs[1:])
        if len(ratios) < _EVALUATIONS:
            return None
        ratio = float(np.median(ratios))
        if not np.all(
            np.abs(ratios[: max(_EVALUATIONS, len(ratios) // 2)] / factor - 1) < self.eval_tolerance
        ):
            return None
        if abs(ratio / factor - 1) > self.eval_tolerance:
            return None
        return Evidence(
            start=int(train.step[0]),
            stop=int(train.step[-1]) + 1,
            tags=(train.tag, val.tag),
            measured={
                "factor": Quantity(float(factor), ""),
                "ratio": Quantity(ratio, ""),
                "accumulation": Quantity(float(factor), ""),
            },
            detail=(
                f"it is {number_text(ratio, digits=3)} times the validation loss at every "
                f"evaluation, and {factor} is the accumulation: it is summed over the "
                "micro-batches of a step where their mean is meant"
            ),
            revision="a validation loss that is computed in another way than the training loss",
        )

    # ------------------------------------------------------------------ a step

    def _step(self, case: Case, series: Series) -> Evidence | None:
        steps = [s for s in (sharpest_step(series, up) for up in (True, False)) if s is not None]
        for step in steps:
            factor = self._integer(case, step)
            if factor is None or not _at_one_point(series.finite().value, step):
                continue
            start = float(series.finite().step[step.start])
            if coupled_event(case, start, start) is not None:
                continue
            steady = steady_beside(case, start, self.steady)
            if steady is not False:
                return self._evidence(series.finite(), step, factor, steady)
        return None

    def _integer(self, case: Case, step: Step) -> int | None:
        """The factor: 2 to 4, a power of 2, or the accumulation or devices configured."""
        size = step.ratio if step.ratio > 1 else 1 / step.ratio
        factor = round(size)
        known = factor in (case.intent.accumulation, case.intent.devices)
        usual = 2 <= factor <= 4 or (factor <= self.most and factor in _POWERS)
        if not (usual or known) or factor < 2 or abs(size / factor - 1) > self.tolerance:
            return None
        scatter = step.scatter_ratio if step.ratio > 1 else 1 / step.scatter_ratio
        if not np.isfinite(scatter) or not scatter > 0:
            return None
        same = abs(float(np.log(scatter / factor))) <= float(np.log(self.scatter_tolerance))
        return factor if same else None

    def _evidence(self, points: Series, step: Step, factor: int, steady: bool | None) -> Evidence:
        move = "up" if step.ratio > 1 else "down"
        known = "the validation loss or the metric goes on as before"
        unknown = "no validation loss or metric is logged that would tell a step of the loss itself"
        return Evidence(
            start=int(points.step[step.start]),
            stop=int(points.step[-1]) + 1,
            tags=(points.tag,),
            measured={
                "factor": Quantity(float(factor), ""),
                "ratio": Quantity(step.ratio, ""),
                "loss_before": Quantity(step.before, ""),
                "loss_after": Quantity(step.after, ""),
                "scatter_ratio": Quantity(step.scatter_ratio, ""),
            },
            detail=(
                f"it steps {move} from {number_text(step.before)} to {number_text(step.after)} at "
                f"one point, its scatter with it, and {known if steady else unknown}"
            ),
            revision="a metric that steps at the same place",
            severity=None if steady else Severity.INFO,
            confidence=None if steady else Confidence.LOW,
        )


def _at_one_point(value: Array, step: Step) -> bool:
    """Whether the first points after the step are at the new level: a loss that is learned takes
    a while, a changed formula does not."""
    first = float(np.mean(value[step.start : step.start + 4]))
    between = abs(np.log(max(first, 1e-300) / step.after))
    return bool(between < 0.25 * abs(np.log(step.ratio)))


def steady_beside(case: Case, start: float, most: float) -> bool | None:
    """Whether validation loss and metric go on without a step at ``start``; None without them.

    Their last values before and first values after differ by at most ``most`` of the former, or by
    no more than their neighbours do.
    """
    answers = []
    for role in (Role.VAL_LOSS, Role.METRIC):
        if not case.has(role):
            continue
        points = case.signals[role].finite()
        before = points.between(-np.inf, start).value[-4:]
        after = points.between(start, np.inf).value[:4]
        if len(before) < 3 or len(after) < 3:
            continue
        step = abs(float(np.median(after[:3]) - np.median(before[-3:])))
        usual = 2 * float(np.max(np.abs(np.diff(before))))
        answers.append(step <= max(most * abs(float(np.median(before[-3:]))), usual))
    return all(answers) if answers else None
