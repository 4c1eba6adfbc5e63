"""A warm-up that the configuration asks for and the LR does not show, or not as long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import (
    length_text,
    main_group,
    steps_per_epoch,
    typical_gap,
    x_units,
)
from lrdoctor.detectors._warmup import Planned, observed_warmup, planned_warmups
from lrdoctor.horizon import explain_ratio
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, ParamGroup, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# Schedules whose rise is their own, or whose name says that there is none.
_OWN_RISE = frozenset({"onecycle", "cyclic", "cosine_restarts"})
# A rise of few points ends somewhere between two of them; steps are counted from 0 or 1.
_GAPS, _STEPS = 1.5, 2.0
# A warm-up of epochs may be one of them shorter or longer, if at least this share of it is there.
_COUNTED = 0.4
# ultralytics warms up for this many iterations at least.
_ULTRALYTICS = 100.0
# Of a warm-up's points, those up to this share must lie well below the peak.
_INSIDE = 0.8


@dataclass(frozen=True, slots=True)
class WarmupIntent:
    """Needs a configured length that can be converted to the log's x axis.

    Any of several configured lengths will do, and a run that has not come to the end of its
    warm-up is judged only where it is at its peak already.
    """

    name: ClassVar[str] = "warmup_intent"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"observed", "planned_warmup", "ratio", "configured", "points"}
    )

    tolerance: float
    grave: float
    points: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding, for the main param group."""
        planned, group = planned_warmups(case), main_group(case)
        if not planned or group is None or case.intent.scheduler in _OWN_RISE:
            return
        lengths = [p for p in planned if p.length is not None]
        if not lengths:
            yield Unjudged(
                f"{planned[0].text} is configured, but the log does not say how many "
                f"{x_units(case)} that is; give total_steps or steps_per_epoch"
            )
            return
        observed = self._observed(case, group, lengths)
        if observed is None or any(self._same(case, group, observed, p) for p in lengths):
            return
        yield self._evidence(case, group, lengths[0], observed)

    def _observed(self, case: Case, group: ParamGroup, lengths: list[Planned]) -> float | None:
        """Where the warm-up ends; None where the log cannot contradict the configuration."""
        lr, longest = group.lr.finite(), max(p.length or 0.0 for p in lengths)
        inside = lr.between(-np.inf, _INSIDE * longest)
        if len(inside) < self.points or lr.step[0] > 0.5 * longest:
            return None
        observed = observed_warmup(group)
        if observed is None:
            rising_on = float(lr.step[-1]) > (1 + self.tolerance) * longest + 2 * typical_gap(lr)
            return float(lr.step[-1]) if rising_on else None
        return observed

    def _same(self, case: Case, group: ParamGroup, observed: float, planned: Planned) -> bool:
        meant = planned.length or 0.0
        slack = max(self.tolerance * meant, _GAPS * typical_gap(group.lr), _STEPS)
        if planned.unit == "epochs" and observed >= _COUNTED * meant:
            # Some count the first epoch, others the epochs between the first and the last LR.
            slack = max(slack, 1.05 * (steps_per_epoch(case) or 1.0))
        least = _ULTRALYTICS if "lrf" in case.intent.arguments else 0.0
        return abs(observed - meant) <= slack or meant < observed <= least + slack

    def _evidence(
        self, case: Case, group: ParamGroup, planned: Planned, observed: float
    ) -> Evidence:
        meant, units = planned.length or 0.0, x_units(case)
        facts = {
            "observed": Quantity(observed, units),
            "planned_warmup": Quantity(meant, units),
            "configured": Quantity(planned.count, planned.unit if planned.unit != "ratio" else ""),
        }
        severity = None
        if observed <= 0:
            at_peak = len(group.lr.finite().between(-np.inf, meant))
            facts["points"] = Quantity(float(at_peak), "")
            text = (
                f"{planned.text} asks for {length_text(case, meant)}, but the LR is at its peak "
                f"from the first of the {number_text(at_peak)} values logged in that time"
            )
            if case.intent.scheduler == "constant":
                severity = Severity.INFO
                text += (
                    '; a schedule called "constant" has no warm-up, "constant_with_warmup" has one'
                )
        else:
            ratio = observed / meant
            facts["ratio"] = Quantity(ratio, "")
            text = (
                f"{planned.text} asks for {length_text(case, meant)}, the LR rises for "
                f"{length_text(case, round(observed))}"
            )
            reason = _reason(case, planned, observed)
            text += f": {reason}" if reason else ""
            severity = None if max(ratio, 1 / ratio) >= self.grave else Severity.INFO
        return Evidence(
            start=int(group.lr.step[0]),
            stop=int(max(observed, meant)) + 1,
            tags=(group.lr.tag,),
            measured=facts,
            param_group=group.name,
            detail=text,
            revision="a setting of the warm-up in force that the configuration does not show",
            severity=severity,
            confidence=Confidence.HIGH if planned.unit == "steps" else None,
        )


def _reason(case: Case, planned: Planned, observed: float) -> str:
    per_epoch = steps_per_epoch(case)
    if per_epoch and per_epoch > _STEPS:
        if planned.unit == "epochs" and abs(observed - planned.count) <= _STEPS:
            return "the number of epochs is used as a number of steps"
        stretched = observed / (planned.length or 1.0)
        if abs(stretched / per_epoch - 1) < 0.1:
            return "the warm-up is advanced once an epoch instead of once a step"
    found = explain_ratio(observed, planned.length or 0.0, case.intent)
    return found[0].text if found else ""
