"""ReduceLROnPlateau stepped with every batch: used up within the first epochs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import (
    governing_groups,
    length_text,
    real,
    steps_per_epoch,
    typical_gap,
    x_units,
)
from lrdoctor.detectors._plateau_cuts import (
    Cuts,
    follows_plateaus,
    patience_of,
    plateau_cuts,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# torch's default.
_FACTOR = 0.1
# A count of cuts from a ratio of two logged LRs is whole to this.
_WHOLE = 0.02
# The span from one evaluation to the next holds the first and the last cut that one of them made.
_ENDS = 1.0


@dataclass(frozen=True, slots=True)
class PlateauInterval:
    """More cuts than evaluations: the scheduler is stepped more often than anything is evaluated.

    A log with a row per epoch hides the cuts of the first epoch; then the first LR, a whole power
    of ``factor`` below the configured one, counts them.
    """

    name: ClassVar[str] = "plateau_interval"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"cuts", "interval", "evaluations", "patience", "used_up_after", "lr_share", "run_left"}
    )

    least_cuts: float
    run_left: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding, about the time in which the LR is used up."""
        if not follows_plateaus(case):
            return
        cuts = plateau_cuts(case)
        if cuts is None:
            return
        before = _before_the_log(case, cuts)
        count = before + _cuts_made(case, cuts)
        if count < self.least_cuts:
            return
        first, last = float(cuts.lr.step[0]), float(cuts.lr.step[-1])
        floor = float(cuts.step[-1]) if len(cuts) else first
        if last - floor < self.run_left * (last - first):
            return
        begin = 0.0 if before else float(cuts.step[0])
        evaluations = _evaluations(case, begin, floor)
        if evaluations is None:
            yield Unjudged(
                "the LR is cut several times early on, but neither evaluations nor the length of "
                "an epoch are known; log the validation loss, or give steps_per_epoch"
            )
        elif count > evaluations + _ENDS:
            yield self._evidence(case, cuts, count, evaluations, begin, floor)

    def _evidence(
        self, case: Case, cuts: Cuts, count: int, evaluations: float, begin: float, floor: float
    ) -> Evidence:
        lr, patience = cuts.lr, patience_of(case)
        top = max(float(lr.value.max()), case.intent.lr or 0.0)
        last = float(lr.step[-1])
        measured = {
            "cuts": Quantity(float(count), ""),
            "evaluations": Quantity(evaluations, ""),
            "used_up_after": Quantity(floor, x_units(case)),
            "lr_share": Quantity(100 * float(lr.value[-1]) / top, "%"),
            "run_left": Quantity(100 * (last - floor) / max(last - float(lr.step[0]), 1.0), "%"),
        }
        text = (
            f"{number_text(count)} cuts are over after {length_text(case, floor)}, with "
            f"{_evaluations_text(evaluations)} between the first and the last: "
            "ReduceLROnPlateau is stepped with every batch, so its patience counts batches"
        )
        if len(cuts) > 1:
            interval = float(np.median(np.diff(cuts.step)))
            if interval > 1.5 * typical_gap(lr):
                measured["interval"] = Quantity(interval, x_units(case))
                text += f"; it cuts about every {length_text(case, interval)}"
        if patience is not None:
            measured["patience"] = Quantity(float(patience), "")
            text += f" (patience is {number_text(patience)})"
        return Evidence(
            start=int(begin),
            stop=max(int(floor), int(begin)) + 1,
            tags=(lr.tag,),
            measured=measured,
            param_group=cuts.group.name,
            detail=text,
            revision="evaluations between the cuts that the log does not show",
            confidence=Confidence.HIGH if patience is not None else None,
        )


def _factor(case: Case, cuts: Cuts) -> float:
    configured = real(case.intent.arguments.get("factor"))
    if configured is not None and 0 < configured < 1:
        return configured
    return float(cuts.ratio.max()) if len(cuts) else _FACTOR


def _cuts_made(case: Case, cuts: Cuts) -> int:
    """How many cuts the falls stand for: several may lie between two logged points."""
    if not len(cuts):
        return 0
    each = np.log(cuts.ratio) / np.log(_factor(case, cuts))
    return int(np.sum(np.maximum(np.floor(each + _WHOLE), 1.0)))


def _before_the_log(case: Case, cuts: Cuts) -> int:
    """Cuts before the first logged LR, from the configured one; 0 unless they come out whole."""
    meant, first = case.intent.lr, float(cuts.lr.value[0])
    if not meant or not 0 < first < meant or len(governing_groups(case)) > 1:
        return 0
    floor = real(case.intent.arguments.get("min_lr")) or 0.0
    made = np.log(first / meant) / np.log(_factor(case, cuts))
    whole = abs(made - round(made)) <= _WHOLE
    return int(made + _WHOLE) if whole or abs(first - floor) <= _WHOLE * first else 0


def _evaluations(case: Case, begin: float, end: float) -> float | None:
    """Evaluations in ``[begin, end]`` by the validation loss, else one per epoch."""
    if case.has(Role.VAL_LOSS):
        at = case.signals[Role.VAL_LOSS].step
        return float(np.sum((at >= begin) & (at <= end)))
    per_epoch = steps_per_epoch(case)
    return None if not per_epoch else float(np.floor((end - begin) / per_epoch))


def _evaluations_text(count: float) -> str:
    if count == 0:
        return "no evaluation"
    return f"{number_text(count)} evaluation{'s' * (count != 1)}"
