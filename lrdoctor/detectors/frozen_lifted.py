"""A param group frozen by an LR of 0 that a scheduler gives an LR before its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._finetuning import is_fine_tuning
from lrdoctor.detectors._groups import SETS_ONE, Member, common, configured, members, of_numbered
from lrdoctor.detectors._unfreezing import find_places
from lrdoctor.types import Case, Confidence, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

_FEWEST = 4
# Cosines to one floor meet at the last step; a log may end some steps before.
_MET = 0.01
# The first logged LR of a cosine from 0, over its last; the first epoch of a short run is 1 %.
_NOTHING = 0.02


@dataclass(frozen=True, slots=True)
class FrozenLifted:
    """A group that starts at LR 0, or is configured to, and has one before the unfreezing.

    Where the configuration names no unfreezing, only a group that creeps to the floor of the others
    is certain: a jump may be the unfreezing itself.
    """

    name: ClassVar[str] = "frozen_lifted"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset({"lr", "lr_others", "lr_share", "unfreezing"})

    early_share: float
    trains_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per group that is lifted."""
        if len(case.role_reasons) < 2 and len(case.param_groups) < 2:
            return
        # A head that falls to the floor which a frozen backbone creeps up to looks like biases in a
        # warm-up; only here it is known to be none.
        found = members(case, every=is_fine_tuning(case))
        if len(found) < 2:
            return
        place = next((p.step for p in find_places(case) if p.configured), None)
        given = configured(case, found)
        if not given and np.array_equal(found[0].lr.value, found[-1].lr.value):
            given = of_numbered(case, found)
        for member in found:
            others = [m for m in found if m is not member and m.lr.value[0] > 0]
            if not others or len(member.lr) < _FEWEST:
                continue
            other = max(others, key=lambda m: float(m.lr.value.max()))
            judgement = self._judge(case, member, other, place, given.get(member.tag))
            if judgement is not None:
                yield judgement

    def _judge(
        self, case: Case, member: Member, other: Member, place: float | None, meant: float | None
    ) -> Judgement | None:
        lr = member.lr
        creeps = is_fine_tuning(case) and _creeps(lr, other.lr)
        frozen = lr.value[0] == 0 or meant == 0 or creeps
        length = max(case.last - case.first, 1)
        lifted = lr.step[lr.value > 0]
        if not len(lifted):
            return None
        start = float(lifted[0])
        if place is not None and place - start <= self.early_share * length:
            return None  # at the unfreezing, or after it
        if frozen and place is not None:
            return self._evidence(case, member, other, start, place)
        if meant == 0 or creeps:
            return self._evidence(case, member, other, start, None)
        if place is not None and member.pretrained and _sets_all(case, member, other):
            return Unjudged(
                f"{member.tag} has the LR of {other.tag} before the unfreezing; whether it was "
                "meant to be frozen by an LR of 0 is not in the configuration (backbone_lr: 0)"
            )
        return None

    def _evidence(
        self, case: Case, member: Member, other: Member, start: float, place: float | None
    ) -> Evidence:
        stop = float(case.last + 1) if place is None else place
        step, _, theirs = common(member.lr, other.lr)
        inside = (step >= start) & (step < stop)
        top = float(np.max(theirs[inside], initial=0.0))
        lr = float(member.lr.between(start, stop).value.max())
        # Without a common step the other LR is unknown, and the lift is what it is.
        share = lr / top if top > 0 else 1.0
        measured = {
            "lr": Quantity(lr, ""),
            "lr_others": Quantity(top, ""),
            "lr_share": Quantity(100 * share, "%"),
        }
        if place is not None:
            measured["unfreezing"] = Quantity(place, "")
        return Evidence(
            start=int(start),
            stop=int(np.ceil(stop)),
            tags=(member.tag, other.tag),
            measured=measured,
            param_group=member.group.name,
            confidence=None if member.named or place is not None else Confidence.MEDIUM,
            detail=_detail(case, member, other, place),
            revision="requires_grad off for this group until its unfreezing: then no LR moves it",
            severity=None if share >= self.trains_share else Severity.INFO,
        )


def _creeps(lr: Series, other: Series) -> bool:
    """Whether the group rises all along, from next to nothing, to the LR the other falls to."""
    if not lr.value[0] <= _NOTHING * lr.value[-1] > 0:
        return False
    _, own, theirs = common(lr, other)
    if not len(own):
        return False
    rises = bool(np.all(np.diff(own) >= 0))
    falls = bool(np.all(np.diff(theirs) <= 0)) and theirs[-1] < theirs[0]
    return rises and falls and abs(own[-1] - theirs[-1]) <= _MET * theirs[0]


def _sets_all(case: Case, member: Member, other: Member) -> bool:
    """Whether a scheduler that sets one LR for all groups rules both."""
    named = member.group.schedules[0].named if member.group.schedules else None
    known = (named.name if named is not None else "", case.intent.scheduler or "")
    if not any(name in SETS_ONE for name in known):
        return False
    _, own, theirs = common(member.lr, other.lr)
    return bool(len(own)) and np.array_equal(own, theirs)


def _detail(case: Case, member: Member, other: Member, place: float | None) -> str:
    named = member.group.schedules[0].named if member.group.schedules else None
    kind = SETS_ONE.get(named.name if named is not None else "") or SETS_ONE.get(
        case.intent.scheduler or ""
    )
    if kind is not None and _sets_all(case, member, other):
        return f"{kind} with a single max_lr gives every group that LR, a frozen one too"
    if _creeps(member.lr, other.lr):
        return "a floor above 0 (eta_min) draws it up while the others come down to it"
    when = "before its unfreezing" if place is not None else "although it is configured as 0"
    return f"something sets its LR {when}"
