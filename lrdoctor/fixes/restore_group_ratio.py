"""A param group follows the schedule of the others again, at the ratio it was given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import largest_lr
from lrdoctor.fixes._plan import candidate, over, scaled
from lrdoctor.fixes._torch import plain, shown
from lrdoctor.types import Case, ParamGroup
from lrdoctor.verdict import Candidate, Finding

# Measured for the finding: how many times the other group's LR is above this one's, as meant.
_RATIO = "meant_ratio"


@dataclass(frozen=True, slots=True)
class RestoreGroupRatio:
    """One candidate: the schedule of the group at the reference LR, divided by the ratio."""

    name: ClassVar[str] = "restore_group_ratio"

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """Only where a schedule with a name is in force in the other group; to review."""
        measured = finding.evidence.measured
        place = float(finding.evidence.start)
        low = next((g for g in case.param_groups if g.name == finding.evidence.param_group), None)
        if low is None or _RATIO not in measured or not measured[_RATIO].value > 0:
            return
        ratio = measured[_RATIO].value
        model = _reference(case, low, place, measured["lr_reference"].value)
        schedule = next((s for s in model.schedules if s.stop > place + 1), None)
        if schedule is None or schedule.named is None:
            return
        named = scaled(schedule.named, 1 / ratio)
        if named is None:
            return
        corrected = over(named, schedule.origin, schedule.stop - schedule.origin, begin=place)
        head, own = largest_lr(model, place), largest_lr(model, place) / ratio
        text = f"scheduler = {type(schedule.named).__name__}(optimizer, %s)"
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=(
                f"let {plain(low.name)} follow the schedule at 1/{shown(float(f'{ratio:.3g}'))} "
                f"of the other group's LR: {shown(float(f'{own:.4g}'))} at most"
            ),
            safe=False,
            schedules={low.name: corrected},
            before=[text % f"max_lr={shown(float(f'{head:.4g}'))}"],
            after=[text % f"max_lr=[{shown(float(f'{head:.4g}'))}, {shown(float(f'{own:.4g}'))}]"],
        )


def _reference(case: Case, low: ParamGroup, place: float, level: float) -> ParamGroup:
    """The other group whose largest LR from ``place`` on is nearest to ``level``; the group itself
    where only its curve is at that LR (groups with the same values are one)."""
    there = [g for g in case.param_groups if largest_lr(g, place) > 0]
    away = lambda g: (abs(np.log(largest_lr(g, place) / level)), g is low)  # noqa: E731
    return min(there, key=away, default=low)
