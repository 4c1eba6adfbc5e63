"""The schedule from before a resume, carried on after it as if training had never stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import governing_groups
from lrdoctor.fixes._plan import candidate, over, planned
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ParamGroup, Schedule
from lrdoctor.verdict import Candidate, Finding


@dataclass(frozen=True, slots=True)
class ContinueSchedule:
    """One candidate: what was logged stays up to the finding, then every group's first schedule
    goes on at its own time. None where that has no name or would run past its end."""

    name: ClassVar[str] = "continue_schedule"

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """Needs a schedule that was in force before the finding begins."""
        place = float(finding.evidence.start)
        length = planned(case, finding)
        found = {g.name: _carried_on(g, place, length) for g in governing_groups(case)}
        schedules = {name: s for name, s in found.items() if s is not None}
        if not schedules:
            return
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=(
                "restore the scheduler with the model and the optimizer, so that the schedule "
                f"goes on from {number_text(place)}"
            ),
            safe=False,
            schedules=schedules,
            before=[
                'model.load_state_dict(checkpoint["model"])',
                'optimizer.load_state_dict(checkpoint["optimizer"])',
            ],
            after=[
                'model.load_state_dict(checkpoint["model"])',
                'optimizer.load_state_dict(checkpoint["optimizer"])',
                'scheduler.load_state_dict(checkpoint["scheduler"])',
            ],
        )


def _carried_on(group: ParamGroup, place: float, length: float) -> Schedule | None:
    """The schedule in force just before ``place``, from there to the planned end."""
    earlier = [s for s in group.schedules if s.start < place]
    if not earlier or earlier[-1].named is None:
        return None
    old = earlier[-1]
    assert old.named is not None
    schedule = over(old.named, old.origin, length, begin=place)
    steps = np.arange(schedule.start, schedule.stop)
    if not len(steps):
        return None
    lr = schedule.lr(steps)
    usable = np.all(np.isfinite(lr)) and np.all(lr >= 0)
    return schedule if usable and not _rebounds(old, place, schedule.stop) else None


def _rebounds(old: Schedule, place: float, stop: float) -> bool:
    """Whether a decay would rise again before the planned end."""
    after = old.lr(np.linspace(place, stop, 200))
    before = float(old.lr(np.array([place]))[0])
    return old.named is not None and old.named.name == "cosine" and bool(after[-1] > before)
