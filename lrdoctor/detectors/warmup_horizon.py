"""A decay whose length counts the warm-up that comes before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import percent, planned_length, typical_gap, x_units
from lrdoctor.detectors._decays import decay_of
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement


@dataclass(frozen=True, slots=True)
class WarmupHorizon:
    """The length of the decay alone is the planned length of the whole run, warm-up and all."""

    name: ClassVar[str] = "warmup_horizon"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"horizon", "planned", "warmup", "warmup_share", "lr_share"}
    )

    least_warmup: float
    tolerance: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: all param groups share one scheduler."""
        decay, planned = decay_of(case), planned_length(case)
        if decay is None or planned is None or decay.unsure or decay.name == "wsd":
            return
        lr = decay.group.lr.finite()
        span, least = decay.end - decay.begin, self.least_warmup * planned
        # A warm-up that is no longer than a few points is not known well enough to be missed.
        if decay.warmup < max(least, 3 * typical_gap(lr)) or float(lr.step[-1]) <= decay.begin:
            return
        if abs(span - planned) > self.tolerance * decay.warmup:
            return
        done = (planned - decay.warmup) / span
        left = (1 + np.cos(np.pi * done)) / 2 if decay.name == "cosine" else 1 - done
        share = (decay.floor + (decay.peak - decay.floor) * left) / decay.peak
        units = x_units(case)
        yield Evidence(
            start=int(decay.begin),
            stop=int(lr.step[-1]) + 1,
            tags=(decay.group.lr.tag,),
            measured={
                "horizon": Quantity(span, units),
                "planned": Quantity(planned, units),
                "warmup": Quantity(decay.warmup, units),
                "warmup_share": Quantity(100 * decay.warmup / planned, "%"),
                "lr_share": Quantity(100 * float(share), "%"),
            },
            param_group=decay.group.name,
            detail=(
                f"take the warm-up off, {number_text(planned - decay.warmup)}, and the decay ends "
                f"with the run; as it is, the last LR is {percent(100 * float(share))} of the peak"
            ),
            revision="a run that goes on for as long as its warm-up took",
            confidence=Confidence.HIGH,
        )
