"""A log that holds a sample of the points that were logged, not all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import typical_gap, x_units
from lrdoctor.types import Case, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement

# How many points each tool leaves of a longer series.
_KEPT = {
    500: "W&B's `run.history()` returns 500 rows by default; `run.scan_history()` returns all",
    1000: "TensorBoard's page downloads 1,000 points of a series; its event file has all",
    10_000: "TensorBoard's EventAccumulator keeps 10,000 scalars unless its size_guidance says "
    "otherwise; the event file has all",
}
# A script has one interval, another at the start or at epoch ends, and a last point.
_KINDS = 4


@dataclass(frozen=True, slots=True)
class SampledLog:
    """The tell-tale is a round number of points with gaps that differ and share one divisor."""

    name: ClassVar[str] = "sampled_log"
    requires: ClassVar[frozenset[Role]] = frozenset()
    measures: ClassVar[frozenset[str]] = frozenset({"points", "gap", "largest_gap", "uneven"})

    uneven_share: float
    gap_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the first series that was sampled, LRs and losses alike."""
        series = [g.lr for g in case.param_groups]
        series += [s for r, s in case.signals.items() if r is not Role.EPOCH]
        for one in series:
            if len(one) in _KEPT and (found := self._sampled(case, one)) is not None:
                yield found
                return

    def _sampled(self, case: Case, series: Series) -> Evidence | None:
        gaps = np.diff(series.step)
        typical = typical_gap(series)
        uneven = float(np.mean(gaps != np.median(gaps)))
        if uneven < self.uneven_share or gaps.max() < self.gap_ratio * max(typical, 1.0):
            return None
        # A script's own intervals are few (each step, then each epoch); chance makes many.
        if len(np.unique(gaps)) < _KINDS:
            return None
        units = x_units(case)
        return Evidence(
            start=int(series.step[0]),
            stop=int(series.step[-1]) + 1,
            tags=(series.tag,),
            measured={
                "points": Quantity(float(len(series)), "points"),
                "gap": Quantity(typical, units),
                "largest_gap": Quantity(float(gaps.max()), units),
                "uneven": Quantity(100 * uneven, "%"),
            },
            detail=_KEPT[len(series)],
            revision="a log written by the training itself with the same gaps",
        )
