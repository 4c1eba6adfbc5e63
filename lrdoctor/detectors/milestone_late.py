"""Milestones that the run never reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.lr_moves import find_drops
from lrdoctor.detectors._configured import family, milestones_of
from lrdoctor.detectors._context import real, steps_per_epoch, typical_gap
from lrdoctor.detectors._decays import leading_group
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement

# A drop to this much of the LR before and more is none.
_DROP = 0.99


@dataclass(frozen=True, slots=True)
class MilestoneLate:
    """Counts the drops that the log shows, and those configured for after the planned end.

    Without a single drop the LR is never reduced: that is a fault once the run is over. A last
    milestone at the end or past it is a note.
    """

    name: ClassVar[str] = "milestone_late"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset({"milestone", "planned", "late", "acted"})

    unit_factor: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: all param groups share one scheduler."""
        name, group = family(case.intent), leading_group(case)
        if name not in ("multistep", "step") or group is None:
            return
        stones, end = self._milestones(case, name)
        if not stones or end is None:
            return
        late = [m for m in stones if m >= end]
        lr = group.lr.finite()
        acted = len(find_drops(lr.value, _DROP)) if np.ptp(lr.value) > 0 else 0
        if not late or acted != len(stones) - len(late) or not _in_steps(lr, acted):
            return
        if not acted and case.finished is not True:
            return  # nothing is lost yet, and the plan may still be raised
        what = "step_size" if name == "step" else "milestone" + "s" * (len(late) > 1)
        which = " and ".join(map(number_text, late))
        if not acted:
            text = f"{what} {which}, the run is over at {number_text(end)}: the LR never drops"
        else:
            text = (
                f"{what} {which} at or past the end of the run at {number_text(end)}; an LR that "
                "drops after the last step trains nothing"
            )
        gap = int(max(typical_gap(lr), 1.0))
        yield Evidence(
            start=int(lr.step[0]) if not acted else int(lr.step[-1]) + 1 - gap,
            stop=int(lr.step[-1]) + 1,
            tags=(group.lr.tag,),
            measured={
                "milestone": Quantity(late[0], ""),
                "planned": Quantity(float(case.total_steps or end), ""),
                "late": Quantity(float(len(late)), ""),
                "acted": Quantity(float(acted), ""),
            },
            param_group=group.name,
            detail=text,
            revision="a run that goes on past the milestone",
            severity=Severity.WARNING if not acted else Severity.INFO,
            confidence=Confidence.HIGH,
        )

    def _milestones(self, case: Case, name: str) -> tuple[list[float], float | None]:
        """Configured milestones and the planned end in the unit that they count."""
        arguments = case.intent.arguments
        if name == "step":
            size = real(arguments.get("step_size"))
            stones = [size] if size else []
        else:
            stones = milestones_of(arguments.get("milestones"))
        per_epoch, total = steps_per_epoch(case), case.total_steps
        epochs = case.intent.epochs
        if epochs is None and total and per_epoch:
            epochs = total / per_epoch
        if not stones or stones[0] <= 0 or epochs is None:
            return [], None
        # Numbers far beyond the epochs count steps.
        if stones[-1] <= self.unit_factor * epochs:
            return stones, epochs
        if per_epoch and per_epoch > 1 and total:
            return stones, float(total)
        return [], None


def _in_steps(lr: Series, acted: int) -> bool:
    """Whether the LR moves by drops alone: as many values as drops and one more."""
    changes = np.flatnonzero(np.diff(lr.value) != 0)
    return len(changes) == acted
