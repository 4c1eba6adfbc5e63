"""A run that ends before its decay does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import length_text, planned_length, typical_gap, x_units
from lrdoctor.detectors._decays import Decay, decay_of, half_cosines
from lrdoctor.horizon import explain_ratio
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement

# How the clock notes that a trainer wrote its end into the log.
_ENDED = re.compile(r"by itself|logged its end")
_STOPPER = re.compile(r"early_?stop", re.IGNORECASE)
# A straight line does not say where it was meant to end.
_OPEN = ("linear", "polynomial")
_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class ScheduleCut:
    """Compares the last LR with the floor that the fitted decay was on its way to.

    Only a run that is known to have reached its planned length is at fault. Of others the log says
    no more than that they stopped, and it says so where nothing speaks for a run in progress.
    """

    name: ClassVar[str] = "schedule_cut"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr_share", "left", "horizon", "covered", "planned", "factor"}
    )

    least_left: float
    costly_left: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: all param groups share one scheduler."""
        decay = decay_of(case)
        if decay is None or decay.unsure or decay.name == "wsd":
            return
        if (half_cosines(case) or 1) < 1:
            return  # a part of a cosine is asked for
        lr = decay.group.lr.finite()
        last = float(lr.value[-1])
        if float(lr.step[-1]) < decay.begin or decay.peak <= decay.floor:
            return  # still in its warm-up, or no decay
        left = (last - decay.floor) / (decay.peak - decay.floor)
        counted = typical_gap(lr) if lr.step[0] == 0 else 0.0
        covered = (float(case.last) - max(decay.origin, 0.0) + counted) / decay.length
        if min(left, last / decay.peak) < self.least_left or covered >= 1:
            return
        if case.finished is not True and not _is_over(case):
            return
        yield self._evidence(case, decay, left, covered)

    def _evidence(self, case: Case, decay: Decay, left: float, covered: float) -> Evidence:
        lr, units = decay.group.lr.finite(), x_units(case)
        planned = planned_length(case)
        measured = {
            "lr_share": Quantity(100 * float(lr.value[-1]) / decay.peak, "%"),
            "left": Quantity(100 * left, "%"),
            "horizon": Quantity(decay.length, units),
            "covered": Quantity(100 * covered, "%"),
        }
        known, severity = False, Severity.INFO
        is_open = decay.name in _OPEN and decay.floor == 0
        text = "the run stopped before its decay, unless it is still running"
        if case.finished is True and planned is not None:
            measured["planned"] = Quantity(planned, units)
            text, known = _reason(case, decay, planned)
            if known:
                measured["factor"] = Quantity(float(round(decay.length / planned)), "")
            if left >= self.costly_left and (known or not is_open):
                severity = Severity.WARNING
        if is_open and not known:
            text += "; a straight line may also have been meant to end there"
        return Evidence(
            start=int(decay.begin),
            stop=int(lr.step[-1]) + 1,
            tags=(decay.group.lr.tag,),
            measured=measured,
            param_group=decay.group.name,
            detail=text,
            revision="the rest of the log, or a configuration that asks for such an end",
            severity=severity,
            confidence=Confidence.HIGH if severity is Severity.WARNING else None,
        )


def _reason(case: Case, decay: Decay, planned: float) -> tuple[str, bool]:
    """Why the decay is longer than the planned run, and whether the configuration explains it."""
    text = f"the decay was made for {length_text(case, decay.length)}, the run for"
    text = f"{text} {number_text(planned)}"
    times = decay.length / planned
    whole = round(times)
    factors = {case.intent.accumulation or 1, case.intent.devices or 1}
    factors.add((case.intent.accumulation or 1) * (case.intent.devices or 1))
    if whole > 1 and whole in factors and abs(times / whole - 1) <= _TOLERANCE:
        for cause in explain_ratio(float(whole), 1.0, case.intent):
            return f"{text}: {cause.text}", True
    return text, False


def _is_over(case: Case) -> bool:
    """Whether something says that a run short of its plan, or without one, came to its end.

    Without a plan the log itself is all there is; with one, the trainer's last line or early
    stopping in the configuration.
    """
    if case.finished is None:
        return True
    if any(n.kind == "finished" and _ENDED.search(n.message) for n in case.run.notes):
        return True
    return any(_STOPPER.search(key) and value for key, value in case.run.hparams.items())
