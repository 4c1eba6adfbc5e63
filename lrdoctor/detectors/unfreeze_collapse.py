"""Training that goes on at a sliver of its LR once a part of the model is unfrozen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.plateau import fit_trend
from lrdoctor.detectors._context import largest_lr, loss_of
from lrdoctor.detectors._unfreezing import Place, find_places, training_groups
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, ParamGroup, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement

# A level chosen anew differs from the one before it by more than this factor.
_NEW_LEVEL = 2.0
_ROUNDING = 1 + 1e-6


@dataclass(frozen=True, slots=True)
class UnfreezeCollapse:
    """Looks where a group joins, a schedule is rebuilt or the configuration unfreezes.

    The largest LR of all groups after the place, over the largest before it, says whether training
    collapsed; the new group's LR over that of the next larger group says whether only the new part
    is starved. Layer-wise LRs thus pass, however deep the stack. Without such a place: silence.
    """

    name: ClassVar[str] = "unfreeze_collapse"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr_after", "lr_reference", "lr_ratio", "times_smaller", "run_left", "loss_fall", "noise"}
    )

    collapse_ratio: float
    rebuild_ratio: float
    group_ratio: float
    starved_ratio: float
    min_left: float
    frozen_slope: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """The first collapse, and every new group that is starved."""
        for place in find_places(case):
            left = (case.last - place.step) / max(case.last - case.first, 1)
            if left < self.min_left:
                continue
            collapse = self._collapse(case, place, left)
            if collapse is not None:
                yield collapse
                return
            starved = self._starved(case, place, left)
            if starved is not None:
                yield starved

    def _collapse(self, case: Case, place: Place, left: float) -> Evidence | None:
        groups = training_groups(case)
        before = _largest(groups, case.first, place.step)
        after = _largest(groups, place.step, np.inf)
        if before is None or after is None or not before[1] > 0:
            return None
        ratio = after[1] / before[1]
        unfreezes = place.configured or place.joined is not None
        if ratio * _ROUNDING >= (self.collapse_ratio if unfreezes else self.rebuild_ratio):
            return None
        eve, goes_on = _eve(before[0], place.step, after[1])
        if not unfreezes and not goes_on:
            return None
        frozen, facts = self._damage(case, place.step)
        return self._evidence(
            case, place, left, after[0], (after[1], before[1]),
            detail=_collapse_text(eve, goes_on, after[1], before[1], unfreezes),
            facts=facts,
            severity=_weight(frozen, goes_on),
            confidence=None if unfreezes else Confidence.LOW,
        )  # fmt: skip

    def _starved(self, case: Case, place: Place, left: float) -> Evidence | None:
        groups = training_groups(case)
        peaks = {id(g): largest_lr(g, place.step, np.inf) for g in groups}
        low = place.joined
        if low is None and place.configured:
            low = min(groups, key=lambda g: peaks[id(g)])
        if low is None:
            return None
        own = peaks[id(low)]
        larger = [p for p in peaks.values() if p > own]
        if not larger or own / min(larger) > self.group_ratio * _ROUNDING:
            return None
        starved = own / min(larger) <= self.starved_ratio * _ROUNDING
        return self._evidence(
            case, place, left, low, (own, min(larger)),
            detail=_starved_text(place, own, min(larger), starved),
            facts={},
            severity=None if starved else Severity.INFO,
            confidence=None if starved else Confidence.LOW,
        )  # fmt: skip

    def _damage(self, case: Case, step: float) -> tuple[bool, dict[str, Quantity]]:
        """Whether the loss fell before the place and stands still after it."""
        loss = loss_of(case)
        if loss is None:
            return False, {}
        before, after = (
            fit_trend(loss.between(-np.inf, step)),
            fit_trend(loss.between(step, np.inf)),
        )
        if before is None or after is None or not before.falling:
            return False, {}
        facts = {
            "loss_fall": Quantity(after.fall, ""),
            "noise": Quantity(after.sigma, ""),
        }
        stands = not after.falling or after.slope <= self.frozen_slope * before.slope
        return stands, facts

    def _evidence(
        self,
        case: Case,
        place: Place,
        left: float,
        group: ParamGroup,
        levels: tuple[float, float],
        *,
        detail: str,
        facts: dict[str, Quantity],
        severity: Severity | None,
        confidence: Confidence | None,
    ) -> Evidence:
        after, reference = levels
        measured = {
            "lr_after": Quantity(after, ""),
            "lr_reference": Quantity(reference, ""),
            "lr_ratio": Quantity(100 * after / reference, "%"),
            "run_left": Quantity(100 * left, "%"),
        }
        if after > 0:
            measured["times_smaller"] = Quantity(reference / after, "")
        loss = loss_of(case)
        return Evidence(
            start=int(place.step),
            stop=case.last + 1,
            tags=(group.lr.tag, *((loss.tag,) if loss is not None and facts else ())),
            measured=measured | facts,
            param_group=group.name,
            detail=detail,
            revision="a configuration that asks for this LR after unfreezing",
            severity=severity,
            confidence=confidence,
        )


def _largest(
    groups: tuple[ParamGroup, ...], start: float, stop: float
) -> tuple[ParamGroup, float] | None:
    """The group with the largest LR in ``[start, stop)`` and that LR."""
    present = [g for g in groups if len(g.lr.finite().between(start, stop))]
    if not present:
        return None
    group = max(present, key=lambda g: largest_lr(g, start, stop))
    return group, largest_lr(group, start, stop)


def _eve(group: ParamGroup, step: float, after: float) -> tuple[float, bool]:
    """The last LR before ``step``, and whether the LR ``after`` it is what the old one came to.

    Between two logged points a decay goes on as it did before; a level chosen anew lies elsewhere.
    """
    lr = group.lr.finite().between(-np.inf, step).value
    eve = float(lr[-1])
    before = float(lr[-2]) if len(lr) > 1 else eve
    low = eve * min(1.0, eve / before) if before > 0 else eve
    return eve, after == 0 or low / _NEW_LEVEL <= after <= eve * _NEW_LEVEL


def _weight(frozen: bool, goes_on: bool) -> Severity | None:
    if frozen:
        return Severity.ERROR
    return None if goes_on else Severity.INFO


def _collapse_text(eve: float, goes_on: bool, after: float, before: float, unfreezes: bool) -> str:
    what = "after unfreezing" if unfreezes else "after the schedule was rebuilt"
    if after == 0:
        return f"{what} every LR is 0: the new scheduler was built on an LR that had come to 0"
    if goes_on:
        return (
            f"{what} the new schedule starts from the {number_text(eve)} that the old one had "
            f"decayed to, not from {number_text(before)}"
        )
    level = f"the LR is set to {number_text(after)} at most"
    return f"{what} {level}; it was {number_text(eve)} just before"


def _starved_text(place: Place, own: float, larger: float, starved: bool) -> str:
    who = "the group that joins" if place.joined is not None else "the group unfrozen here"
    if own == 0:
        return f"{who} stays at LR 0: schedulers that multiply never lift it"
    text = f"{who} trains {number_text(larger / own)} times slower than the next one"
    return text if starved else f"{text}; 10 times is usual, 100 times can be meant"
