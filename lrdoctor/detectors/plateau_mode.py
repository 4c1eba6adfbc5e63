"""ReduceLROnPlateau that cuts although what it should watch keeps improving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lrdoctor.detectors._context import (
    is_reinforcement_learning,
    length_text,
    percent,
    typical_gap,
    x_units,
)
from lrdoctor.detectors._plateau_cuts import (
    Cuts,
    evaluations_before,
    may_follow_plateaus,
    new_bests,
    patience_of,
    plateau_cuts,
    reproduces,
    watched_loss,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# Intervals that differ by less than this share are one interval.
_EQUAL = 0.1
# Evaluations that the share of new bests is taken from.
_ENOUGH = 4


@dataclass(frozen=True, slots=True)
class PlateauMode:
    """By definition no new best lies in the ``patience`` evaluations before a cut.

    Many of them mean that the scheduler watches the wrong direction or another series. Which one it
    is shows where replaying the scheduler on the logged values in the wrong direction gives exactly
    the cuts of the log. A run where the right direction, or another logged metric, gives them is
    healthy.
    """

    name: ClassVar[str] = "plateau_mode"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"cuts", "interval", "new_bests", "lr_share", "run_left", "last_cut"}
    )

    new_best_share: float
    least_cuts: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: all cuts share one cause."""
        if not may_follow_plateaus(case) or is_reinforcement_learning(case):
            return
        cuts, configured = plateau_cuts(case), case.intent.scheduler is not None
        if cuts is None or len(cuts) < self.least_cuts + (not configured):
            return
        loss = watched_loss(case)
        if loss is None:
            if configured:
                yield Unjudged("without a loss or a metric nothing shows what the LR was cut for")
            return
        fresh = new_bests(loss.value)
        share = _share_before(loss, fresh, cuts)
        if share is None or share < self.new_best_share or _waited(loss, fresh, cuts):
            return
        patience = patience_of(case)
        if any(_answers(s, cuts, patience) for s in _others(case, loss)):
            return
        proven = reproduces(loss, cuts, upwards=True, patience=patience)
        if not configured and not (case.has(Role.VAL_LOSS) and _one_late(loss, cuts)):
            return
        if proven or (configured and _even_from_the_start(loss, cuts)):
            yield self._evidence(case, cuts, loss, share, proven and configured)

    def _evidence(
        self, case: Case, cuts: Cuts, loss: Series, share: float, proven: bool
    ) -> Evidence:
        lr, count = cuts.lr, len(cuts)
        first, last = float(lr.step[0]), float(lr.step[-1])
        interval = float(np.median(np.diff(cuts.step)))
        why = (
            'fed with this loss in mode="max", ReduceLROnPlateau cuts at exactly these places'
            if proven
            else "its mode is the wrong way round, or it watches a series that never improved"
        )
        return Evidence(
            start=int(cuts.step[0]),
            stop=int(last) + 1,
            tags=(lr.tag, loss.tag),
            measured={
                "cuts": Quantity(float(count), ""),
                "interval": Quantity(interval, x_units(case)),
                "new_bests": Quantity(100 * share, "%"),
                "lr_share": Quantity(100 * float(lr.value[-1] / lr.value.max()), "%"),
                "run_left": Quantity(100 * (last - cuts.step[-1]) / max(last - first, 1.0), "%"),
                "last_cut": Quantity(float(cuts.step[-1]), ""),
            },
            param_group=cuts.group.name,
            detail=(
                f"the LR is cut {number_text(count)} times, about every "
                f"{length_text(case, interval)}, although {percent(100 * share)} of the "
                f"evaluations before the first cuts were new bests: {why}"
            ),
            revision="a monitored series that really stands still before each cut",
            confidence=Confidence.HIGH if proven else None,
        )


def _even_from_the_start(loss: Series, cuts: Cuts) -> bool:
    """Whether the cuts come at equal intervals, the first one after the first evaluation.

    A series that improved for a while and then stood still has a longer first interval.
    """
    gaps = np.diff([loss.step[0], *cuts.step])
    interval = float(np.median(gaps[1:]))
    slack = max(_EQUAL * interval, 1.0, typical_gap(cuts.lr), typical_gap(loss))
    even = np.abs(gaps[1:] - interval) <= max(_EQUAL * interval, 1.0)
    return bool(even.all()) and abs(float(gaps[0]) - interval) <= slack


def _one_late(loss: Series, cuts: Cuts) -> bool:
    """Whether the first cut comes one evaluation later than the interval, unlike milestones.

    The first evaluation only sets the best; patience + 1 bad ones follow, as before every cut.
    """
    seen = evaluations_before(loss, cuts)
    return bool(seen[0] >= np.diff(seen).min())


def _share_before(loss: Series, fresh: npt.NDArray[np.bool_], cuts: Cuts) -> float | None:
    """Share of the evaluations in the interval before each of the first two cuts that are bests."""
    interval = float(np.median(np.diff(cuts.step)))
    inside = np.zeros(len(loss), dtype=bool)
    for cut in cuts.step[:2]:
        inside |= (loss.step >= cut - interval) & (loss.step < cut)
    return float(fresh[inside].mean()) if inside.sum() >= _ENOUGH else None


def _waited(loss: Series, fresh: npt.NDArray[np.bool_], cuts: Cuts) -> bool:
    """Whether every cut came the same number of evaluations after the last new best.

    That is how the scheduler is meant to work: patience evaluations (one more in torch) without
    progress, each time. In the wrong mode the waits are as irregular as the new bests.
    """
    bests = np.flatnonzero(fresh | (np.arange(len(loss)) == 0))
    ends = evaluations_before(loss, cuts) + 1
    waits = ends - bests[np.searchsorted(bests, ends) - 1]
    return bool(waits.min() > 2 and np.ptp(waits) <= 1)


def _others(case: Case, loss: Series) -> Iterator[tuple[Series, bool]]:
    """What else the scheduler may watch, and whether more of it is better."""
    yield loss, False
    for role in (Role.METRIC, Role.VAL_LOSS, Role.TRAIN_LOSS):
        if case.has(role) and case.signals[role].tag != loss.tag:
            yield case.signals[role].finite(), role is Role.METRIC


def _answers(watched: tuple[Series, bool], cuts: Cuts, patience: int | None) -> bool:
    """Whether the cuts are the right answer to this series."""
    series, upwards = watched
    return reproduces(series, cuts, upwards=upwards, patience=patience)
