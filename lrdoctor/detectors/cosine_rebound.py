"""A cosine that is over before the run and climbs again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.lr_moves import find_swings
from lrdoctor.detectors._context import (
    length_text,
    planned_length,
    real,
    steps_per_epoch,
    typical_gap,
    x_units,
)
from lrdoctor.detectors._decays import Decay, decay_of, half_cosines
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement

# Schedules that go down and up again on purpose.
_CYCLIC = frozenset({"cyclic", "cosine_restarts", "onecycle"})
# A length of this many epochs but for a twentieth of one was written in epochs.
_WHOLE = 0.05


@dataclass(frozen=True, slots=True)
class CosineRebound:
    """Compares the last LR with the floor at which the fitted cosine was over.

    A climb back to nine tenths of the way is another rule's matter (the schedule swings), as is a
    jump (a warm restart). Below ``costly_rise`` of the peak the climb is a note.
    """

    name: ClassVar[str] = "cosine_rebound"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"rise", "last_lr", "horizon", "over", "planned", "epochs", "warmup"}
    )

    least_rise: float
    costly_rise: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: all param groups share one scheduler."""
        if case.intent.scheduler in _CYCLIC or (half_cosines(case) or 1) > 1:
            return
        decay = decay_of(case)
        if decay is None or decay.clamped or case.last <= decay.end:
            return
        lr = decay.group.lr.finite()
        tail = lr.between(decay.end - typical_gap(lr), np.inf)
        rise = float(tail.value.max() - tail.value.min()) / decay.peak if len(tail) > 2 else 0.0
        if rise < self.least_rise or not np.all(np.diff(tail.value[1:]) >= 0):
            return
        if find_swings(lr.value) is not None:
            return  # down and up again: the schedule swings
        yield self._evidence(case, decay, rise)

    def _evidence(self, case: Case, decay: Decay, rise: float) -> Evidence:
        lr, units = decay.group.lr.finite(), x_units(case)
        over = float(lr.step[-1]) - decay.end
        measured = {
            "rise": Quantity(100 * rise, "%"),
            "last_lr": Quantity(float(lr.value[-1]), ""),
            "horizon": Quantity(decay.length, units),
            "over": Quantity(round(over, 1), units),
        }
        text, facts = _cause(case, decay, over)
        planned = planned_length(case)
        if planned is not None:
            measured["planned"] = Quantity(planned, units)
        return Evidence(
            start=int(decay.end),
            stop=int(lr.step[-1]) + 1,
            tags=(decay.group.lr.tag,),
            measured=measured | facts,
            param_group=decay.group.name,
            detail=text,
            revision="a configuration that asks for a cyclic schedule",
            severity=Severity.INFO if rise < self.costly_rise else None,
            confidence=None if case.intent.scheduler == "cosine" else Confidence.MEDIUM,
        )


def _cause(case: Case, decay: Decay, over: float) -> tuple[str, dict[str, Quantity]]:
    """Where the length of the cosine may come from."""
    per_epoch = steps_per_epoch(case)
    meant = real(case.intent.arguments.get("warmup_steps"))
    if meant and not decay.warmup and abs(over - meant) <= _WHOLE * meant:
        fact = {"warmup": Quantity(meant, x_units(case))}
        return (
            f"T_max leaves out a warm-up of {number_text(meant)} that this schedule does not have",
            fact,
        )
    text = (
        f"torch's and transformers' cosine do not stop at T_max; let it last the whole run, "
        f"{length_text(case, round(over, 1))} more"
    )
    epochs = decay.length / per_epoch if per_epoch else 0.0
    whole = round(epochs)
    if per_epoch and per_epoch > 1 and whole > 1 and abs(epochs - whole) <= _WHOLE:
        fact = {"epochs": Quantity(float(whole), "epochs")}
        return f"it was made for {whole} epochs: {text}", fact
    return text, {}
