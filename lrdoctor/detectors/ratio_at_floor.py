"""Param groups that decay to the same floor and lose the ratio of their LRs there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._groups import Member, members, ratios
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

# The part of the log that shows the ratio as it was meant.
_FIRST = 0.2
# A ratio that is meant stays put at first; in a warm-up from a common LR it does not.
_HELD = 1.1
_FEWEST = 8
# Cosines meet at their last step; a log may end some steps before.
_MET = 1.1


@dataclass(frozen=True, slots=True)
class RatioAtFloor:
    """A floor (``eta_min``, ``min_lr``) is one LR for all groups: the smaller one hardly decays.

    Groups are compared with the next larger one. The ratio has to be held at first and the two LRs
    have to meet.
    """

    name: ClassVar[str] = "ratio_at_floor"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"ratio", "last_ratio", "floor", "floor_in_proportion", "share"}
    )

    ratio: float
    kept_share: float
    lost_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per run, for the pair that spends the largest part of it near the floor."""
        if len(case.param_groups) < 2:
            return
        found = [m for m in members(case) if m.lr.value.max() > 0]
        found.sort(key=lambda m: float(m.lr.value.max()))
        lost = [e for low, high in pairwise(found) if (e := self._pair(case, low, high))]
        if lost:
            yield max(lost, key=lambda e: e.measured["share"].value)

    def _pair(self, case: Case, low: Member, high: Member) -> Evidence | None:
        step, ratio = ratios(high.lr, low.lr)
        if len(ratio) < _FEWEST or not ratio[-1] <= _MET:
            return None
        first = ratio[step <= step[0] + _FIRST * (step[-1] - step[0])]
        meant = float(np.max(first))
        if meant < self.ratio or meant > _HELD * ratio[0]:
            return None
        kept = np.flatnonzero(ratio >= self.kept_share * meant)
        start = float(step[kept[-1] + 1])
        if kept[-1] + 2 >= len(step):
            return None  # nothing between the ratio and the end: a jump, or a log too coarse
        share = (case.last - start) / max(case.last - case.first, 1)
        if share < self.lost_share:
            return None
        floor = float(low.lr.value[-1])
        return Evidence(
            start=int(start),
            stop=case.last + 1,
            tags=(low.tag, high.tag),
            measured={
                "ratio": Quantity(meant, ""),
                "last_ratio": Quantity(float(ratio[-1]), ""),
                "floor": Quantity(floor, ""),
                "floor_in_proportion": Quantity(floor / meant, ""),
                "share": Quantity(100 * share, "%"),
            },
            param_group=low.group.name,
            detail=(
                f"the floor of {number_text(floor)} is the same for both; in proportion it would "
                f"be {number_text(floor / meant)} for {low.tag}"
            ),
            revision="a configuration that wants the same last LR for both",
        )
