"""A loss whose level changes at one place while the metric does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import is_reinforcement_learning
from lrdoctor.detectors._loss_events import coupled_event, training_loss
from lrdoctor.detectors._loss_steps import Step, sharpest_step
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement

# Values of the metric on either side.
_EVALUATIONS = 3


@dataclass(frozen=True, slots=True)
class LossRedefined:
    """The sharpest step of the loss, held against the metric.

    A training that is damaged shows in the metric; another formula does not. Only steps up are
    judged: a loss may well fall before its metric follows.
    """

    name: ClassVar[str] = "loss_redefined"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.TRAIN_LOSS, Role.METRIC})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"loss_before", "loss_after", "ratio", "scatter_ratio", "metric_before", "metric_after"}
    )

    ratio: float
    metric_step: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one note."""
        series = training_loss(case)
        if series is None or not case.has(Role.METRIC):
            return
        step = sharpest_step(series, True)
        if step is None or step.ratio < self.ratio or is_reinforcement_learning(case):
            return
        start = float(series.finite().step[step.start])
        metric = self._metric(case, start)
        if metric is not None and coupled_event(case, start, start) is None:
            yield self._evidence(case, series.finite(), step, metric)

    def _metric(self, case: Case, start: float) -> tuple[float, float] | None:
        """The metric before and after, if it does not step; None if it does or is too rare."""
        points = case.signals[Role.METRIC].finite()
        before = points.between(-np.inf, start).value
        after = points.between(start, np.inf).value
        if len(before) < 2 * _EVALUATIONS or len(after) < _EVALUATIONS:
            return None
        low, high = np.median(before[-_EVALUATIONS:]), np.median(after[:_EVALUATIONS])
        # What the metric does from one value to the next anyway is no step.
        usual = 2 * float(np.max(np.abs(np.diff(before[-2 * _EVALUATIONS :]))))
        room = max(self.metric_step * float(np.ptp(points.value)), usual)
        if not np.ptp(points.value) > 0 or abs(float(high - low)) > room:
            return None
        return float(low), float(high)

    def _evidence(
        self, case: Case, points: Series, step: Step, metric: tuple[float, float]
    ) -> Evidence:
        measured = {
            "loss_before": Quantity(step.before, ""),
            "loss_after": Quantity(step.after, ""),
            "ratio": Quantity(step.ratio, ""),
            "metric_before": Quantity(metric[0], ""),
            "metric_after": Quantity(metric[1], ""),
        }
        text = f"the metric goes on at {number_text(metric[1])}"
        if np.isfinite(step.scatter_ratio):
            measured["scatter_ratio"] = Quantity(step.scatter_ratio, "")
            factor = number_text(step.scatter_ratio, digits=2)
            text = f"single values scatter {factor} times as much as before, and {text}"
        return Evidence(
            start=int(points.step[step.start]),
            stop=int(points.step[-1]) + 1,
            tags=(points.tag, case.signals[Role.METRIC].tag),
            measured=measured,
            detail=text,
            revision="a metric logged more often that steps with the loss",
        )
