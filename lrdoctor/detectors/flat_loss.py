"""A loss flat within its noise for long, at an LR that is high and never moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.plateau import Trend, fit_trend
from lrdoctor.curves.smooth import bin_means
from lrdoctor.detectors._context import (
    epochs_run,
    governing_groups,
    is_reinforcement_learning,
    loss_of,
    main_group,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, IntArray, ParamGroup, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# Where the search for the start of the plateau looks, as shares of the run.
_STARTS = tuple(k / 20 for k in range(1, 19))
# Schedules without a reduction at a planned place.
_NEVER_MOVES = (None, "constant", "reduce_on_plateau")
# torch's default.
_PATIENCE = 10
# Groups of points from which the first level of the loss is taken: the first of 20.
_LEVELS = 20


@dataclass(frozen=True, slots=True)
class FlatLoss:
    """The longest flat stretch that reaches the end of the run decides.

    Flat means: the change over the stretch is within its standard error or ``drift_share`` of the
    loss, and the noise could not hide a fall of ``hidden_share``. A loss that still falls by more
    than ``still_share`` or out of its own scatter, or never fell, is another matter and passes.
    A ReduceLROnPlateau that sleeps through a plateau of more than twice its configured patience is
    found wherever that lies.
    """

    name: ClassVar[str] = "flat_loss"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"plateau_share", "lr", "lr_change", "loss_level", "fall", "noise", "progress", "epochs"}
        | {"waited", "patience"}
    )

    min_share: float
    drift_share: float
    hidden_share: float
    still_share: float
    visible_sigma: float
    min_points: float
    min_epochs: float
    progress_share: float
    lr_change: float
    solved_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the plateau at the end of the run."""
        loss, group = loss_of(case), main_group(case)
        if loss is None:
            yield Unjudged("the log has no loss")
            return
        epochs = epochs_run(case)
        if group is None or len(loss) < self.min_points or is_reinforcement_learning(case):
            return
        if epochs is not None and epochs < self.min_epochs:
            return
        if case.finished is False and case.intent.scheduler not in _NEVER_MOVES:
            return  # the schedule's own reduction may be still to come
        if case.intent.scheduler != "reduce_on_plateau" and not self._may_stand(case, loss):
            return
        start = self._plateau(loss)
        if start is None:
            start = self._stalled(case, loss)
        flat = None if start is None else loss.between(start, np.inf)
        trend = None if flat is None else fit_trend(flat)
        if flat is None or trend is None or self._others_improve(case, flat):
            yield from self._slept(case, group, loss, epochs)
            return
        if not self._lr_stands(case, float(flat.step[0])):
            return
        yield self._evidence(case, group, loss, flat, trend, epochs)

    def _may_stand(self, case: Case, loss: Series) -> bool:
        """Whether the LR stands over the shortest plateau that counts: cheap, and seldom true."""
        first, last = float(loss.step[0]), float(loss.step[-1])
        return self._lr_stands(case, last - self.min_share * (last - first))

    def _plateau(self, loss: Series) -> float | None:
        """Step where the longest stretch that is flat to the end begins; None without one."""
        first, last = float(loss.step[0]), float(loss.step[-1])
        for share in (s for s in _STARTS if s <= 1 - self.min_share):
            start = first + share * (last - first)
            trend = fit_trend(loss.between(start, np.inf))
            if trend is None or trend.points < self.min_points / 2:
                return None
            if self._is_flat(trend, _first_level(loss)):
                return start
        return None

    def _stalled(self, case: Case, loss: Series) -> float | None:
        """Step from which ReduceLROnPlateau ought to have acted, by the validation loss.

        It cuts after ``patience`` evaluations without a new best; twice as many and no cut mean
        that it does not act. A training loss that falls all the same acquits it: it may watch
        something better.
        """
        if case.intent.scheduler != "reduce_on_plateau" or not case.has(Role.VAL_LOSS):
            return None
        watched = case.signals[Role.VAL_LOSS].finite()
        patience = case.intent.arguments.get("patience", _PATIENCE)
        if len(watched) < self.min_points or not isinstance(patience, int | float):
            return None
        bests, waits = _waits(watched)
        overdue = bests[waits > 2 * (patience + 1)]
        if not len(overdue) or overdue[0] > (1 - self.min_share) * len(watched):
            return None
        best = int(overdue[0])
        trend = fit_trend(loss.between(float(watched.step[best]), np.inf))
        if trend is None or self._improves(trend, abs(trend.level)):
            return None
        return float(watched.step[best])

    def _slept(
        self, case: Case, group: ParamGroup, loss: Series, epochs: float | None
    ) -> Iterator[Judgement]:
        """A stretch in mid-run that the configured patience does not allow: a loss that falls on
        after it shows that the task was not at its floor, not that the scheduler acts."""
        patience = case.intent.arguments.get("patience")
        if case.intent.scheduler != "reduce_on_plateau" or not case.has(Role.VAL_LOSS):
            return
        watched = case.signals[Role.VAL_LOSS].finite()
        if len(watched) < self.min_points or not isinstance(patience, int | float):
            return
        bests, waits = _waits(watched)
        longest = int(np.argmax(waits))
        wait, best = int(waits[longest]), int(bests[longest])
        if wait <= 2 * (patience + 1) or not self._lr_stands(case, -np.inf):
            return
        start, stop = float(watched.step[best]), float(watched.step[best + wait - 1])
        trend = fit_trend(loss.between(start, stop + 1))
        scale = 0.0 if trend is None else abs(trend.level)
        if trend is None or self._improves(trend, scale):
            return
        # It may watch this loss instead, and noise may hide that it fell on: both are said.
        hidden = trend.fall_high > self.hidden_share * scale
        lr = group.lr.finite().value
        measured = {
            "plateau_share": Quantity(100 * (stop - start) / float(case.last - case.first), "%"),
            "lr": Quantity(float(np.median(lr)), ""),
            "lr_change": Quantity(100 * float(lr.max() / lr.min() - 1), "%"),
            "loss_level": Quantity(float(watched.value[best]), ""),
            "fall": Quantity(trend.fall, ""),
            "noise": Quantity(trend.sigma, ""),
            "waited": Quantity(float(wait), "evaluations"),
            "patience": Quantity(float(patience), "evaluations"),
        }
        if epochs is not None:
            measured["epochs"] = Quantity(epochs, "epochs")
        yield Evidence(
            start=int(start),
            stop=int(stop) + 1,
            tags=(watched.tag, group.lr.tag),
            measured=measured,
            param_group=group.name,
            detail=_asleep(watched.value[best], wait, patience),
            revision="a log of the value that the scheduler is given, with a new best in between",
            severity=Severity.INFO if hidden else None,
        )

    def _is_flat(self, trend: Trend, first_level: float) -> bool:
        progress = first_level - trend.level
        # A loss that can be negative has no scale but its own progress.
        scale = trend.level if trend.level > 0 else progress
        if not progress > self.progress_share * scale:
            return False
        if first_level > 0 and trend.level <= self.solved_ratio * first_level:
            return False
        if self._improves(trend, scale):
            return False
        # Half of the 95 % bound is one standard error: a fall within it is none.
        bound, half = self.drift_share * scale, trend.fall_high - trend.fall
        if trend.fall > max(bound, half / 2) or trend.fall < -max(bound, half):
            return False
        return trend.fall_high <= self.hidden_share * scale

    def _improves(self, trend: Trend, scale: float) -> bool:
        """Whether the loss still falls, along a line or a curve, by a share of it or visibly."""
        enough = min(self.still_share * scale, self.visible_sigma * trend.sigma)
        return (trend.falling or trend.descends) and trend.fall > enough

    def _lr_stands(self, case: Case, start: float) -> bool:
        """Whether no governing LR moves during the plateau or was lowered before it."""
        for group in governing_groups(case):
            lr = group.lr.finite()
            during = lr.between(start, np.inf).value
            if not len(during) or not during.min() > 0:
                return False
            if during.max() > during.min() * (1 + self.lr_change):
                return False
            if during.min() < lr.value.max() / 2:
                return False
        return True

    def _others_improve(self, case: Case, flat: Series) -> bool:
        """Whether the validation loss still falls while the training loss does not."""
        if not case.has(Role.VAL_LOSS):
            return False
        trend = fit_trend(case.signals[Role.VAL_LOSS].between(float(flat.step[0]), np.inf))
        return trend is not None and trend.falling and trend.fall > trend.sigma

    def _evidence(
        self,
        case: Case,
        group: ParamGroup,
        loss: Series,
        flat: Series,
        trend: Trend,
        epochs: float | None,
    ) -> Evidence:
        lr = group.lr.finite().between(float(flat.step[0]), np.inf).value
        length = float(loss.step[-1] - loss.step[0])
        measured = {
            "plateau_share": Quantity(100 * trend.length / length, "%"),
            "lr": Quantity(float(np.median(lr)), ""),
            "lr_change": Quantity(100 * float(lr.max() / lr.min() - 1), "%"),
            "loss_level": Quantity(trend.level, ""),
            "fall": Quantity(trend.fall, ""),
            "noise": Quantity(trend.sigma, ""),
            "progress": Quantity(_first_level(loss) - trend.level, ""),
        }
        if epochs is not None:
            measured["epochs"] = Quantity(epochs, "epochs")
        severity, confidence = _weight(case, self.min_epochs, epochs)
        return Evidence(
            start=int(flat.step[0]),
            stop=int(flat.step[-1]) + 1,
            tags=(loss.tag, group.lr.tag),
            measured=measured,
            param_group=group.name,
            detail=_detail(case, trend),
            revision="a falling trend in a longer log, or a replay where a lower LR gains nothing",
            severity=severity,
            confidence=confidence,
        )


def _waits(watched: Series) -> tuple[IntArray, IntArray]:
    """Indices of the new bests, and how many evaluations each stayed the best."""
    least = np.minimum.accumulate(watched.value)
    bests = np.flatnonzero(np.diff(least, prepend=np.inf) < 0)
    return bests.astype(np.int64), np.diff(bests, append=len(watched)).astype(np.int64)


def _asleep(best: float, wait: int, patience: float) -> str:
    text = (
        f"that is the best validation loss for {number_text(wait)} evaluations, and a patience of "
        f"{number_text(patience)} cuts after {number_text(patience + 1)}"
    )
    if best < 0:
        return (
            f"{text}; ReduceLROnPlateau's relative threshold counts a negative value that is "
            'slightly worse as progress: give it threshold_mode="abs", unless it watches another '
            "value or is stepped more seldom"
        )
    return f"{text}; see which value ReduceLROnPlateau is given, and how often it is stepped"


def _first_level(loss: Series) -> float:
    return float(bin_means(loss.step, loss.value, _LEVELS)[1][0])


def _weight(
    case: Case, min_epochs: float, epochs: float | None
) -> tuple[Severity | None, Confidence | None]:
    """Rule's own severity where a reduction was meant or the run is long; less otherwise."""
    scheduler = case.intent.scheduler
    if scheduler is not None and scheduler != "constant":
        return None, Confidence.HIGH
    if case.finished is False:
        return Severity.INFO, None  # a decay that nothing names may be still to come
    if scheduler == "constant" or (epochs is not None and epochs < 3 * min_epochs):
        return Severity.INFO, None
    return None, None


def _detail(case: Case, trend: Trend) -> str:
    move = "falls" if trend.fall >= 0 else "rises"
    text = (
        f"over the whole stretch it {move} by {number_text(abs(trend.fall))}, while single values "
        f"scatter by {number_text(trend.sigma)}"
    )
    scheduler = case.intent.scheduler
    if scheduler == "reduce_on_plateau":
        return (
            f"{text}; ReduceLROnPlateau was meant to cut it: see which metric it is given, whether "
            "its threshold counts tiny gains as progress, and patience, cooldown and min_lr"
        )
    if scheduler is not None and scheduler != "constant":
        return f"{text}; the configuration names a {scheduler} schedule, which never moved the LR"
    return f"{text}; nothing in the configuration lowers the LR"
