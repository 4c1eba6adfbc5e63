"""A loss that never leaves its start, or the level of guessing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lrdoctor.curves.noise import point_sigma
from lrdoctor.curves.plateau import fit_trend
from lrdoctor.detectors._context import is_reinforcement_learning, main_group
from lrdoctor.detectors._loss_events import Outline, outline, training_loss
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, Confidence, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement

# Metrics of which 1 is the worst, not the best.
_ERROR_RATE = re.compile(r"(^|[^a-z])(wer|cer|error|err)([^a-z]|$)", re.IGNORECASE)
_ACCURACY = re.compile(r"acc|top|score|correct", re.IGNORECASE)
# A metric needs so many values to be called constant.
_EVALUATIONS = 4
# Below this share of the peak the LR is warming up.
_WARM = 0.5


@dataclass(frozen=True, slots=True)
class StuckLoss:
    """Three signs of a network that learns nothing, each beside a flat loss.

    The accuracy is that of guessing and the loss the logarithm of the number of classes; the
    metric stands at its worst; the loss is constant to a hair, as a constant output makes it. Flat
    with ordinary scatter may be a network that was trained before, and passes.
    """

    name: ClassVar[str] = "stuck_loss"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"level", "flat_share", "fall", "classes", "metric", "scatter", "lr"}
    )

    flat_share: float
    drift: float
    moved: float
    dead_scatter: float
    chance_loss: float
    wait_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: stuck to the end, or a long wait before learning begins."""
        series = training_loss(case)
        sketch = None if series is None else outline(series)
        if sketch is None or is_reinforcement_learning(case):
            return
        calm = np.median(sliding_window_view(sketch.level, 3), axis=1)
        level = float(np.median(calm[len(calm) // 2 :]))
        away = np.flatnonzero(np.abs(calm - level) > self.drift * abs(level))
        begin = int(away[-1]) + 1 if len(away) else 0
        if begin > (1 - self.flat_share) * len(calm):
            yield from self._late_start(case, sketch, calm)
            return
        if _still_warming(case):
            return
        flat = sketch.points.between(float(sketch.step[begin]), np.inf)
        found = self._at_chance(case, level, flat) or self._at_worst(case, flat)
        if found is None and begin == 0:
            found = self._dead(sketch, level)
        if found is not None:
            yield self._evidence(case, sketch, flat, level, found)

    # ------------------------------------------------------------------ the three signs

    def _at_chance(self, case: Case, level: float, flat: Series) -> dict[str, Quantity] | None:
        """Accuracy of one in K throughout, and a loss of ln K."""
        metric = _during(case, flat)
        if metric is None or not level > 0:
            return None
        typical = float(np.median(metric)) / (100.0 if np.max(metric) > 1.5 else 1.0)
        classes = round(float(np.exp(min(level, 20.0))))
        if classes < 2 or not _ACCURACY.search(case.signals[Role.METRIC].tag):
            return None
        chance = float(np.log(classes))
        if abs(level / chance - 1) > self.chance_loss:
            return None
        # Classes whose shares differ so much that the entropy is lower by that part: the largest
        # may exceed 1 / K by this (from the quadratic term of the divergence).
        excess = float(np.sqrt(2 * self.chance_loss * chance * (classes - 1)))
        if not 1 - min(excess, 0.5) <= typical * classes <= 1 + excess:
            return None
        return {"classes": Quantity(float(classes), ""), "metric": Quantity(typical, "")}

    def _at_worst(self, case: Case, flat: Series) -> dict[str, Quantity] | None:
        """A metric that never leaves 0, or 1 where it is an error rate, while the loss is flat."""
        metric = _during(case, flat)
        if metric is None or np.ptp(metric) > 0:
            return None
        error_rate = bool(_ERROR_RATE.search(case.signals[Role.METRIC].tag))
        worst = metric[0] >= 1 if error_rate else metric[0] == 0
        if not worst or not abs(_fall(flat)) <= self.drift:
            return None
        return {"metric": Quantity(float(metric[0]), "")}

    def _dead(self, sketch: Outline, level: float) -> dict[str, Quantity] | None:
        """No fall from the start on and almost no scatter."""
        value = sketch.points.value
        scatter = point_sigma(value) / abs(level) if level else float("nan")
        fall = (sketch.first() - float(np.min(sketch.level))) / abs(level) if level else 1.0
        if not scatter <= self.dead_scatter or fall > self.moved:
            return None
        return {"scatter": Quantity(100 * scatter, "%")}

    # ------------------------------------------------------------------ a late start

    def _late_start(self, case: Case, sketch: Outline, calm: Array) -> Iterator[Judgement]:
        """A note on a loss that stood still for long before it began to fall."""
        first = sketch.first()
        left = np.flatnonzero(np.abs(calm - first) > self.moved * abs(first))
        waited = int(left[0]) if len(left) else 0
        if waited < max(self.wait_share * len(calm), 8) or calm[-1] > first - 0.1 * abs(first):
            return
        if np.any(calm[waited:] > first + self.moved * abs(first)):
            return
        start, stop = sketch.points.step[0], sketch.step[waited]
        group = main_group(case)
        if group is not None:
            during = group.lr.finite().between(float(start), float(stop)).value
            if np.median(during) < _WARM * float(group.lr.finite().value.max()):
                return  # the warm-up explains it
        share = 100 * float(stop - start) / float(sketch.points.step[-1] - start)
        measured = {
            "level": Quantity(first, ""),
            "flat_share": Quantity(share, "%"),
            "fall": Quantity(100 * (1 - float(calm[-1]) / first), "%"),
        }
        yield Evidence(
            start=int(start),
            stop=int(stop) + 1,
            tags=(sketch.points.tag,),
            measured=measured,
            detail=(
                "then it begins to learn; initialisation, normalisation or a longer warm-up to a "
                "higher LR often shorten such a wait"
            ),
            revision="a run of the same script that learns from the first steps on",
            severity=Severity.INFO,
        )

    def _evidence(
        self,
        case: Case,
        sketch: Outline,
        flat: Series,
        level: float,
        found: dict[str, Quantity],
    ) -> Evidence:
        length = float(sketch.points.step[-1] - sketch.points.step[0])
        measured = found | {
            "level": Quantity(level, ""),
            "flat_share": Quantity(100 * float(flat.step[-1] - flat.step[0]) / length, "%"),
            "fall": Quantity(100 * _fall(flat), "%"),
        }
        group = main_group(case)
        if group is not None:
            measured["lr"] = Quantity(float(group.lr.finite().value.max()), "")
        return Evidence(
            start=int(flat.step[0]),
            stop=int(flat.step[-1]) + 1,
            tags=(flat.tag,),
            measured=measured,
            detail=_detail(measured),
            revision="a network that was trained before, or labels that nothing can predict",
            severity=Severity.ERROR if "classes" in found else None,
            confidence=Confidence.HIGH if "classes" in found else None,
        )


def _during(case: Case, flat: Series) -> Array | None:
    """The metric over the flat stretch, if it has enough values."""
    if not case.has(Role.METRIC):
        return None
    values = case.signals[Role.METRIC].finite().between(float(flat.step[0]), np.inf).value
    return values if len(values) >= _EVALUATIONS else None


def _fall(flat: Series) -> float:
    """Fall over the stretch as a share of the loss; 0 where there is too little of it."""
    trend = fit_trend(flat)
    return trend.fall / abs(trend.level) if trend is not None and trend.level else 0.0


def _still_warming(case: Case) -> bool:
    """Whether the log ends at its largest LR: what comes after the warm-up is still to come."""
    group = main_group(case)
    if group is None or case.finished:
        return False
    lr = group.lr.finite().value
    return bool(lr[-1] >= 0.99 * lr.max() and lr[0] < _WARM * lr.max() and np.ptp(lr) > 0) and (
        float(np.mean(lr >= 0.9 * lr.max())) < _WARM
    )


def _detail(measured: dict[str, Quantity]) -> str:
    if "classes" in measured:
        classes = number_text(measured["classes"].value)
        share = number_text(measured["metric"].value)
        text = f"with a metric of {share} and a loss of ln {classes} it guesses one of {classes}"
    elif "metric" in measured:
        text = f"the metric stands at {number_text(measured['metric'].value)} throughout"
    else:
        scatter = number_text(measured["scatter"].value, digits=2)
        text = f"single values differ by {scatter} % only, as from a network with constant output"
    where = "gradients that vanish, dead units, inputs that are all alike, shuffled labels"
    return f"{text}; look for {where}, a frozen network, or an LR that is 0 or far too high"
