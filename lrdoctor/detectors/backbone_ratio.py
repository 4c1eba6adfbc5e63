"""A pretrained part that hardly trains beside the head, from the first step on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._finetuning import is_fine_tuning
from lrdoctor.detectors._groups import Member, configured, members, ratios
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement

# A group that starts within this share of the run is there from the start.
_AT_START = 0.05
_ROUNDING = 1 + 1e-6


@dataclass(frozen=True, slots=True)
class BackboneRatio:
    """Compares each group with the next larger one, so that layer-wise LRs pass at any depth.

    The ratio alone is a note: nothing in a log says how much the part had to learn. It is a warning
    where the configuration gives the group a larger LR than it trains at.
    """

    name: ClassVar[str] = "backbone_ratio"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr_own", "lr_reference", "times_smaller", "lr_meant", "times_missed"}
    )

    group_ratio: float
    missed_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per group that is far below the next."""
        if len(case.param_groups) < 2 or case.regime == "from_scratch":
            return
        found = [m for m in members(case) if m.lr.value.max() > 0]
        found.sort(key=lambda m: float(m.lr.value.max()))
        begin = case.first + _AT_START * (case.last - case.first)
        for low, high in pairwise(found):
            own, larger = float(low.lr.value.max()), float(high.lr.value.max())
            if own > self.group_ratio * larger * _ROUNDING or low.lr.step[0] > begin:
                continue
            if not (low.pretrained and high.new) and not is_fine_tuning(case):
                continue  # groups of other kinds (matrices, embeddings) have LRs of their own
            if not self._all_along(low, high):
                continue
            yield self._evidence(case, low, high, configured(case, tuple(found)).get(low.tag))

    def _all_along(self, low: Member, high: Member) -> bool:
        """Whether the ratio holds at most common steps, not only between the two peaks."""
        _, ratio = ratios(high.lr, low.lr)
        return bool(len(ratio)) and float(np.median(ratio)) * _ROUNDING >= 1 / self.group_ratio

    def _evidence(self, case: Case, low: Member, high: Member, meant: float | None) -> Evidence:
        own, larger = float(low.lr.value.max()), float(high.lr.value.max())
        missed = meant is not None and own < meant / self.missed_ratio
        measured = {
            "lr_own": Quantity(own, ""),
            "lr_reference": Quantity(larger, ""),
            "times_smaller": Quantity(larger / own, ""),
        }
        text = "ten times below is usual, a hundred times can be meant where little is to change"
        if missed and meant is not None:
            measured["lr_meant"] = Quantity(meant, "")
            measured["times_missed"] = Quantity(meant / own, "")
            text = (
                f"the configuration gives it {number_text(meant)}, {number_text(meant / own)} "
                "times as much: look for a factor that the script applies on top"
            )
        return Evidence(
            start=int(low.lr.step[0]),
            stop=case.last + 1,
            tags=(low.tag, high.tag),
            measured=measured,
            param_group=low.group.name,
            detail=text,
            revision="a training with the group at a tenth of the other's LR that ends no better",
            severity=Severity.WARNING if missed else None,
            confidence=Confidence.HIGH if missed else None,
        )
