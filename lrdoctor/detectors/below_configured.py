"""A run whose LR never comes near the one that its configuration gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import governing_groups, main_group, x_units
from lrdoctor.intent_names import number
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ParamGroup, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

_FEWEST = 8
# An LR this close to its largest has arrived there.
_NEAR_TOP = 0.99
# Where a log does not start before this share of its length, what came before is unknown.
_LATE = 0.1
# Two numbers that people hold to be the same.
_SAME = 0.05
# Batches that an LR is commonly quoted for, and scaled down from.
_REFERENCE_BATCHES = (256, 512)


@dataclass(frozen=True, slots=True)
class BelowConfigured:
    """Compares the largest LR of the log with the configured one.

    The peak must lie early in the log, so that a warm-up is over and what was logged is no tail.
    Configured LRs that are factors by design (1, or Noam's), and LRs that another setting gives
    as a number or as a multiplier, pass.
    """

    name: ClassVar[str] = "below_configured"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset({"lr", "configured", "ratio", "peak_at"})

    least_ratio: float
    peak_by: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding, of the whole log."""
        meant, group = case.intent.lr, main_group(case)
        if meant is None or meant == 1 or group is None or len(group.lr.finite()) < _FEWEST:
            return
        peak = max(float(g.lr.finite().value.max()) for g in governing_groups(case))
        if not peak > 0 or meant < self.least_ratio * peak or _is_factor(case):
            return
        lr, length = group.lr.finite(), case.last - case.first
        arrived = float(lr.step[int(np.argmax(lr.value >= _NEAR_TOP * lr.value.max()))])
        if case.first > _LATE * length or arrived > case.first + self.peak_by * length:
            return
        if not _given(case, meant, peak):
            yield _evidence(case, group, meant, peak, arrived)


def _is_factor(case: Case) -> bool:
    """Whether the schedule multiplies the configured number with more than a share of 1."""
    named = {s.named.name for g in case.param_groups for s in g.schedules if s.named is not None}
    return "inverse_sqrt" in {*named, case.intent.scheduler}


def _given(case: Case, meant: float, peak: float) -> bool:
    """Whether a setting explains ``peak``: as an LR, as a multiplier, or by the batch size."""
    batch = case.intent.batch_size
    scales = [] if batch is None else [batch / b for b in _REFERENCE_BATCHES]
    known = [v for raw in case.run.hparams.values() if (v := number(raw)) is not None]
    steps = {*known, *(meant * v for v in known), *(meant * s for s in scales)}
    return any(abs(value - peak) <= _SAME * peak for value in steps - {meant * meant})


def _evidence(case: Case, group: ParamGroup, meant: float, peak: float, arrived: float) -> Evidence:
    detail = "see what else multiplies it: a factor of the scheduler, a group's own multiplier"
    if abs(peak / (meant * meant) - 1) <= _SAME:
        detail = "it is its square: LambdaLR wants a factor, and was given the LR itself"
    elif case.intent.scheduler == "reduce_on_plateau":
        detail = "ReduceLROnPlateau may have cut it before the log begins: is it stepped per batch?"
    return Evidence(
        start=case.first,
        stop=case.last + 1,
        tags=(group.lr.tag,),
        measured={
            "lr": Quantity(peak, ""),
            "configured": Quantity(meant, ""),
            "ratio": Quantity(meant / peak, ""),
            "peak_at": Quantity(arrived, x_units(case)),
        },
        param_group=group.name,
        detail=f"{detail}; the configuration has no other setting that gives {number_text(peak)}",
        revision="a setting or a line of the script that scales the LR on purpose",
    )
