"""An LR of exactly 0 while training goes on: the schedule is shorter than the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import (
    governing_groups,
    length_text,
    planned_length,
    typical_gap,
    x_units,
)
from lrdoctor.detectors._decays import decay_of, leading_group
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# The last LR before 0 is no smaller than this share of the peak where a schedule ends by plan (a
# cosine of ten million steps ends on 2e-14); what falls through it underflows.
_PLANNED = 1e-20
# A log that prints this few units of its last decimal before the first 0 may have rounded to it.
_UNITS = 3.0


@dataclass(frozen=True, slots=True)
class ScheduleExhausted:
    """Measures the stretch of zeros at the end of the log, in all governing param groups.

    One point at 0 is where linear decays end. Up to ``costly_share`` of the run is a note, from
    ``lost_share`` on an error: nothing is trained there.
    """

    name: ClassVar[str] = "schedule_exhausted"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset({"idle_share", "idle", "horizon", "planned"})

    idle_share: float
    costly_share: float
    lost_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the group that comes to 0 last decides."""
        group = leading_group(case)
        if group is None or group.lr.value[-1] != 0:
            return
        curves = [g.lr.finite() for g in governing_groups(case)]
        begins = [_zeros_from(lr) for lr in curves]
        lr = group.lr.finite()
        if any(begin is None for begin in begins):
            return
        begin = max(b for b in begins if b is not None)
        first, last = float(lr.step[0]), float(lr.step[-1])
        share = (last - begin) / (last - first)
        if share <= self.idle_share or len(lr.between(begin, np.inf)) < 3:
            return
        decay = decay_of(case)
        known = decay is not None and abs(decay.end - begin) <= 2 * typical_gap(lr)
        if not known and _may_be_rounded(lr):
            yield Unjudged(
                "the LR is printed with so few decimals that its zeros may be small LRs; "
                "log it with six significant digits"
            )
            return
        units = x_units(case)
        measured = {
            "idle_share": Quantity(100 * share, "%"),
            "idle": Quantity(last - begin, units),
        }
        reasons = []
        if decay is not None and known:
            measured["horizon"] = Quantity(decay.length, units)
            text = f"the {decay.name} decay was made for {length_text(case, decay.length)}"
            planned = planned_length(case)
            if planned is not None:
                measured["planned"] = Quantity(planned, units)
                text += f", the run for {number_text(planned)}"
            reasons.append(text)
        reasons.append("raise its total number of steps to that of the training")
        yield Evidence(
            start=int(begin),
            stop=int(last) + 1,
            tags=(group.lr.tag,),
            measured=measured,
            param_group=group.name,
            detail="; ".join(reasons),
            revision=f"a log that shows an LR above 0 after {number_text(begin)}",
            severity=self._weight(share),
            confidence=Confidence.HIGH if known else None,
        )

    def _weight(self, share: float) -> Severity:
        if share >= self.lost_share:
            return Severity.ERROR
        return Severity.WARNING if share >= self.costly_share else Severity.INFO


def _zeros_from(lr: Series) -> float | None:
    """Step of the first of the zeros that end the curve; None where it does not come down to 0."""
    positive = np.flatnonzero(lr.value > 0)
    if not len(positive) or positive[-1] == len(lr) - 1:
        return None
    if lr.value[positive[-1]] < _PLANNED * lr.value.max():
        return None
    return float(lr.step[positive[-1] + 1])


def _may_be_rounded(lr: Series) -> bool:
    """Whether all LRs are multiples of one decimal that is not far below the smallest of them."""
    smallest = float(lr.value[lr.value > 0].min())
    decimal = 10.0 ** np.floor(np.log10(smallest) + 1e-9)
    units = lr.value / decimal
    return bool(np.allclose(units, np.round(units), rtol=1e-9, atol=1e-6)) and bool(
        smallest <= _UNITS * decimal
    )
