"""A decay that ends high: the loss fell with the LR, and what noise is left would go with more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.noise import point_sigma
from lrdoctor.curves.plateau import fit_trend
from lrdoctor.detectors._context import (
    governing_groups,
    is_reinforcement_learning,
    main_group,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ParamGroup, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# They come down for a moment, or when something else tells them to.
_OTHER = frozenset({"cyclic", "cosine_restarts", "reduce_on_plateau"})
# An LR that never fell by this share was not decayed.
_DECAYED = 0.9
# Above a round ratio by rounding.
_ROUND = 1.02
# A cosine whose end is this near to that of the run, as a share of it, is over.
_OVER = 0.03


@dataclass(frozen=True, slots=True)
class FinalLr:
    """Three signs: the last LR over the peak, a loss that fell in the decay, and validation losses
    that still scatter from one evaluation to the next by more than training moves in between.

    The validation set does not change, so that scatter is the wandering of the weights.
    """

    name: ClassVar[str] = "final_lr"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR, Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"final_share", "lr", "decay_fall", "scatter", "wander"}
    )

    high_ratio: float
    note_ratio: float
    fall_share: float
    min_evaluations: float
    wander_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding per run."""
        group = main_group(case)
        if group is None or not case.has(Role.TRAIN_LOSS) or is_reinforcement_learning(case):
            return
        share = min(_final_share(g) for g in governing_groups(case))
        if not self.note_ratio * _ROUND < share < _DECAYED or not _decays(case, group):
            return
        if case.finished is not True and not _is_over(case, group):
            return
        peak_at = float(group.lr.finite().step[int(np.argmax(group.lr.finite().value))])
        decay = fit_trend(case.signals[Role.TRAIN_LOSS].between(peak_at, np.inf))
        late = fit_trend(case.signals[Role.TRAIN_LOSS].between(_middle(case), np.inf))
        if decay is None or late is None or not late.level > 0:
            return
        if not ((decay.falling or decay.descends) and decay.fall > self.fall_share * decay.level):
            return
        scatter = self._scatter(case)
        if scatter is None:
            yield Unjudged(
                "the LR ends high, and too few validation losses are logged to see whether the "
                "weights still wander there"
            )
            return
        value, evaluations = scatter
        # A fall that is lost in the noise of the log counts as half of its standard error.
        moved = max(late.fall, (late.fall_high - late.fall) / 4) / late.level
        wander = value * evaluations / moved if moved > 0 else np.inf
        if not wander >= self.wander_ratio:
            return
        lr = group.lr.finite()
        yield Evidence(
            start=int(lr.step[-1] - (lr.step[-1] - peak_at) / 4),
            stop=int(lr.step[-1]) + 1,
            tags=(group.lr.tag, case.signals[Role.VAL_LOSS].tag),
            measured={
                "final_share": Quantity(100 * share, "%"),
                "lr": Quantity(float(lr.value[-1]), ""),
                "decay_fall": Quantity(100 * decay.fall / (decay.level + decay.fall), "%"),
                "scatter": Quantity(100 * value, "%"),
                "wander": Quantity(wander, ""),
            },
            param_group=group.name,
            detail=(
                f"at its end the validation loss scatters {number_text(wander, digits=2)} times as "
                "far from one evaluation to the next as training moves in between, which is the "
                "noise of this LR"
            ),
            revision="a longer log in which the LR goes on falling, or a replay where a lower end "
            "gains nothing",
            severity=None if share > self.high_ratio * _ROUND else Severity.INFO,
        )

    def _scatter(self, case: Case) -> tuple[float, float] | None:
        """Relative scatter of the last half of the validation losses at the final LR's side, and
        how many evaluations the second half of the run has."""
        if not case.has(Role.VAL_LOSS):
            return None
        val = case.signals[Role.VAL_LOSS].finite()
        late = val.between(_middle(case), np.inf)
        last: Series = late.between(float(late.step[len(late) // 2]), np.inf) if len(late) else late
        if len(last) < self.min_evaluations or not np.median(last.value) > 0:
            return None
        return point_sigma(last.value) / float(np.median(last.value)), float(len(late))


def _middle(case: Case) -> float:
    return (case.first + case.last) / 2


def _final_share(group: ParamGroup) -> float:
    """The LR at the end over its peak; a sparse log's last value still falls by a step after it."""
    lr = group.lr.finite().value
    end = float(lr[-1] - max(lr[-2] - lr[-1], 0.0))
    return max(end, 0.0) / float(lr.max()) if lr.max() > 0 else 0.0


def _decays(case: Case, group: ParamGroup) -> bool:
    """Whether the LR has its peak in the first half and its lowest value since then at the end."""
    lr = group.lr.finite()
    names = {s.named.name for s in group.schedules if s.named is not None}
    if names & _OTHER or case.intent.scheduler in _OTHER:
        return False
    top = int(np.argmax(lr.value))
    falls = bool(lr.value[-1] <= lr.value[top:].min() * _ROUND)
    return falls and float(lr.step[top]) <= _middle(case)


def _is_over(case: Case, group: ParamGroup) -> bool:
    """Whether a cosine came to its own end with the run, as it does only by plan."""
    schedule = group.schedules[-1] if len(group.schedules) == 1 else None
    named = None if schedule is None else schedule.named
    if case.finished is False or schedule is None or named is None or named.name != "cosine":
        return False
    parameters = named.parameters()
    length = parameters.get("T_max")
    warmup = 0 if parameters.get("warmup_overlap") else parameters.get("warmup") or 0
    if not isinstance(length, int | float) or not isinstance(warmup, int | float):
        return False
    end = schedule.origin + warmup + length
    return abs(end - (case.last + 1)) <= _OVER * (case.last - case.first)
