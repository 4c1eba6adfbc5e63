"""A fine-tuning that makes the model worse than it came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.noise import point_sigma
from lrdoctor.curves.plateau import fit_trend
from lrdoctor.curves.smooth import bin_means
from lrdoctor.detectors._context import (
    governing_groups,
    is_reinforcement_learning,
    main_group,
    x_units,
)
from lrdoctor.detectors._finetuning import as_loss, is_fine_tuning
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, ParamGroup, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

_BLOCKS = 40
# Blocks that make the top of a rise: one of them alone may be a spike.
_TOP = 3
# Fewer points of a training loss show no course.
_FEWEST = 12
# The rise of an LR that may drive the loss up, over the LR where the loss was lowest.
_LR_ROSE = 1.25
# An LR this close to its largest has arrived there.
_NEAR_TOP = 0.99
# A loss may follow the LR by this share of the log.
_LATER = 0.1
# Share of the log in which training "begins".
_BEGINNING = 0.05
_MADE_WORSE = "nothing in the log says that it is a fine-tuning, but it starts from its best model"
_NO_EVALUATION = "the log has no validation loss: an evaluation before training decides"


@dataclass(frozen=True, slots=True)
class _Rise:
    """A training loss that rises early: from ``low`` at step ``start`` to ``high``.

    ``sigmas`` is None where it starts from a single point, whose scatter nobody knows.
    """

    start: float
    low: float
    high: float
    sigmas: float | None


@dataclass(frozen=True, slots=True)
class FinetuneLrHigh:
    """Two signs together: evaluations stay worse than the first one, and the training loss rises.

    The rise must come from the first steps or with a rising LR; an evaluation that worsens while
    the training loss falls is overfitting, and one that is back soon is a note.
    Where nothing says that it is a fine-tuning, the first evaluation must precede the first step,
    a metric must agree, and nothing may ever be as good again.
    """

    name: ClassVar[str] = "finetune_lr_high"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"first_eval", "worst_eval", "eval_ratio", "worse_evals", "loss_low", "loss_high"}
        | {"rise_sigma", "lr", "recovered_after", "metric_first", "metric_worst"}
    )

    eval_ratio: float
    evals: float
    metric_evals: float
    loss_ratio: float
    rise_sigma: float
    start_ratio: float
    start_rank: float
    early_share: float
    recovery_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding per run."""
        known = is_fine_tuning(case)
        if (not known and case.regime != "unknown") or is_reinforcement_learning(case):
            return
        group = main_group(case)
        if group is None:
            return
        if not case.has(Role.VAL_LOSS):
            if known:
                yield Unjudged(_NO_EVALUATION)
            return
        val = case.signals[Role.VAL_LOSS].finite()
        count = self._worse(val)
        if count < self.evals:
            return
        loss = case.signals[Role.TRAIN_LOSS].finite() if case.has(Role.TRAIN_LOSS) else None
        rise = None if loss is None or loss.tag == val.tag else self._rise(case, loss)
        metric = self._metric(case, val, count)
        if rise is None and (metric is None or loss is None or _falls(loss, val, count)):
            return
        if not known and not (rise and metric and _never_again(loss, val, count)):
            return
        yield self._evidence(case, group, val, count, rise, metric)

    def _worse(self, val: Series) -> int:
        """How many evaluations after the first are worse than it, before one is as good again."""
        if len(val) < 1 + self.evals or not val.value[0] > 0:
            return 0
        good = np.flatnonzero(val.value[1:] < self.eval_ratio * val.value[0])
        return int(good[0]) if len(good) else len(val) - 1

    def _rise(self, case: Case, loss: Series) -> _Rise | None:
        """An early significant rise that comes with the LR; None without one."""
        if len(loss) < _FEWEST:
            return None
        at, value = bin_means(loss.step, loss.value, _BLOCKS)
        first, length = float(loss.step[0]), float(loss.step[-1] - loss.step[0])
        tops = np.convolve(value, np.ones(_TOP) / _TOP, "valid")
        early = max(1, int(np.searchsorted(at, first + self.early_share * length)))
        top = int(np.argmax(tops[1:])) + 1
        low = int(np.argmin(value[: min(early, top) + 1]))
        sigmas = _sigmas(tops[top] - value[low], point_sigma(value))
        rise = _Rise(float(at[low]), float(value[low]), float(tops[top]), sigmas)
        half = low + int(np.argmax(tops[low:] >= (rise.low + rise.high) / 2))
        risen = float(at[half])
        at_once = rise.start <= first + _BEGINNING * length and risen <= at[early - 1]
        begins = at_once or _with_lr(case, rise.start, risen - _LATER * length)
        high = rise.low > 0 and rise.high >= self.loss_ratio * rise.low
        if begins and high and sigmas >= self.rise_sigma:
            return rise
        return self._at_once(loss)

    def _at_once(self, loss: Series) -> _Rise | None:
        """A loss that rises within a few steps: only its first point shows where it started, and
        whether others are as low says more than their scatter, which the damage makes large."""
        start, rest = float(loss.value[0]), loss.value[1:]
        level = float(np.median(rest))
        lower = float(np.mean(rest <= start))
        if not start > 0 or level < self.start_ratio * start or lower > self.start_rank:
            return None
        return _Rise(float(loss.step[0]), start, level, None)

    def _metric(self, case: Case, val: Series, count: int) -> tuple[Series, float, float] | None:
        """The metric with its first and its worst value, where all evaluations but the first are
        worse than that; None otherwise."""
        if not case.has(Role.METRIC):
            return None
        metric = case.signals[Role.METRIC].finite()
        turned = as_loss(metric)
        if turned is None or count < self.metric_evals:
            return None
        stop = float(val.step[count])
        after = turned.value[1 : int(np.searchsorted(turned.step, stop, side="right"))]
        if len(after) < self.metric_evals or not np.all(after > turned.value[0]):
            return None
        return metric, float(metric.value[0]), float(metric.value[1 + int(np.argmax(after))])

    def _evidence(
        self,
        case: Case,
        group: ParamGroup,
        val: Series,
        count: int,
        rise: _Rise | None,
        metric: tuple[Series, float, float] | None,
    ) -> Evidence:
        first, worst = float(val.value[0]), float(np.max(val.value[1 : count + 1]))
        back = count < len(val) - 1
        start = int(val.step[0] if rise is None else min(rise.start, val.step[0]))
        stop = int(val.step[count + 1] if back else case.last) + 1
        lr = group.lr.finite().between(start, stop).value
        measured = {
            "first_eval": Quantity(first, ""),
            "worst_eval": Quantity(worst, ""),
            "eval_ratio": Quantity(worst / first, ""),
            "worse_evals": Quantity(float(count), "evaluations"),
        }
        if len(lr):
            measured["lr"] = Quantity(float(np.max(lr)), "")
        if rise is not None:
            measured["loss_low"] = Quantity(rise.low, "")
            measured["loss_high"] = Quantity(rise.high, "")
            if rise.sigmas is not None:
                measured["rise_sigma"] = Quantity(rise.sigmas, "sigma")
        if metric is not None:
            measured["metric_first"] = Quantity(metric[1], "")
            measured["metric_worst"] = Quantity(metric[2], "")
        if back:
            measured["recovered_after"] = Quantity(float(stop - start), x_units(case))
        soon = back and stop - start <= self.recovery_share * (case.last - case.first)
        train = [case.signals[Role.TRAIN_LOSS].tag] if rise is not None else []
        return Evidence(
            start=start,
            stop=stop,
            tags=(val.tag, *train, *([metric[0].tag] if metric else []), group.lr.tag),
            measured=measured,
            param_group=group.name,
            detail=_detail(is_fine_tuning(case), rise, metric, back),
            revision="the same training at a third of the LR that is no better after as many steps",
            severity=_weight(soon, back, rise is not None and rise.sigmas is not None),
        )


def _sigmas(rise: float, sigma: float) -> float:
    """A difference of a block and the mean of ``_TOP`` others in standard errors."""
    return float(rise / (sigma * np.sqrt(1 + 1 / _TOP))) if sigma > 0 else 0.0


def _with_lr(case: Case, start: float, risen: float) -> bool:
    """Whether a governing LR rises from ``start`` on, and does not reach its top before ``risen``:
    the loss rises with it or soon after."""
    for group in governing_groups(case):
        lr = group.lr.finite()
        here: Array = lr.between(-np.inf, start + 1).value[-1:]
        if len(here) and lr.value.max() > _LR_ROSE * here[0]:
            top = lr.step[int(np.argmax(lr.value >= _NEAR_TOP * lr.value.max()))]
            if start < top and risen <= top:
                return True
    return False


def _never_again(loss: Series | None, val: Series, count: int) -> bool:
    """Whether the first evaluation came before the first step and no later one is as good: then it
    was training that made the model worse, whatever it was meant to be."""
    return loss is not None and val.step[0] <= loss.step[0] and count == len(val) - 1


def _falls(loss: Series, val: Series, count: int) -> bool:
    """Whether the training loss falls while the evaluations are worse: overfitting."""
    during = loss.between(float(val.step[0]), float(val.step[count]) + 1)
    trend = fit_trend(during)
    if trend is not None:
        return trend.falling or trend.descends or trend.fall > trend.sigma
    return len(during) < 2 or bool(during.value[-1] < during.value[0])


def _weight(soon: bool, back: bool, trains_worse: bool) -> Severity | None:
    if soon:
        return Severity.INFO
    return Severity.ERROR if trains_worse and not back else None


def _detail(
    known: bool, rise: _Rise | None, metric: tuple[Series, float, float] | None, back: bool
) -> str:
    facts = [] if known else [_MADE_WORSE]
    if rise is not None:
        facts.append(
            f"the training loss rises with it, from {number_text(rise.low)} "
            f"to {number_text(rise.high)}"
        )
    if metric is not None:
        facts.append(
            f"{metric[0].tag} goes from {number_text(metric[1])} to {number_text(metric[2])}"
        )
    facts.append("later it is as good again" if back else "it does not come back in this log")
    return "; ".join(facts)
