"""A warm-up that the main schedule does not continue: a jump, or a short rest between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import (
    length_text,
    main_group,
    percent,
    planned_length,
    real,
    typical_gap,
    x_units,
)
from lrdoctor.detectors._levels import Levels, levels_of
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ParamGroup, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement

# Rising levels that are looked through; a warm-up logged at more points is thinned by its log.
_MOST = 20_000
# Increments of a straight warm-up are equal to this share: those of logged positions and digits.
_EVEN = 0.1
# After the jump the LR is at its peak: no later one is higher than by this share.
_AT_PEAK = 0.03
# Schedules with a long stable phase, or a rise of their own.
_OTHERS = frozenset({"wsd", "onecycle", "cyclic", "cosine_restarts"})


@dataclass(frozen=True, slots=True)
class WarmupJoint:
    """``SequentialLR`` joins where its milestone says, whether the warm-up is through or not.

    Before it: a straight rise from the first step on that breaks off with a jump to the peak. After
    it: a rest at the peak that is short against the run, which costs nothing and is a note.
    """

    name: ClassVar[str] = "warmup_joint"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"joint", "before", "after", "jump", "warmup", "rest", "share"}
    )

    jump: float
    steeper: float
    rest_share: float
    rest_of_warmup: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding, for the main param group."""
        group = main_group(case)
        if group is None or case.intent.scheduler in _OTHERS:
            return
        found = self._jump(case, group) or self._rest(case, group)
        if found is not None:
            yield found

    def _jump(self, case: Case, group: ParamGroup) -> Evidence | None:
        lr = group.lr.finite()
        # The rise is over by the largest LR; nothing after it needs to be looked at.
        rise = lr.between(-np.inf, float(lr.step[int(np.argmax(lr.value))]) + 1)
        levels = levels_of(rise, _MOST)
        at = self._breaks_off(levels)
        if at is None or levels.value[at] < (1 - _AT_PEAK) * lr.value.max():
            return None
        joint = float(levels.begin[at])
        if any(abs(r.step - joint) <= 2 * typical_gap(lr) for r in case.run.restarts):
            return None
        slope = _slope(levels, at)
        before, after = float(levels.value[at - 1]), float(levels.value[at])
        through = float(levels.begin[at - 1]) + (after - before) / slope
        return Evidence(
            start=int(joint),
            stop=int(joint) + 1,
            tags=(group.lr.tag,),
            measured={
                "joint": Quantity(joint, ""),
                "before": Quantity(before, ""),
                "after": Quantity(after, ""),
                "jump": Quantity(after / before, ""),
                "warmup": Quantity(through, x_units(case)),
            },
            param_group=group.name,
            detail=(
                f"the LR jumps from {number_text(before)} to {number_text(after)}, "
                f"{number_text(after / before)} times as much; the warm-up would have come there "
                f"after {length_text(case, round(through))}, the main schedule begins after "
                f"{length_text(case, joint)}"
            ),
            revision="a jump that was meant at this place",
        )

    def _breaks_off(self, levels: Levels) -> int | None:
        """Index of the level after the jump; None where the rise has none."""
        if len(levels.value) < 4:
            return None
        change = np.diff(levels.value)
        at = int(np.argmax(change))
        if at < 2 or not levels.value[at] > 0 or np.any(change[: at + 1] <= 0):
            return None
        speed = change[:at] / np.maximum(np.diff(levels.begin[: at + 1]), 1.0)
        usual = float(np.median(speed))
        even = np.abs(speed - usual) <= _EVEN * usual
        if even.mean() < 0.8:
            return None
        jumps = levels.value[at + 1] >= self.jump * levels.value[at]
        grown = usual * max(float(levels.begin[at + 1] - levels.begin[at]), 1.0)
        return at + 1 if jumps and change[at] >= self.steeper * grown else None

    def _rest(self, case: Case, group: ParamGroup) -> Evidence | None:
        schedule = group.schedules[0] if len(group.schedules) == 1 else None
        if schedule is None or schedule.named is None or schedule.named.name != "wsd":
            return None
        values = schedule.named.parameters()
        warmup, decay = real(values.get("warmup")), real(values.get("decay_start"))
        length = max(planned_length(case) or 0.0, float(schedule.stop - schedule.start))
        if warmup is None or decay is None or not length > 0:
            return None
        rest = decay - warmup
        least = max(self.rest_of_warmup * warmup, 1.5, 2 * typical_gap(group.lr))
        if not least <= rest <= self.rest_share * length:
            return None
        begin = schedule.origin + warmup
        return Evidence(
            start=int(begin),
            stop=int(schedule.origin + decay) + 1,
            tags=(group.lr.tag,),
            measured={
                "joint": Quantity(schedule.origin + decay, ""),
                "warmup": Quantity(warmup, x_units(case)),
                "rest": Quantity(rest, x_units(case)),
                "share": Quantity(100 * rest / length, "%"),
            },
            param_group=group.name,
            detail=(
                f"the warm-up is through after {length_text(case, warmup)}, the main schedule "
                f"begins {length_text(case, rest)} later ({percent(100 * rest / length)} of the "
                "run); that does no harm"
            ),
            revision="a stable phase that was meant",
            severity=Severity.INFO,
        )


def _slope(levels: Levels, at: int) -> float:
    return float(
        (levels.value[at - 1] - levels.value[0]) / (levels.begin[at - 1] - levels.begin[0])
    )
