"""A validation loss that rises for long while the training loss falls, at an undiminished LR."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.plateau import Trend, fit_trend
from lrdoctor.curves.smooth import bin_means
from lrdoctor.detectors._context import (
    governing_groups,
    is_reinforcement_learning,
    main_group,
    percent,
)
from lrdoctor.types import Case, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement

# Metrics that are better when larger, by any part of their name.
_HIGHER = re.compile(
    r"acc|score|f1|map|miou|iou|auc|bleu|rouge|precision|recall|r2|psnr|dice", re.I
)
# The minimum is looked for among means of so many groups of evaluations, or of all of them.
_GROUPS = 24
_EIGHTHS = 8


@dataclass(frozen=True, slots=True)
class ValidationRise:
    """The stretch from the lowest validation loss to the end of the run decides.

    It must be longer than early stopping would wait, rise beyond its own scatter, and the training
    loss must fall over it. A metric that still improves makes it a matter of calibration.
    """

    name: ClassVar[str] = "validation_rise"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR, Role.TRAIN_LOSS, Role.VAL_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lowest", "rise", "scatter", "train_fall", "evaluations", "lr", "metric_gain"}
    )

    min_evaluations: float
    min_share: float
    rise_share: float
    visible_sigma: float
    kept_lr: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the rise that reaches the end of the run."""
        group = main_group(case)
        if group is None or not all(map(case.has, self.requires)):
            return
        val = case.signals[Role.VAL_LOSS].finite()
        if len(val) < self.min_evaluations or is_reinforcement_learning(case):
            return
        if case.finished is False:
            return  # stopped early, as it should be, or still running
        start = _lowest(val)
        after = val.between(start, np.inf)
        enough = max(self.min_evaluations, self.min_share * len(val))
        if len(after) < enough or not self._kept(case, start):
            return
        rise, fall = (
            fit_trend(after),
            fit_trend(case.signals[Role.TRAIN_LOSS].between(start, np.inf)),
        )
        if rise is None or fall is None or not self._rises(after, rise):
            return
        if not fall.falling and not fall.descends:
            return
        lr = group.lr.finite().between(start, np.inf).value
        lowest, last = _ends(after)
        learned = case.signals[Role.TRAIN_LOSS].finite().between(start, np.inf)
        first_train, last_train = _ends(learned)
        measured = {
            "lowest": Quantity(lowest, ""),
            "rise": Quantity(100 * (last / lowest - 1), "%"),
            "scatter": Quantity(100 * rise.sigma / lowest, "%"),
            "train_fall": Quantity(100 * (1 - last_train / first_train), "%"),
            "evaluations": Quantity(float(len(after)), "evaluations"),
            "lr": Quantity(float(np.median(lr)), ""),
        }
        gain = _metric_gain(case, start)
        detail = "it learns the training data by heart at an LR that was never lowered"
        if gain is not None and gain > 0:
            measured["metric_gain"] = Quantity(100 * gain, "%")
            detail = (
                f"the metric still gained {percent(100 * gain)}, so only the confidence of the "
                "predictions suffers, not what is predicted"
            )
        yield Evidence(
            start=int(after.step[0]),
            stop=int(after.step[-1]) + 1,
            tags=(val.tag, case.signals[Role.TRAIN_LOSS].tag, group.lr.tag),
            measured=measured,
            param_group=group.name,
            detail=detail,
            revision="a metric on the same validation data that improves all the while",
            severity=None if gain is None or gain <= 0 else Severity.INFO,
        )

    def _rises(self, after: Series, trend: Trend) -> bool:
        lowest, last = _ends(after)
        enough = max(self.rise_share * lowest, self.visible_sigma * trend.sigma)
        if not lowest > 0 or last - lowest < enough:
            return False
        return trend.fall_high < 0 or _ascends(after)

    def _kept(self, case: Case, start: float) -> bool:
        """Whether every governing LR stays near its peak from before the lowest point on."""
        for group in governing_groups(case):
            lr = group.lr.finite()
            peak = float(lr.value.max())
            late = lr.between(start, np.inf).value
            if not len(late) or late.min() < self.kept_lr * peak:
                return False
        return True


def _lowest(val: Series) -> float:
    """Step of the lowest mean of neighbouring evaluations: one lucky value is no minimum."""
    at, mean = bin_means(val.step, val.value, _GROUPS)
    return float(at[int(np.argmin(mean))])


def _ascends(series: Series) -> bool:
    """Whether the means of eighths rise in order: a steep rise that levels off is no line."""
    trend = fit_trend(Series(series.tag, series.step, -series.value))
    return trend is not None and trend.descends


def _ends(series: Series) -> tuple[float, float]:
    """Levels at the start and at the end: means of the first and of the last eighth."""
    _, mean = bin_means(series.step, series.value, _EIGHTHS)
    return float(mean[0]), float(mean[-1])


def _metric_gain(case: Case, start: float) -> float | None:
    """How far the metric improved after ``start``, of its value there; 0 where it did not beyond
    its error, None without a metric whose better direction its name tells."""
    if not case.has(Role.METRIC) or not _HIGHER.search(case.signals[Role.METRIC].tag):
        return None
    trend = fit_trend(case.signals[Role.METRIC].between(start, np.inf))
    if trend is None:
        return None
    before = trend.level + trend.fall
    return -trend.fall / abs(before) if trend.fall_high < 0 and before != 0 else 0.0
