"""A smooth decay in place of LR drops, so that nothing has to be timed with a drop."""

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
    unit,
    whole_cosine,
)
from lrdoctor.fixes._torch import constructor, shown
from lrdoctor.types import Case, Schedule
from lrdoctor.verdict import Candidate, Finding


@dataclass(frozen=True, slots=True)
class SmoothDrop:
    """A cosine from the peak to the LR after the last drop, over the planned length.

    A drop alone does not make the loss rise: the event coupled to it has to be found, whatever the
    schedule is. So the candidate is always to review.
    """

    name: ClassVar[str] = "smooth_drop"

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """One candidate for all governing param groups."""
        length = planned(case, finding)
        groups = governing_groups(case)
        schedules: dict[str, Schedule] = {}
        for group in groups:
            named = whole_cosine(case, group, length, floor=float(group.lr.finite().value.min()))
            if named is not None:
                schedules[group.name] = over(named, origin(group), length)
        if not schedules:
            return
        first = next(g for g in groups if g.name in schedules)
        at = finding.evidence.start
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=(
                f"undo what else happens at {unit(case)} {at}; a cosine over all {shown(length)} "
                f"{unit(case)}s needs no event at a drop"
            ),
            safe=False,
            schedules=schedules,
            before=[
                constructor(named_first(first)),
                f"# something beside the scheduler acts at {unit(case)} {at}: state reset,",
                "# checkpoint loaded, BatchNorm frozen, batch size or augmentation changed",
            ],
            after=[
                constructor(schedules[first.name].named),
                "# keep optimizer state, weights and BatchNorm as they are throughout",
            ],
        )
