"""An LR that stays at its peak to the end of a long run, where only its noise is left to lower."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.plateau import Trend, fit_trend
from lrdoctor.curves.smooth import bin_means
from lrdoctor.detectors._context import (
    epochs_run,
    governing_groups,
    is_reinforcement_learning,
    loss_of,
    main_group,
    percent,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ClockUnit, ParamGroup, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# A configuration that names any other schedule has its own fault if the LR never moved.
_CONSTANT = (None, "constant")
# Groups of points from which the first level of the loss is taken: the first of 20.
_LEVELS = 20
# Rounding of logs, as a share of the LR.
_STANDS = 0.01


@dataclass(frozen=True, slots=True)
class LateConstant:
    """The second half of the run decides: what it still brought, and how far the weights wander.

    A validation set is the same at every evaluation, so what its loss scatters from one to the next
    is the wandering of the weights, which grows with the LR. Where that is several times what an
    evaluation's worth of training still brings, a decay has something to gain. A training loss that
    still falls is no objection where the validation loss stands: a note, or a fault if the swings
    of single evaluations are as large as a gain that counts.
    """

    name: ClassVar[str] = "late_constant"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"epochs", "lr", "late_fall", "late_fall_high", "wander", "scatter"}
    )

    min_epochs: float
    long_epochs: float
    min_points: float
    constant_share: float
    late_share: float
    hidden_share: float
    wander_ratio: float
    wide_share: float
    progress_share: float
    solved_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding per run."""
        group, epochs = main_group(case), _epochs(case)
        if group is None or case.finished is False or case.intent.scheduler not in _CONSTANT:
            return
        if epochs is None or round(epochs) < self.min_epochs or is_reinforcement_learning(case):
            return
        if not all(self._stands(g, case) for g in governing_groups(case)):
            return
        loss = loss_of(case)
        if loss is None:
            yield Unjudged("the LR never moves; a loss would show if a decay could gain anything")
            return
        late = self._late(loss)
        if late is None:
            return
        val = case.signals[Role.VAL_LOSS].finite() if case.has(Role.VAL_LOSS) else None
        half = self._late(val) if val is not None and len(val) >= 2 else None
        if not self._used_up(loss, late):
            # What still falls is learnt by heart, as far as the validation loss shows.
            if val is None or half is None or not self._used_up(val, half) or half.fall_high < 0:
                return
            loss, late = val, half
        wander = _wander(half, late)
        if wander is None or wander >= self.wander_ratio:
            yield self._evidence(case, group, loss, late, (half, wander), epochs)

    def _stands(self, group: ParamGroup, case: Case) -> bool:
        """Whether the group keeps its largest LR from an early step to the end."""
        lr = group.lr.finite()
        high = lr.value >= (1 - _STANDS) * lr.value.max()
        if not lr.value.max() > 0 or not high[-1]:
            return False
        below = np.flatnonzero(~high)
        begin = int(lr.step[below[-1] + 1]) if len(below) else int(lr.step[0])
        return case.last - begin >= self.constant_share * (case.last - case.first)

    def _late(self, loss: Series) -> Trend | None:
        """The trend of the second half; None where too little was logged to bound it."""
        half = loss.between((float(loss.step[0]) + float(loss.step[-1])) / 2, np.inf)
        return fit_trend(half) if len(half) >= self.min_points else None

    def _used_up(self, loss: Series, late: Trend) -> bool:
        """Whether the loss fell at first, and the second half brought little of it, surely."""
        first = float(bin_means(loss.step, loss.value, _LEVELS)[1][0])
        if not late.level > max(0.0, self.solved_ratio * first):
            return False
        if first - late.level <= self.progress_share * late.level:
            return False
        if not late.fall <= self.late_share * late.level:
            return False
        return 0 < late.fall_high <= self.hidden_share * late.level

    def _evidence(
        self,
        case: Case,
        group: ParamGroup,
        loss: Series,
        late: Trend,
        seen: tuple[Trend | None, float | None],
        epochs: float,
    ) -> Evidence:
        measured = {
            "epochs": Quantity(round(epochs), "epochs"),
            "lr": Quantity(float(group.lr.finite().value.max()), ""),
            "late_fall": Quantity(100 * late.fall / late.level, "%"),
            "late_fall_high": Quantity(100 * late.fall_high / late.level, "%"),
        }
        half, wander = seen
        logged = loss_of(case)
        by_val = logged is not None and logged.tag != loss.tag
        detail = f"its second half {_brought(late, by_val)}"
        if wander is None:
            detail += "; without a validation loss nothing shows how much of it is this LR's noise"
        else:
            measured["wander"] = Quantity(wander, "")
            detail += (
                f", and the validation loss scatters {number_text(wander, digits=2)} times as far "
                "from one evaluation to the next as training still moves in between, which is the "
                "noise of this LR"
            )
        meant = case.intent.scheduler == "constant" or case.regime == "fine_tuning"
        sure = wander is not None and not meant and round(epochs) >= self.long_epochs
        if half is not None and half.level > 0:
            measured["scatter"] = Quantity(100 * half.sigma / half.level, "%")
            sure = sure and (not by_val or half.sigma >= self.wide_share * half.level)
        return Evidence(
            start=int(loss.step[-1] - late.length),
            stop=int(loss.step[-1]) + 1,
            tags=(loss.tag, group.lr.tag),
            measured=measured,
            param_group=group.name,
            detail=detail,
            revision="a log whose run goes on and lowers the LR, or a replay where a decay gains "
            "nothing",
            severity=None if sure else Severity.INFO,
        )


def _wander(half: Trend | None, late: Trend) -> float | None:
    """Scatter of the validation loss over what one evaluation's worth of training brings, both as
    shares of their loss; None without enough evaluations in ``half``."""
    if half is None or not half.level > 0:
        return None
    # A late fall that is not above its error counts as that error.
    bound = max(late.fall, (late.fall_high - late.fall) / 2) / late.level / half.points
    return half.sigma / half.level / bound if bound > 0 else None


def _brought(late: Trend, by_val: bool) -> str:
    loss = "validation loss" if by_val else "loss"
    text = f"did not lower the {loss}"
    if late.fall > 0:
        text = f"lowered the {loss} by {percent(100 * late.fall / late.level)} only"
    return f"{text}, while the training loss still falls" if by_val else text


def _epochs(case: Case) -> float | None:
    """Epochs the log covers; on an axis of epochs the first and the last both count."""
    covered = epochs_run(case)
    return covered if covered is None or case.clock.unit is not ClockUnit.EPOCH else covered + 1
