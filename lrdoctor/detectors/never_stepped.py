"""A configured schedule and an LR that never moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._configured import configured, family, switched_off
from lrdoctor.detectors._context import (
    epochs_run,
    governing_groups,
    percent,
    planned_length,
    real,
    steps_per_epoch,
    typical_gap,
)
from lrdoctor.detectors._decays import leading_group
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement

# Schedules that move from their first step on, and those whose form the numbers give.
_AT_ONCE = frozenset(
    {"cosine", "cosine_restarts", "linear", "polynomial", "onecycle", "cyclic", "inverse_sqrt"}
)
# A first LR below this share of the configured one has been changed already.
_AS_MEANT = 0.98
_BY_NUMBERS = frozenset({"step", "multistep", "exponential"})
_NAMES = {
    "onecycle": "OneCycleLR", "cosine": "a cosine", "cosine_restarts": "a cosine with restarts",
    "linear": "a linear schedule", "polynomial": "a polynomial decay", "cyclic": "CyclicLR",
    "step": "StepLR", "multistep": "MultiStepLR", "exponential": "ExponentialLR",
    "wsd": "a warm-up-stable-decay schedule", "inverse_sqrt": "an inverse square root",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NeverStepped:
    """Waits until the configured schedule must have moved, in whichever unit it counts.

    The LR must be the same to the last bit in every governing group; schedules that follow a
    plateau, or are constant, have their own rules.
    """

    name: ClassVar[str] = "never_stepped"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr", "values", "expected", "at", "max_lr", "share"}
    )

    seen_share: float
    least_move: float
    least_epochs: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: no group moves."""
        name, group = family(case.intent), leading_group(case)
        if name is None or group is None or name not in _NAMES or switched_off(case):
            return
        curves = [g.lr.finite() for g in governing_groups(case)]
        if any(np.ptp(lr.value) > 0 for lr in curves) or len(group.lr.finite()) < 4:
            return
        lr = group.lr.finite()
        level = float(lr.value[0])
        due = self._due(case, name, lr)
        if due is None:
            return
        measured = {
            "lr": Quantity(level, ""),
            "values": Quantity(float(len(lr)), ""),
        }
        text, facts = due
        reasons = [f"{_NAMES[name]} is configured: {text}"]
        top = real(case.intent.arguments.get("max_lr"))
        if name == "onecycle" and top and level < 0.5 * top:
            facts["max_lr"] = Quantity(top, "")
            reasons.append(
                f"the LR stands at the start of the cycle, {percent(100 * level / top)} of max_lr"
            )
            facts["share"] = Quantity(100 * level / top, "%")
        reasons.append(
            "look for a missing scheduler.step(), or one behind a condition that is never met; or "
            "what is logged is a setting, not the optimizer's LR"
        )
        yield Evidence(
            start=int(lr.step[0]),
            stop=int(lr.step[-1]) + 1,
            tags=(group.lr.tag,),
            measured=measured | facts,
            param_group=group.name,
            detail="; ".join(reasons),
            revision="an LR read from the optimizer at every step",
            confidence=Confidence.HIGH if case.finished else None,
        )

    def _due(self, case: Case, name: str, lr: Series) -> tuple[str, dict[str, Quantity]] | None:
        """Where the schedule must have moved by now; None where it may still be to come."""
        planned, epochs = planned_length(case), epochs_run(case)
        if name in _BY_NUMBERS:
            return self._by_numbers(case, lr)
        if planned is not None:
            seen = (float(lr.step[-1] - lr.step[0]) + typical_gap(lr)) / planned
            # The stable phase of a warm-up-stable-decay run is constant until its last part.
            needed = self.seen_share if name in _AT_ONCE else 0.99
            if seen < needed:
                return None
            share = Quantity(100 * min(seen, 1.0), "%")
            text = f"it ought to have moved, with {percent(share.value)} of the run done"
            return text, {"share": share}
        if name not in _AT_ONCE or epochs is None or epochs < self.least_epochs:
            return None
        return f"it ought to have moved, with {number_text(round(epochs))} epochs done", {
            "at": Quantity(float(round(epochs)), "epochs")
        }

    def _by_numbers(self, case: Case, lr: Series) -> tuple[str, dict[str, Quantity]] | None:
        """The configured numbers count epochs or steps: both must have come, and a value been
        logged after them. The epoch that ends at a milestone still trains at the LR before it."""
        per_epoch = steps_per_epoch(case)
        plan = configured(case.intent, 1.0, None)
        if plan is None or not per_epoch:
            return None
        seen = float(lr.step[-1] - lr.step[0]) / per_epoch
        left = float(plan.named.lr(np.array([np.floor(seen)]))[0])
        if plan.number is None or abs(left - 1) < self.least_move:
            return None
        if case.intent.lr and float(lr.value[0]) < _AS_MEANT * case.intent.lr:
            return None  # drops that came before the first logged point
        label = {"milestones": "the first milestone"}.get(plan.label, plan.label)
        return (
            f"with {label} = {number_text(plan.number)} the LR ought to have come to "
            f"{percent(100 * left)} of its first value",
            {"expected": Quantity(100 * left, "%"), "at": Quantity(plan.number, "")},
        )
