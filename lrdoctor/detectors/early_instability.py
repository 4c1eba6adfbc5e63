"""A loss that first rises and needs a good part of the run to come back, at full LR from step 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.changepoint import recovery
from lrdoctor.curves.noise import autocorrelation_time, point_sigma
from lrdoctor.detectors._context import (
    is_reinforcement_learning,
    length_known,
    length_text,
    main_group,
    percent,
    planned_length,
    steps_per_epoch,
    typical_gap,
    x_units,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, ParamGroup, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement

# An LR that starts at this share of its early maximum has no warm-up; logs round.
_AT_PEAK = 0.9
# "Early" and "from the start", as shares of the log.
_EARLY = 0.2
_START = 0.01
# A log that begins later than this share of its last step is the continuation of another.
_CONTINUED = 0.05
# Points that a level is averaged over: five outlast a spike, fifty are enough for any noise.
_LEAST, _MOST, _SHARE = 5, 50, 0.01
# The last part of the log, whose level is what the run came to: a tenth.
_TAIL = 10


@dataclass(frozen=True, slots=True)
class EarlyInstability:
    """Never on the LR alone: without warm-up most trainings are sound.

    The running mean of the loss must leave the first value upwards by more than ``sigmas`` standard
    errors within the first tenth of the early part, and come back later; what does not come back is
    a divergence and another matter. A rise of less than ``min_share`` of the run is a note: a
    warm-up would have taken as long. So is one of a run of unknown length that still trains.
    """

    name: ClassVar[str] = "early_instability"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR, Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"first_loss", "top_loss", "noise", "sigmas", "lasts", "share", "lr", "last_loss"}
    )

    sigmas: float
    min_share: float
    note_share: float
    least_points: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the rise from the first loss on."""
        group, logged = main_group(case), case.signals.get(Role.TRAIN_LOSS)
        if group is None or logged is None or is_reinforcement_learning(case):
            return
        loss = logged.finite()
        if len(loss) < self.least_points:
            return
        if not _full_from_the_start(case, group):
            return
        per_epoch = steps_per_epoch(case)
        if per_epoch is not None and typical_gap(loss) >= per_epoch:
            return  # the mean of an epoch hides its first steps
        length = float(case.last - case.first)
        if case.first > _CONTINUED * case.last or loss.step[0] - case.first > _START * length:
            return
        width = int(np.clip(_SHARE * len(loss), _LEAST, _MOST))
        level = _running_mean(loss.value[1:], width)
        early = level[: max(width, int(_EARLY * len(level)))]
        error = _error(loss.value, width)
        first = float(loss.value[0])
        high = np.flatnonzero(early > first + self.sigmas * error)
        if not len(high) or high[0] > max(width, 0.1 * len(early)):
            return
        back = recovery(loss.value[1:], int(high[0]), first, points=width)
        if back is None:
            return
        stop = int(loss.step[min(1 + int(high[0]) + back + width // 2, len(loss) - 1)])
        planned = max(planned_length(case) or 0.0, length)
        share = (stop - int(loss.step[0])) / planned
        if share >= self.note_share:
            yield self._evidence(case, group, loss, stop, share, float(early.max()), error)

    def _evidence(
        self,
        case: Case,
        group: ParamGroup,
        loss: Series,
        stop: int,
        share: float,
        top: float,
        error: float,
    ) -> Evidence:
        begin, first = int(loss.step[0]), float(loss.value[0])
        detail = (
            f"it takes {length_text(case, stop - begin)}, {percent(100 * share)} of the run, "
            "to get back to where it began"
        )
        # A dip may be back at the first value while the run as a whole is not.
        last = float(np.median(loss.value[-max(len(loss) // _TAIL, _LEAST) :]))
        if last >= first:
            detail += (
                f", and it ends no lower, at {number_text(last)}: the LR is too high "
                "throughout, and a warm-up alone may not be enough"
            )
        return Evidence(
            start=begin,
            stop=stop + 1,
            tags=(loss.tag, group.lr.tag),
            measured={
                "first_loss": Quantity(first, ""),
                "top_loss": Quantity(top, ""),
                "noise": Quantity(error, ""),
                "sigmas": Quantity(min((top - first) / error, 1e3) if error > 0 else 1e3, ""),
                "lasts": Quantity(float(stop - begin), x_units(case)),
                "share": Quantity(100 * share, "%"),
                "lr": Quantity(float(group.lr.finite().value[0]), ""),
                "last_loss": Quantity(last, ""),
            },
            param_group=group.name,
            detail=detail,
            revision="a rise that was meant, as of a loss with a growing weight or harder data",
            severity=None if share >= self.min_share and length_known(case) else Severity.INFO,
        )


def _full_from_the_start(case: Case, group: ParamGroup) -> bool:
    lr = group.lr.finite()
    length = float(case.last - case.first)
    if lr.step[0] - case.first > _START * length or not length > 0:
        return False
    early = lr.between(-np.inf, case.first + _EARLY * length).value
    return bool(early[0] > 0) and bool(early[0] >= _AT_PEAK * early.max())


def _running_mean(value: Array, width: int) -> Array:
    total = np.concatenate([[0.0], np.cumsum(value)])
    return np.asarray((total[width:] - total[:-width]) / width)


def _error(value: Array, width: int) -> float:
    """Standard error of a mean of ``width`` points less the first value, in the early part.

    Slow wander and heavy tails count in full, as the second half shows them about its own trend;
    the early part, where noise is larger, adds what differs from point to point.
    """
    calm = value[len(value) // 2 :]
    at = np.linspace(-1.0, 1.0, len(calm))
    residual = calm - np.polyval(np.polyfit(at, calm, 2), at)
    tau = autocorrelation_time(residual)
    early = value[: max(int(_EARLY * len(value)), 8 * width)]
    wander = float(np.std(residual)) * np.sqrt(1.0 + min(tau / width, 1.0))
    return float(max(wander, point_sigma(early) * np.sqrt(1.0 + 1.0 / width)))
