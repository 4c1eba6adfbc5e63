"""A validation loss that swings from one evaluation to the next and gets nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.noise import lag_one
from lrdoctor.curves.plateau import fit_trend
from lrdoctor.detectors._context import governing_groups, is_reinforcement_learning, main_group
from lrdoctor.detectors._loss_events import training_loss
from lrdoctor.types import Case, Confidence, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement


@dataclass(frozen=True, slots=True)
class ValidationSwings:
    """Looks at the second half of a run whose LR stands still, or is not logged.

    The validation set is the same every time, so its loss swings only as far as the weights do: the
    noise of the batches does not show in it directly. A loss that falls in spite of it, or an LR
    that comes down (which stills the swings), is healthy.
    """

    name: ClassVar[str] = "validation_swings"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.VAL_LOSS, Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"swing", "level", "evaluations", "lr", "train_fall", "val_fall", "best"}
    )

    fewest: float
    swing: float
    lr_change: float
    progress: float
    correlation: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding."""
        train = training_loss(case)
        if train is None or not case.has(Role.VAL_LOSS):
            return
        val = case.signals[Role.VAL_LOSS].finite()
        if len(val) < 2 * self.fewest or not np.min(val.value) > 0:
            return
        middle = float(val.step[len(val) // 2])
        late = val.between(middle, np.inf)
        level = float(np.median(late.value))
        # The mean absolute difference is between a median, which overlooks rare large swings, and
        # a root mean square, which a single one decides.
        moves = np.abs(np.diff(np.log(late.value)))
        sigma = float(np.mean(moves)) * float(np.sqrt(np.pi)) / 2
        if not sigma >= self.swing or not self._lr_stands(case, middle):
            return
        residual = np.log(late.value) - float(np.mean(np.log(late.value)))
        if lag_one(residual) > self.correlation or is_reinforcement_learning(case):
            return  # it wanders; swings go to and fro
        falls = [self._fall(s) for s in (late, train.finite().between(middle, np.inf))]
        if any(f is None or f > self.progress for f in falls):
            return
        yield self._evidence(case, late, (sigma, level), falls)

    def _lr_stands(self, case: Case, middle: float) -> bool:
        for group in governing_groups(case):
            lr = group.lr.finite()
            late = lr.between(middle, np.inf).value
            if not len(late) or late.min() < lr.value.max() * (1 - self.lr_change):
                return False
        return True

    def _fall(self, series: Series) -> float | None:
        """Significant fall over the stretch as a share of its level; 0 where it is none."""
        trend = fit_trend(series)
        if trend is None or not trend.level:
            return None
        return trend.fall / abs(trend.level) if trend.falling or trend.descends else 0.0

    def _evidence(
        self, case: Case, late: Series, seen: tuple[float, float], falls: list[float | None]
    ) -> Evidence:
        group = main_group(case)
        measured = {
            "swing": Quantity(100 * seen[0], "%"),
            "level": Quantity(seen[1], ""),
            "evaluations": Quantity(float(len(late)), ""),
            "best": Quantity(float(late.value.min()), ""),
            "val_fall": Quantity(100 * (falls[0] or 0.0), "%"),
            "train_fall": Quantity(100 * (falls[1] or 0.0), "%"),
        }
        text = (
            "the LR is not logged; if it is constant, a decay over the last part stills the swings"
        )
        if group is not None:
            measured["lr"] = Quantity(float(np.median(group.lr.finite().value)), "")
            text = "the LR never comes down; a decay over the last part stills the swings"
        return Evidence(
            start=int(late.step[0]),
            stop=int(late.step[-1]) + 1,
            tags=(late.tag, *(() if group is None else (group.lr.tag,))),
            measured=measured,
            param_group=None if group is None else group.name,
            detail=f"{text}, and if it does not, the peak LR is too high",
            revision="a run at a third of the LR whose validation loss swings as much",
            confidence=Confidence.LOW if group is None else None,
        )
