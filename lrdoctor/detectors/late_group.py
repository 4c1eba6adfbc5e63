"""A param group that joined later and stays at one LR while the others decay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._groups import SAME
from lrdoctor.detectors._unfreezing import Place, find_places, training_groups
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ParamGroup, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement


@dataclass(frozen=True, slots=True)
class LateGroup:
    """A group that starts after the others and is constant to the last bit while they move.

    A scheduler holds one base LR per group it was built with; several go on silently with those
    when a group is added.
    """

    name: ClassVar[str] = "late_group"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr", "lr_reference", "meant_ratio", "others_moved", "last_ratio", "run_left"}
    )

    moved: float
    min_points: float
    min_left: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per late group."""
        if len(case.param_groups) < 2:
            return
        for place in find_places(case):
            if place.joined is not None:
                found = self._judge(case, place, place.joined)
                if found is not None:
                    yield found

    def _judge(self, case: Case, place: Place, late: ParamGroup) -> Evidence | None:
        lr = late.lr.finite().between(place.step, np.inf)
        left = (case.last - place.step) / max(case.last - case.first, 1)
        if left < self.min_left or len(lr) < self.min_points:
            return None
        level = float(lr.value[0])
        if not level > 0 or np.ptp(lr.value) > SAME**2 * level:
            return None
        others = [g for g in training_groups(case) if g is not late and g.governs]
        moving = [m for g in others if (m := _moves(g, place.step)) is not None]
        if not moving or not all(m[1] >= self.moved for m in moving):
            return None
        other, times, begin, end = max(moving, key=lambda m: m[2])
        measured = {
            "lr": Quantity(level, ""),
            "lr_reference": Quantity(begin, ""),
            "meant_ratio": Quantity(begin / level, ""),
            "others_moved": Quantity(times, ""),
            "run_left": Quantity(100 * left, "%"),
        }
        text = f"{other.name} falls by a factor of {number_text(times)} meanwhile"
        if end > 0:
            measured["last_ratio"] = Quantity(end / level, "")
            if end < level < begin:
                text += ", and ends below the group that started under it"
        return Evidence(
            start=int(lr.step[0]),
            stop=case.last + 1,
            tags=(late.lr.tag, other.lr.tag),
            measured=measured,
            param_group=late.name,
            detail=f"{text}; the scheduler was built before the group was added",
            revision="a configuration that wants a constant LR for this group",
        )


def _moves(group: ParamGroup, start: float) -> tuple[ParamGroup, float, float, float] | None:
    """The group, how many times its LR falls after ``start``, and its first and last LR there."""
    lr = group.lr.finite().between(start, np.inf).value
    if len(lr) < 2 or not lr[0] > 0:
        return None
    least = float(lr.min())
    with np.errstate(over="ignore"):
        times = float(lr.max()) / least if least > 0 else np.inf
    begin, end = float(lr[0]), float(lr[-1])
    return group, min(times, _MOST), begin, end


# A fall to 0 or nearly so; a larger number tells no more.
_MOST = 1e6
