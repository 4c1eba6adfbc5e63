"""Logged LRs that belong to the step after the one they stand at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import governing_groups
from lrdoctor.messages import UNIT_NOUN
from lrdoctor.types import Case, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

_HUGGING_FACE = "older versions of the Hugging Face Trainer log it after the scheduler's step"
_LOOP = "the loop reads it after `scheduler.step()`; read it before, or accept the shift"


@dataclass(frozen=True, slots=True)
class NextStepLr:
    """The fit of the schedule shows it, where the curve says when its time 0 was."""

    name: ClassVar[str] = "next_step_lr"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset({"shift"})

    min_points: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: all groups are logged by the same line of code."""
        groups = [g for g in governing_groups(case) if len(g.lr.finite()) >= self.min_points]
        shifted = [g for g in groups if g.schedules and g.schedules[0].logged == "next"]
        if not shifted or len(shifted) < len(groups):
            return
        group, schedule = shifted[0], shifted[0].schedules[0]
        yield Evidence(
            start=schedule.start,
            stop=schedule.stop,
            tags=tuple(g.lr.tag for g in shifted),
            measured={"shift": Quantity(1.0, UNIT_NOUN[case.clock.unit])},
            param_group=group.name,
            detail=_HUGGING_FACE if case.run.format == "trainer_state" else _LOOP,
            revision="a log that starts one step earlier",
        )
