"""Unfreezing without losing the LR: rebuilt from the original LR, or not rebuilt at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import largest_lr
from lrdoctor.fixes._plan import candidate, meant_level, origin, over, planned, rebuilt, unit
from lrdoctor.fixes._torch import constructor, plain, shown
from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import Case, Schedule
from lrdoctor.verdict import Candidate, Finding


@dataclass(frozen=True, slots=True)
class KeepStateOnUnfreeze:
    """Two candidates: a cosine over the rest from the original LR, and one cosine throughout.

    A group keeps its logged share of the largest LR where that is at least ``least_share``; one
    that has none gets ``new_share``, the usual tenth for a pretrained backbone under a new head.
    """

    name: ClassVar[str] = "keep_state_on_unfreeze"
    new_share: float = 0.1
    least_share: float = 0.02

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """Only for a collapse of every group; one that is starved alone is another fix."""
        place = float(finding.evidence.start)
        shares = self._shares(case, place)
        top = finding.evidence.measured.get("lr_reference")
        main = max(shares, key=lambda name: shares[name], default=None)
        if top is None or main is None or _starved(case, finding, place):
            return
        level, end = meant_level(case, top.value), _end(case, finding)
        rest = _cosines(shares, level, end - place)
        if rest:
            schedules = {name: over(named, place, end - place) for name, named in rest.items()}
            yield self._rebuilt(case, finding, schedules, rest[main], level, shares)
        begin = min(origin(g) for g in case.param_groups if g.name in shares)
        whole = _cosines(shares, level, end - begin)
        if whole:
            yield self._kept(case, finding, whole, whole[main], begin, end, place)

    def _shares(self, case: Case, place: float) -> dict[str, float]:
        """Each training group's share of the largest LR after the unfreeze."""
        after = {g.name: largest_lr(g, place) for g in case.param_groups}
        before = {g.name: largest_lr(g, case.first, place) for g in case.param_groups}
        here = [g for g in case.param_groups if np.any(g.lr.step >= place)]
        largest = max((after[g.name] for g in here), default=0.0)
        shares: dict[str, float] = {}
        for group in here:
            if largest > 0:
                share = after[group.name] / largest
            else:
                share = 1.0 if before[group.name] > 0 else 0.0
            shares[group.name] = share if share >= self.least_share else self.new_share
        return shares

    def _rebuilt(
        self,
        case: Case,
        finding: Finding,
        schedules: dict[str, Schedule],
        main: NamedSchedule,
        top: float,
        shares: dict[str, float],
    ) -> Candidate:
        levels = [top * share for share in shares.values()]
        return candidate(
            case,
            finding,
            fix=self.name,
            title=f"rebuild the scheduler from the original LR {shown(top)}, not the decayed one",
            safe=True,
            schedules=schedules,
            before=[
                "def unfreeze():",
                "    backbone.requires_grad_(True)",
                '    lr = optimizer.param_groups[0]["lr"]',
                "    for group in optimizer.param_groups:",
                '        group["lr"] = lr',
                "    scheduler = CosineAnnealingLR(optimizer, T_max=...)",
            ],
            after=[
                "def unfreeze():",
                "    backbone.requires_grad_(True)",
                f"    # {', '.join(map(plain, shares))}",
                f"    for group, lr in zip(optimizer.param_groups, {shown(levels)}):",
                '        group["lr"] = group["initial_lr"] = lr',
                f"    {constructor(main)}",
            ],
        )

    def _kept(
        self,
        case: Case,
        finding: Finding,
        whole: dict[str, NamedSchedule],
        main: NamedSchedule,
        begin: float,
        end: float,
        place: float,
    ) -> Candidate:
        firsts = {g.name: float(g.lr.step[0]) for g in case.param_groups}
        schedules = {
            name: over(named, begin, end - begin, begin=max(begin, firsts[name]))
            for name, named in whole.items()
        }
        return candidate(
            case,
            finding,
            fix=self.name,
            title=(
                f"keep one cosine over the whole training; the unfreeze at {unit(case)} "
                f"{shown(place)} leaves it alone"
            ),
            safe=False,
            schedules=schedules,
            before=[
                constructor(None),
                "def unfreeze():",
                "    backbone.requires_grad_(True)",
                "    scheduler = CosineAnnealingLR(optimizer, T_max=...)",
            ],
            after=[
                "# the backbone's param group is there from the start, frozen by requires_grad",
                constructor(main),
                "def unfreeze():",
                "    backbone.requires_grad_(True)",
            ],
        )


def _starved(case: Case, finding: Finding, place: float) -> bool:
    """Whether another group goes on at the reference LR, so that only this one is starved."""
    top = finding.evidence.measured["lr_reference"].value
    others = (g for g in case.param_groups if g.name != finding.evidence.param_group)
    return any(largest_lr(g, place) >= 0.5 * top for g in others)


def _end(case: Case, finding: Finding) -> float:
    begin = min((origin(g) for g in case.param_groups if len(g.lr)), default=0.0)
    return max(begin + planned(case, finding), float(case.last + 1))


def _cosines(shares: dict[str, float], top: float, length: float) -> dict[str, NamedSchedule]:
    made = {
        name: rebuilt("cosine", {"lr": top * share, "T_max": length, "eta_min": 0.0})
        for name, share in shares.items()
    }
    return {name: named for name, named in made.items() if named is not None}
