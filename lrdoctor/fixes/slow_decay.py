"""A decay that leaves LR for the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import governing_groups
from lrdoctor.fixes._plan import (
    candidate,
    named_first,
    origin,
    over,
    planned,
    rebuilt,
    top_lr,
    unit,
    warmup_of,
    whole_cosine,
)
from lrdoctor.fixes._torch import constructor, shown
from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import Case, ParamGroup, Schedule
from lrdoctor.verdict import Candidate, Finding


@dataclass(frozen=True, slots=True)
class SlowDecay:
    """A cosine over the planned length; for an exponential first its own kind with a gentler gamma.

    ``final_share`` is the LR an exponential ends on, over its peak: 1 % is where the decay rule
    sees an LR as used up, so the whole run stays above it.
    """

    name: ClassVar[str] = "slow_decay"
    final_share: float = 0.02

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """To review: where the LR ought to end is not in the log."""
        length = planned(case, finding)
        groups = governing_groups(case)
        if any(_is_exponential(g) for g in groups):
            gentle = {g.name: self._gentle(case, g, length) for g in groups}
            yield from self._candidate(case, finding, groups, gentle, length, "a gentler gamma")
        cosines = {g.name: whole_cosine(case, g, length) for g in groups}
        yield from self._candidate(case, finding, groups, cosines, length, "a cosine")

    def _gentle(self, case: Case, group: ParamGroup, length: float) -> NamedSchedule | None:
        gamma = float(self.final_share ** (1 / length))
        warmup = warmup_of(group, length)
        return rebuilt("exponential", {"lr": top_lr(case, group), "gamma": gamma, **warmup})

    def _candidate(
        self,
        case: Case,
        finding: Finding,
        groups: tuple[ParamGroup, ...],
        new: dict[str, NamedSchedule | None],
        length: float,
        how: str,
    ) -> Iterator[Candidate]:
        schedules: dict[str, Schedule] = {}
        for group in groups:
            named = new[group.name]
            if named is not None:
                schedules[group.name] = over(named, origin(group), length)
        if not schedules:
            return
        first = next(g for g in groups if g.name in schedules)
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=f"spread the decay over all {shown(length)} {unit(case)}s by {how}",
            safe=False,
            schedules=schedules,
            before=[constructor(named_first(first))],
            after=[constructor(schedules[first.name].named), *_advice(case, first)],
        )


def _advice(case: Case, group: ParamGroup) -> list[str]:
    """How to keep ReduceLROnPlateau instead: its cuts follow a loss that nobody has seen yet."""
    named = named_first(group)
    plateau = "reduce_on_plateau"
    if case.intent.scheduler != plateau and (named is None or named.name != plateau):
        return []
    return ['# or ReduceLROnPlateau with mode="min" for a loss, mode="max" for a score']


def _is_exponential(group: ParamGroup) -> bool:
    named = named_first(group)
    return named is not None and named.name == "exponential"
