"""A schedule that is ahead of its time, or behind it, after a resume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import length_text, steps_per_epoch, typical_gap, x_units
from lrdoctor.detectors._resume import Border, Change, borders
from lrdoctor.types import Case, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

# An offset is one epoch if it is so within this share.
_AGREE = 0.02


@dataclass(frozen=True, slots=True)
class ResumeOffset:
    """Looks for the run's own schedule going on at another time than its own after a resume.

    Only where the log shows a resume: within one process a step more or less is how the script
    counts.
    """

    name: ClassVar[str] = "resume_offset"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset({"offset", "lr_before", "lr_after", "lr_due"})

    least_points: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per resume that moves the schedule."""
        if not case.run.restarts:
            return
        for border in borders(case):
            if border.restart is None or border.change is not Change.MOVED:
                continue
            if abs(border.ahead) >= self.least_points * typical_gap(border.group.lr):
                yield _evidence(case, border)


def _evidence(case: Case, border: Border) -> Evidence:
    return Evidence(
        start=border.step,
        stop=min(border.after.stop, case.last + 1),
        tags=(border.group.lr.tag,),
        measured={
            "offset": Quantity(abs(border.ahead), x_units(case)),
            "lr_before": Quantity(border.lr_before, ""),
            "lr_after": Quantity(border.lr_after, ""),
            "lr_due": Quantity(border.lr_due, ""),
        },
        param_group=border.group.name,
        detail=_detail(case, border),
        revision="nothing: the offset is measured on the fitted curves",
    )


def _detail(case: Case, border: Border) -> str:
    offset, epoch = abs(border.ahead), steps_per_epoch(case)
    way = "ahead of" if border.ahead > 0 else "behind"
    text = f"the schedule goes on {length_text(case, offset)} {way} its time"
    one = epoch is not None and abs(offset - epoch) <= _AGREE * epoch
    if one:
        text += ", one epoch"
    if border.ahead > 0:
        return f"{text}: the scheduler was stepped once more than the checkpoint says"
    return f"{text}: its state is older than the step at which the log goes on"
