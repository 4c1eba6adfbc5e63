"""Two schedulers on one optimizer, both stepped: the LR is the product of two schedules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import (
    governing_groups,
    length_text,
    percent,
    real,
    typical_gap,
    x_units,
)
from lrdoctor.detectors._decays import decay_of
from lrdoctor.detectors._products import cosine_times_exponential
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ParamGroup, Quantity, Role, Schedule, Severity
from lrdoctor.verdict import Evidence, Judgement

# Smooth decays that a second scheduler multiplies at its milestones.
_SMOOTH = frozenset({"cosine", "linear", "exponential", "polynomial"})
# The LRs of ultralytics' param groups, in its newer and older logs.
_ULTRALYTICS = re.compile(r"^(lr/pg|x/lr)\d+$")
# Factors that agree to this share are those of one scheduler.
_SAME = 0.01
# A segment fitted this well is a cosine, and it began at the first step within this share of it.
_EXACT = 1e-5
_AT_START = 0.01
# The decay ends early by the warm-up within this share of it.
_EARLY = 0.05
# Two schedulers, and no coincidence of edits.
_LEAST = 2


@dataclass(frozen=True, slots=True)
class ScheduleProduct:
    """A warm-up that multiplies a decay which began with it, or a decay with steps in it.

    ultralytics warms up in this way on purpose, and a product whose largest LR is near the one that
    was meant costs nothing. Without a configuration that names one schedule it is a note.
    """

    name: ClassVar[str] = "schedule_product"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"peak", "meant", "peak_share", "warmup", "factor", "cuts", "lost", "horizon"}
    )

    lost_share: float
    largest_factor: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding, for the first governing group with a product."""
        if "lrf" in case.intent.arguments or any(map(_ULTRALYTICS.search, case.run.series)):
            return
        for group in governing_groups(case):
            found = (
                self._overlap(case, group)
                or self._stepped(case, group)
                or self._decaying(case, group)
            )
            if found is not None:
                yield found
                return

    def _overlap(self, case: Case, group: ParamGroup) -> Evidence | None:
        product = _ramp(group) or _hidden_ramp(group)
        if product is None:
            return None
        name, top, end = product
        lr = group.lr.finite()
        peak = float(lr.value.max())
        # Still on its way up, or near enough to the LR that was meant.
        if case.last < end or peak > (1 - self.lost_share) * top:
            return None
        warmup = end - (group.schedules[0].origin if group.schedules else 0.0)
        short = _runs_on(case, group, warmup)
        return Evidence(
            start=int(lr.step[0]),
            stop=(case.last if short else int(end)) + 1,
            tags=(group.lr.tag,),
            measured={
                "peak": Quantity(peak, ""),
                "meant": Quantity(top, ""),
                "peak_share": Quantity(100 * peak / top, "%"),
                "warmup": Quantity(float(round(warmup)), x_units(case)),
            },
            param_group=group.name,
            detail=(
                f"the warm-up of {length_text(case, round(warmup))} multiplies "
                f"{_a(name)} decay that has begun with it, so that the LR never comes above "
                f"{percent(100 * peak / top)} of {number_text(top)}"
            ),
            revision="a product that was meant",
            severity=None if short or case.intent.scheduler is not None else Severity.INFO,
        )

    def _stepped(self, case: Case, group: ParamGroup) -> Evidence | None:
        parts = group.schedules
        if len(parts) <= _LEAST:
            return None
        factors = [_factor(a, b) for a, b in pairwise(parts)]
        known = [f for f in factors if f is not None]
        if len(known) < len(factors):
            return None
        usual = float(np.median(known))
        same = all(abs(f / usual - 1) <= _SAME for f in known)
        if not same or not 0 < usual <= self.largest_factor or _at_restarts(case, group):
            return None
        first = parts[0].named
        assert first is not None
        one_meant = case.intent.scheduler is not None
        return Evidence(
            start=int(parts[1].start),
            stop=int(parts[-1].start) + 1,
            tags=(group.lr.tag,),
            measured={
                "factor": Quantity(usual, ""),
                "cuts": Quantity(float(len(known)), ""),
            },
            param_group=group.name,
            detail=(
                f"{_a(first.name)} decay is cut {number_text(len(known))} times by "
                f"{number_text(usual)} as well: it is multiplied by a step schedule"
            ),
            revision="a configuration that asks for both schedules",
            severity=None if one_meant else Severity.INFO,
        )

    def _decaying(self, case: Case, group: ParamGroup) -> Evidence | None:
        """An exponential beside a cosine."""
        product = cosine_times_exponential(case, group)
        if product is None or product.left > self.largest_factor:
            return None
        lr, length = group.lr.finite(), product.length * product.unit
        meant = case.intent.scheduler is not None
        return Evidence(
            start=int(lr.step[0]),
            stop=int(lr.step[-1]) + 1,
            tags=(group.lr.tag,),
            measured={
                "factor": Quantity(product.gamma, ""),
                "lost": Quantity(100 * (1 - product.left), "%"),
                "horizon": Quantity(length, x_units(case)),
            },
            param_group=group.name,
            detail=(
                f"a cosine decay over {length_text(case, length)} is multiplied by "
                f"{number_text(product.gamma)} at every step of its scheduler as well, which takes "
                f"{percent(100 * (1 - product.left))} off by the end: an exponential decay is "
                "stepped beside it"
            ),
            revision="a configuration that asks for both schedules",
            severity=None if meant else Severity.INFO,
        )


def _runs_on(case: Case, group: ParamGroup, warmup: float) -> bool:
    """Whether the decay is over too early by the warm-up that should have come before it; what an
    unclamped cosine does from there on belongs to the product."""
    decay = decay_of(case)
    if decay is None or decay.group is not group or decay.clamped:
        return False
    early = case.last - decay.end
    return abs(early - warmup) <= max(_EARLY * warmup, 2 * typical_gap(group.lr))


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _ramp(group: ParamGroup) -> tuple[str, float, float] | None:
    """Name, largest LR and the step at which the warm-up ends, of a fitted product."""
    schedule = group.schedules[0] if group.schedules else None
    named = schedule.named if schedule is not None else None
    if schedule is None or named is None:
        return None
    values = named.parameters()
    top, start = real(values.get("lr")), real(values.get("warmup_start_lr"))
    warmup = real(values.get("warmup"))
    if not values.get("warmup_overlap") or top is None or start is None or warmup is None:
        return None
    return (named.name, top, schedule.origin + warmup) if start < top else None


def _hidden_ramp(group: ParamGroup) -> tuple[str, float, float] | None:
    """The same of a curve without a name whose end is a cosine that began at its first step."""
    schedule = group.schedules[0] if len(group.schedules) == 1 else None
    if schedule is None or schedule.named is not None or len(schedule.segments) < 2:
        return None
    last = schedule.segments[-1]
    if last.shape.name != "cosine" or last.residual > _EXACT:
        return None
    values = last.shape.parameters()
    top, peak_at = real(values.get("lr_max")), real(values.get("peak_at"))
    length, floor = real(values.get("t_max")), real(values.get("eta_min"))
    if top is None or peak_at is None or length is None or floor is None:
        return None
    began = last.start + peak_at - schedule.start
    if abs(began) > _AT_START * length or abs(floor) > _EXACT * top:
        return None
    lr = group.lr.finite()
    rises = lr.value[0] < lr.value.max() > 0
    return ("cosine", top, float(last.start)) if rises else None


def _factor(before: Schedule, after: Schedule) -> float | None:
    """LR of the later schedule over that of the earlier one where it takes over; None where they
    are not one smooth decay at two heights."""
    if before.named is None or after.named is None:
        return None
    if before.named.name != after.named.name or before.named.name not in _SMOOTH:
        return None
    old, new = (float(s.lr(after.start)) for s in (before, after))
    return new / old if old > 0 else None


def _at_restarts(case: Case, group: ParamGroup) -> bool:
    near = 2 * typical_gap(group.lr)
    borders = [s.start for s in group.schedules[1:]]
    return any(abs(r.step - b) <= near for r in case.run.restarts for b in borders)
