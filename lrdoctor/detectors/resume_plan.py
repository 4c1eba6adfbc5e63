"""A schedule that goes on after a resume with another end, or at a higher level, than before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import largest_lr, length_text, typical_gap, x_units
from lrdoctor.detectors._resume import Border, Change, borders, horizon, unfreezes
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

# A cycle that begins within this share of its own peak begins there on purpose.
_AT_PEAK = 0.9


@dataclass(frozen=True, slots=True)
class ResumePlan:
    """Compares the schedule before a border with the one after it.

    Two stretches of one schedule with different ends are a plan that was changed between two
    launches. A jump up at a resume into the middle of another schedule is its cousin: what the LR
    depends on (batch size, devices, total) is not what it was. Cycles that begin at their own peak
    or after the first was over, and LRs lowered on purpose, pass.
    """

    name: ClassVar[str] = "resume_plan"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr_before", "lr_after", "lr_due", "horizon_before", "horizon_after", "lr_ratio"}
    )

    lr_ratio: float
    horizon_ratio: float
    level_ratio: float
    finished_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the first border."""
        for border in borders(case):
            stretched = self._stretched(border)
            if border.strays < self.lr_ratio or not (stretched or self._leaps(border)):
                continue
            if not unfreezes(case, border):
                text = _stretched_text(case, border) if stretched else _leap_text(border)
                yield self._evidence(case, border, text)
                return

    def _stretched(self, border: Border) -> bool:
        """One schedule on both sides, made for different totals."""
        if border.change is not Change.STRETCHED:
            return False
        old, new = horizon(border.before), horizon(border.after)
        if old is None or new is None:
            return True
        return max(old, new) >= self.horizon_ratio * min(old, new)

    def _leaps(self, border: Border) -> bool:
        """A jump up at a resume, out of one schedule and into the middle of another."""
        if border.restart is None or border.change not in (Change.SCALED, Change.OTHER):
            return False
        done = border.done()
        if done is not None and done >= self.finished_share:
            return False
        if border.after.named is None or border.lr_after < self.level_ratio * border.lr_due:
            return False
        gap = typical_gap(border.group.lr)
        begins = abs(border.after.origin - border.step) <= 2 * gap
        top = largest_lr(border.group, border.step, border.after.stop)
        return not (begins and border.lr_after >= _AT_PEAK * top)

    def _evidence(self, case: Case, border: Border, detail: str) -> Evidence:
        measured = {
            "lr_before": Quantity(border.lr_before, ""),
            "lr_after": Quantity(border.lr_after, ""),
            "lr_due": Quantity(border.lr_due, ""),
        }
        if border.lr_due > 0:
            measured["lr_ratio"] = Quantity(border.lr_after / border.lr_due, "")
        if border.change is Change.STRETCHED:
            for name, schedule in (("before", border.before), ("after", border.after)):
                length = horizon(schedule)
                if length is not None:
                    measured[f"horizon_{name}"] = Quantity(length, x_units(case))
        sure = border.change is Change.STRETCHED and border.restart is not None
        return Evidence(
            start=border.step,
            stop=min(border.after.stop, case.last + 1),
            tags=(border.group.lr.tag,),
            measured=measured,
            param_group=border.group.name,
            detail=detail,
            revision="a plan that asks for another schedule from this step on",
            confidence=None if sure else Confidence.MEDIUM,
        )


def _stretched_text(case: Case, border: Border) -> str:
    old, new = horizon(border.before), horizon(border.after)
    name = border.before.named.name if border.before.named is not None else "schedule"
    if old is None or new is None:
        text = f"the {name} schedule goes on with other lengths than before"
    else:
        text = (
            f"the {name} schedule was made for {length_text(case, old)} and goes on as one made "
            f"for {length_text(case, new)}"
        )
    if border.restart is None:
        return f"{text}; the log does not show whether training was resumed here"
    return f"{text}: the resume was launched with another total"


def _leap_text(border: Border) -> str:
    times = number_text(border.lr_after / border.lr_due, digits=3)
    return (
        f"at the resume the LR jumps to {times} times what it was going to be, into the middle of "
        "a schedule that is not the one before: total, batch size or number of devices changed"
    )
