"""A schedule that starts from its warm-up once more where a part of the model is unfrozen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.noise import point_sigma
from lrdoctor.curves.smooth import bin_means
from lrdoctor.detectors._context import loss_of, x_units
from lrdoctor.detectors._unfreezing import Place, find_places, training_groups
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ParamGroup, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement

# Points of a rise that show it is one, not a jump to another level.
_SHAPED = 2
_BLOCKS = 20
# Blocks of a loss that make a level.
_LEVEL = 3
_CERTAIN = 4.0


@dataclass(frozen=True, slots=True)
class OnecycleRebuilt:
    """The LR of a group that trained before falls at the place and rises again, point by point.

    The structure is certain and mostly harmless; it is a warning where the rest of the run never
    gets the loss back to what it was.
    """

    name: ClassVar[str] = "onecycle_rebuilt"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr_before", "lr_reset", "lr_peak", "peak", "rewarm", "loss_before", "loss_after"}
    )

    reset_ratio: float
    rise_ratio: float
    min_left: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per run, at the first such place."""
        for place in find_places(case):
            left = (case.last - place.step) / max(case.last - case.first, 1)
            if not (place.configured or place.joined is not None) or left < self.min_left:
                continue
            for group in training_groups(case):
                found = self._judge(case, place, group)
                if found is not None:
                    yield found
                    return

    def _judge(self, case: Case, place: Place, group: ParamGroup) -> Evidence | None:
        lr = group.lr.finite()
        at = int(np.searchsorted(lr.step, place.step))
        before, after = lr.value[:at], lr.value[at:]
        if len(before) < 2 or len(after) < 2 * _SHAPED or not before[-1] > 0:
            return None
        # The configured place may lie an epoch beside the true one: the reset itself is exact.
        first = int(np.argmin(after[: max(2, len(after) // 10)]))
        top = first + int(np.argmax(after[first:]))
        reset, peak = float(after[first]), float(after[top])
        if top - first < _SHAPED or not 0 < reset <= self.reset_ratio * before[-1]:
            return None
        if peak < self.rise_ratio * reset or np.any(np.diff(after[first : top + 1]) < 0):
            return None
        measured = {
            "lr_before": Quantity(float(before[-1]), ""),
            "lr_reset": Quantity(reset, ""),
            "lr_peak": Quantity(peak, ""),
            "peak": Quantity(float(lr.step[at + top]), ""),
            "rewarm": Quantity(float(lr.step[at + top] - lr.step[at + first]), x_units(case)),
        }
        lost = _levels(case, float(lr.step[at + first]))
        text = "the LR goes through its warm-up once more; in itself that costs little"
        if lost is not None:
            measured["loss_before"] = Quantity(lost[0], "")
            measured["loss_after"] = Quantity(lost[1], "")
            text = (
                f"the loss had come to {number_text(lost[0])} before and ends at "
                f"{number_text(lost[1])}"
            )
        return Evidence(
            start=int(lr.step[at + first]),
            stop=case.last + 1,
            tags=(group.lr.tag,),
            measured=measured,
            param_group=group.name,
            detail=text,
            revision="the same unfreezing with the first schedule kept, and a loss as high",
            severity=Severity.WARNING if lost is not None else None,
        )


def _levels(case: Case, step: float) -> tuple[float, float] | None:
    """The loss before ``step`` and at the end, where the end is clearly higher; None otherwise."""
    loss = loss_of(case)
    if loss is None or case.finished is False:
        return None
    ends = []
    for part in (loss.between(-np.inf, step), loss.between(step, np.inf)):
        _, value = bin_means(part.step, part.value, _BLOCKS)
        if len(value) < 2 * _LEVEL:
            return None
        ends.append((float(np.mean(value[-_LEVEL:])), point_sigma(value)))
    (before, one), (after, other) = ends
    error = float(np.hypot(one, other)) / np.sqrt(_LEVEL)
    return (before, after) if after - before > _CERTAIN * error > 0 else None
