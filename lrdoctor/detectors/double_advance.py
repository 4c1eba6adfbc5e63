"""A schedule that counts the steps before a resume twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import length_text, typical_gap, x_units
from lrdoctor.detectors._resume import Border, Change, borders, horizon
from lrdoctor.messages import UNIT_NOUN, number_text
from lrdoctor.types import Case, Confidence, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

# So many logged points before the resume tell "twice" from "a little ahead".
_ENOUGH = 5


@dataclass(frozen=True, slots=True)
class DoubleAdvance:
    """Looks for the run's own schedule going on ahead of its time by all the steps so far.

    The fitted schedules before and after the border are the same but for their time 0; no plan
    asks for that.
    """

    name: ClassVar[str] = "double_advance"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr_before", "lr_after", "lr_due", "ahead", "ends_at"}
    )

    lr_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the first border."""
        for border in borders(case):
            if border.change is not Change.TWICE or border.strays < self.lr_ratio:
                continue
            if border.ahead >= _ENOUGH * typical_gap(border.group.lr):
                yield self._evidence(case, border)
                return

    def _evidence(self, case: Case, border: Border) -> Evidence:
        measured = {
            "lr_before": Quantity(border.lr_before, ""),
            "lr_after": Quantity(border.lr_after, ""),
            "lr_due": Quantity(border.lr_due, ""),
            "ahead": Quantity(border.ahead, x_units(case)),
        }
        text = (
            f"the schedule goes on {length_text(case, border.ahead)} ahead of its time, the length "
            "trained so far: its state was restored and then advanced by that length once more"
        )
        length = horizon(border.before)
        if length is not None:
            end = border.before.origin + length - border.ahead
            measured["ends_at"] = Quantity(end, x_units(case))
            if end < case.last:
                text += (
                    f", so that it ends at {UNIT_NOUN[case.clock.unit]} {number_text(end)} already"
                )
        return Evidence(
            start=border.step,
            stop=case.last + 1,
            tags=(border.group.lr.tag,),
            measured=measured,
            param_group=border.group.name,
            detail=text,
            revision="a plan that skips a part of the schedule here",
            confidence=None if border.restart is not None else Confidence.MEDIUM,
        )
