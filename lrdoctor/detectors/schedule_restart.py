"""A schedule that begins again at its first step in the middle of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import largest_lr, length_text, percent, x_units
from lrdoctor.detectors._resume import Border, Change, borders, unfreezes
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement

# Schedules without an end of their own that never rise by themselves.
_FALLING = frozenset({"step", "multistep", "exponential"})


@dataclass(frozen=True, slots=True)
class ScheduleRestart:
    """Looks for the run's own schedule starting from its step 0 while it was still under way.

    A second cycle on purpose follows a first one that was over; a schedule that is cut off and
    begins again was not restored. Without a resume in the log and without an end of the schedule
    to compare with, several cycles of a plan look the same: a note at most.
    """

    name: ClassVar[str] = "schedule_restart"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr_before", "lr_after", "lr_due", "done", "lost", "times"}
    )

    lr_ratio: float
    finished_share: float
    floor_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the first of the borders that share the cause."""
        found = [b for b in borders(case) if self._again(case, b)]
        if not found:
            return
        first = next((b for b in found if b.restart is not None), found[0])
        if first.restart is None and len(found) > 1:
            return  # cycles of one plan
        yield self._evidence(case, first, len(found))

    def _again(self, case: Case, border: Border) -> bool:
        if border.change is not Change.AGAIN or border.strays < self.lr_ratio:
            return False
        done = border.done()
        if done is not None and done >= self.finished_share:
            return False
        return not unfreezes(case, border)

    def _evidence(self, case: Case, border: Border, times: int) -> Evidence:
        done = border.done()
        measured = {
            "lr_before": Quantity(border.lr_before, ""),
            "lr_after": Quantity(border.lr_after, ""),
            "lr_due": Quantity(border.lr_due, ""),
            "lost": Quantity(border.step - border.before.origin, x_units(case)),
        }
        if done is not None:
            measured["done"] = Quantity(100 * done, "%")
        if times > 1:
            measured["times"] = Quantity(float(times), "")
        severity, confidence = self._weight(case, border, done)
        return Evidence(
            start=border.step,
            stop=case.last + 1,
            tags=(border.group.lr.tag,),
            measured=measured,
            param_group=border.group.name,
            detail=_detail(case, border, done, times),
            revision="a configuration that asks for a second cycle at this step",
            severity=severity,
            confidence=confidence,
        )

    def _weight(
        self, case: Case, border: Border, done: float | None
    ) -> tuple[Severity | None, Confidence | None]:
        if border.restart is None:
            known = done is not None or case.intent.scheduler in _FALLING
            return (None, Confidence.MEDIUM) if known else (Severity.INFO, Confidence.LOW)
        # A schedule without an end, at its lowest, in a log that goes on without repeated steps:
        # that may as well be the next stage of a plan.
        low = border.lr_before <= self.floor_ratio * largest_lr(border.group, stop=border.step)
        if done is None and low and not border.restart.discarded:
            return Severity.INFO, Confidence.LOW
        return None, None


def _detail(case: Case, border: Border, done: float | None, times: int) -> str:
    lost = length_text(case, border.step - border.before.origin)
    so_far = f"after {lost}" if done is None else f"after {lost}, {percent(100 * done)} of it,"
    name = border.before.named.name if border.before.named is not None else "schedule"
    text = f"the same {name} schedule {so_far} starts anew"
    if border.restart is not None:
        text += ", as a resume does that restores the weights but not the scheduler"
    else:
        text += (
            ", as a resume without the scheduler's state does; the log does not show whether "
            "training was resumed here"
        )
    return text + (f"; this happens {number_text(times)} times" if times > 1 else "")
