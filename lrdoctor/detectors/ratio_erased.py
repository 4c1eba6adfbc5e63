"""Param groups that were given different LRs and train at one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._groups import (
    SAME,
    SETS_ONE,
    Member,
    configured,
    members,
    of_numbered,
    ratios,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, Confidence, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

# A ratio that somebody chose stays put while it lasts; one that drifts is a schedule's doing.
_CHOSEN = 1.02
# Fewer common points say nothing about a ratio.
_FEWEST = 4
# Layer-wise LRs give a group per layer; all pairs of those would take too long.
_MANY = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Meant:
    """The two groups with the LRs they were given, by the configuration or the log before."""

    high: Member
    low: Member
    lr_high: float
    lr_low: float
    configured: bool

    @property
    def named(self) -> bool:
        """Whether the tags say which group is which."""
        return bool(self.high.named or self.low.named)

    @property
    def ratio(self) -> float:
        return self.lr_high / self.lr_low


@dataclass(frozen=True, slots=True)
class RatioErased:
    """Two groups at the same LR although the configuration, or the log before, gives a ratio.

    Groups that grow together, at a floor or at the end of a warm-up, never jump to one LR and are
    left to others.
    """

    name: ClassVar[str] = "ratio_erased"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"meant_high", "meant_low", "meant_ratio", "lr", "lr_reference", "erased_share"}
    )

    meant_ratio: float
    erased_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per run, for the pair of groups that lost the largest ratio."""
        found = tuple(m for m in members(case) if m.lr.value.max() > 0)
        given = configured(case, found) if len(found) > 1 else {}
        if not given:
            given = of_numbered(case, found)
        erased = [e for pair in _pairs(found) if (e := self._pair(case, pair, given))]
        if erased:
            yield max(erased, key=lambda e: e.measured["meant_ratio"].value)

    def _pair(
        self, case: Case, pair: tuple[Member, Member], given: Mapping[str, float]
    ) -> Evidence | None:
        step, ratio = ratios(pair[0].lr, pair[1].lr)
        if len(ratio) < _FEWEST or abs(ratio[-1] - 1) > SAME:
            return None
        unequal = np.flatnonzero(np.abs(ratio - 1) > SAME)
        begin = int(unequal[-1]) + 1 if len(unequal) else 0
        share = float(step[-1] - step[begin]) / max(case.last - case.first, 1)
        if share < self.erased_share:
            return None
        meant = _before(pair, step, ratio, begin) if begin else _configured(pair, given)
        if meant is None or meant.ratio < self.meant_ratio:
            return None
        return _evidence(case, meant, int(step[begin]), share)


def _pairs(found: tuple[Member, ...]) -> Iterator[tuple[Member, Member]]:
    """Pairs that end at one LR: all of few groups, each of many with the largest."""
    if len(found) <= _MANY:
        pairs = combinations(found, 2)
    else:
        top = max(found, key=lambda m: float(m.lr.value.max()))
        pairs = ((top, m) for m in found if m is not top)  # type: ignore[assignment]
    for a, b in pairs:
        high, low = float(a.lr.value[-1]), float(b.lr.value[-1])
        if abs(high - low) <= SAME * max(high, low):
            yield a, b


def _configured(pair: tuple[Member, Member], given: Mapping[str, float]) -> _Meant | None:
    if not all(given.get(m.tag, 0.0) > 0 for m in pair):
        return None
    low, high = sorted(pair, key=lambda m: given[m.tag])
    return _Meant(high, low, given[high.tag], given[low.tag], True)


def _before(pair: tuple[Member, Member], step: Array, ratio: Array, begin: int) -> _Meant | None:
    """The ratio up to ``begin``, where it was held and ends with a jump of an LR."""
    held = ratio[:begin]
    if held.max() > _CHOSEN * held.min():
        return None
    high, low = pair if held[-1] > 1 else pair[::-1]
    lrs = [float(m.lr.value[np.searchsorted(m.lr.step, step[begin - 1])]) for m in (high, low)]
    return _Meant(high, low, lrs[0], lrs[1], False)


def _evidence(case: Case, meant: _Meant, start: int, share: float) -> Evidence:
    lr = float(meant.low.lr.between(start, np.inf).value.max())
    sure = meant.configured and meant.named
    return Evidence(
        start=start,
        stop=case.last + 1,
        tags=(meant.low.tag, meant.high.tag),
        measured={
            "meant_high": Quantity(meant.lr_high, ""),
            "meant_low": Quantity(meant.lr_low, ""),
            "meant_ratio": Quantity(meant.ratio, ""),
            "lr": Quantity(lr, ""),
            "lr_reference": Quantity(lr, ""),
            "erased_share": Quantity(100 * share, "%"),
        },
        param_group=meant.low.group.name,
        detail=_detail(case, meant, lr),
        revision="a configuration that gives both groups one LR",
        confidence=Confidence.HIGH if sure else None,
    )


def _detail(case: Case, meant: _Meant, lr: float) -> str:
    where = "the configuration gives" if meant.configured else "before, the log shows"
    known_apart = meant.named or not meant.configured
    high, low = (meant.high.tag, meant.low.tag) if known_apart else ("one group", "the other")
    text = f"{where} {high} {number_text(meant.lr_high)} and {low} {number_text(meant.lr_low)}"
    names = [s.named.name for s in meant.low.group.schedules if s.named is not None]
    known = next(
        (SETS_ONE[n] for n in (*names[-1:], case.intent.scheduler or "") if n in SETS_ONE), None
    )
    if known is not None:
        return f"{text}; {known} with a single max_lr sets it for every group: give it a list"
    return f"{text}; look for a scheduler or a line that sets one LR for every group"
