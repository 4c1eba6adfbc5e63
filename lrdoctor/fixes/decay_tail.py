"""A constant LR gets an end: a decay over the last part of the run."""

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
)
from lrdoctor.fixes._torch import constructor, shown
from lrdoctor.types import Case, ClockUnit, Schedule
from lrdoctor.verdict import Candidate, Finding


@dataclass(frozen=True, slots=True)
class DecayTail:
    """The LR as it was, then straight down to 0 over the last ``share`` of the planned length.

    A fifth is the usual length of the decay in warm-up-stable-decay schedules (arXiv 2405.18392).
    A run that has passed that point already, but is not over, decays from where it is.
    """

    name: ClassVar[str] = "decay_tail"
    share: float = 0.2

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """To review: how much the decay gains is for a replay to say."""
        length = planned(case, finding)
        schedules: dict[str, Schedule] = {}
        for group in governing_groups(case):
            start = (1 - self.share) * length
            reached = case.last + 1 - origin(group)
            if case.finished is False and start < reached < length:
                start = reached
            named = rebuilt(
                "wsd",
                {
                    "lr": top_lr(case, group),
                    "decay_start": round(start),
                    "decay_steps": length - round(start),
                    "decay_shape": "linear",
                    "end_lr": 0.0,
                    **warmup_of(group, length),
                },
            )
            if named is not None:
                schedules[group.name] = over(named, origin(group), length)
        if not schedules:
            return
        first = next(g for g in governing_groups(case) if g.name in schedules)
        new = schedules[first.name].named
        assert new is not None
        begin = new.parameters()["decay_start"]
        per = "epoch" if case.clock.unit is ClockUnit.EPOCH else "step"
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=(
                f"let the LR fall to 0 over the last {100 * self.share:g} % of the run, "
                f"from {unit(case)} {shown(begin)} on"
            ),
            safe=False,
            schedules=schedules,
            before=[constructor(named_first(first))],
            after=[
                f"start, total = {shown(begin)}, {shown(length)}",
                "scheduler = LambdaLR(optimizer, "
                f"lambda {per}: min(1.0, max(0.0, (total - {per}) / (total - start))))",
            ],
        )
