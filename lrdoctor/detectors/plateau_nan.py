"""ReduceLROnPlateau that cuts because the value it watches is not a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._plateau_cuts import (
    PROGRESS,
    Cuts,
    evaluations_before,
    may_follow_plateaus,
    patience_of,
    plateau_cuts,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, Confidence, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement


@dataclass(frozen=True, slots=True)
class PlateauNan:
    """NaN is never better than the best, so each one counts as a bad evaluation.

    A cut is blamed on them where the finite values since the last new best (or the last cut) are
    fewer than patience + 1, and with the others at least as many; without a configured patience,
    where most of the values waited for are not finite.
    """

    name: ClassVar[str] = "plateau_nan"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"cuts", "not_finite", "waited", "patience", "lr_share"}
    )

    not_finite_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the first such cut; later ones are counted."""
        watched = _watched(case)
        if watched is None or not may_follow_plateaus(case):
            return
        cuts = plateau_cuts(case)
        if cuts is None or not len(cuts):
            return
        blamed = [w for w in _waits(watched, cuts) if self._to_blame(w, patience_of(case))]
        if blamed:
            yield self._evidence(case, watched, cuts, blamed)

    def _to_blame(self, wait: _Wait, patience: int | None) -> bool:
        missing = int(np.sum(~np.isfinite(wait.value)))
        if not missing or np.isfinite(wait.value[-1]):
            return False
        finite = len(wait.value) - missing
        if patience is not None and len(wait.value) <= 2 * (patience + 1):
            return finite <= patience and len(wait.value) >= patience
        return missing >= self.not_finite_share * len(wait.value)

    def _evidence(self, case: Case, watched: Series, cuts: Cuts, blamed: list[_Wait]) -> Evidence:
        first, patience = blamed[0], patience_of(case)
        missing = int(np.sum(~np.isfinite(first.value)))
        begin = int(first.step[int(np.flatnonzero(~np.isfinite(first.value))[0])])
        measured = {
            "cuts": Quantity(float(len(blamed)), ""),
            "not_finite": Quantity(float(missing), ""),
            "waited": Quantity(float(len(first.value)), ""),
            "lr_share": Quantity(100 * float(cuts.lr.value[-1] / cuts.lr.value.max()), "%"),
        }
        text = (
            f"{number_text(missing)} of the {number_text(len(first.value))} evaluations before the "
            f"cut are not finite, and ReduceLROnPlateau counts each as a bad one"
        )
        if patience is not None:
            measured["patience"] = Quantity(float(patience), "")
            text += f" (patience is {number_text(patience)})"
        if len(blamed) > 1:
            text += f"; {number_text(len(blamed))} cuts came about in this way"
        dead = _train_is_dead(case, begin)
        if dead:
            text += "; the training loss is no number either, so first find out where that began"
        return Evidence(
            start=begin,
            stop=max(w.cut for w in blamed) + 1,
            tags=(cuts.lr.tag, watched.tag),
            measured=measured,
            param_group=cuts.group.name,
            detail=text,
            revision="a finite value at those evaluations, in the log of the scheduler itself",
            severity=Severity.INFO if dead else None,
            confidence=Confidence.HIGH if patience is not None else None,
        )


@dataclass(frozen=True, slots=True)
class _Wait:
    """The evaluations between the last new best (or cut) and the cut at step ``cut``."""

    step: Array
    value: Array
    cut: int


def _watched(case: Case) -> Series | None:
    """The logged value that the scheduler may watch and that is not always finite."""
    for role in (Role.VAL_LOSS, Role.METRIC):
        series = case.signals.get(role)
        if series is not None and not np.isfinite(series.value).all():
            return series
    train = case.signals.get(Role.TRAIN_LOSS)
    if Role.VAL_LOSS in case.signals or train is None or np.isfinite(train.value).all():
        return None
    return train


def _waits(watched: Series, cuts: Cuts) -> Iterator[_Wait]:
    ends = evaluations_before(watched, cuts) + 1
    filled = np.where(np.isfinite(watched.value), watched.value, np.inf)
    best = np.minimum.accumulate(filled)
    gain = best[:-1] - filled[1:] > PROGRESS * np.abs(np.where(best < np.inf, best, 0.0))[:-1]
    fresh = np.concatenate([[np.isfinite(watched.value[0])], gain & np.isfinite(watched.value[1:])])
    bests = np.flatnonzero(fresh)
    previous = 0
    for end, cut in zip(ends.tolist(), cuts.step.tolist(), strict=True):
        before = bests[bests < end]
        begin = max(previous, int(before[-1]) + 1 if len(before) else 0)
        if begin < end:
            yield _Wait(watched.step[begin:end].astype(float), watched.value[begin:end], int(cut))
        previous = end


def _train_is_dead(case: Case, begin: int) -> bool:
    train = case.signals.get(Role.TRAIN_LOSS)
    if train is None:
        return False
    since = train.between(begin, np.inf).value
    return bool(len(since)) and not bool(np.isfinite(since).any())
