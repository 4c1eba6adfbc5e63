"""A training loss that gives back what it had won and does not come down again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lrdoctor.curves.changepoint import normal_equivalent
from lrdoctor.detectors._context import governing_groups, is_reinforcement_learning, main_group
from lrdoctor.detectors._loss_events import (
    FREEDOM,
    LOCAL,
    Outline,
    find_rises,
    lr_returns,
    outline,
    training_loss,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement

# Share of the log, and of groups, whose lowest level must still be high.
_TAIL, _FEWEST_TAIL = 20, 3
# The LR is at its peak within this share of it.
_AT_PEAK = 0.9


@dataclass(frozen=True, slots=True)
class LossDivergence:
    """Compares the level at the end of the log with the best before it.

    The rise must undo a large part of the progress, stand out of the scatter, and last to the end.
    A loss that rises because the LR came back up (a warm restart) passes, and so does one whose
    validation loss goes on to new bests: there the training loss itself was changed.
    A best level inside a warm-up is short and noisy: a rise without a way back, which weighs all
    that came after it, is then as good a proof as the lowest group of the end.
    """

    name: ClassVar[str] = "loss_divergence"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"best", "best_at", "level", "first_level", "given_back", "sigmas", "lr", "val_rise"}
        | {"norm_ratio"}
    )

    given_back: float
    rise_ratio: float
    stay_share: float
    rise_sigma: float
    norm_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the last departure from the best level."""
        series = training_loss(case)
        sketch = None if series is None else outline(series)
        if series is None or sketch is None:
            return
        tail = max(_FEWEST_TAIL, len(sketch.level) // _TAIL)
        calm = np.median(sliding_window_view(sketch.level, 3), axis=1)
        low = int(np.argmin(calm[:-tail]))
        best, level = float(calm[low]), float(np.median(sketch.level[-tail:]))
        rise, first = level - best, sketch.first()
        least = max(self.rise_ratio * abs(best), self.given_back * (first - best))
        if rise < least or float(np.min(sketch.level[-tail:])) < best + least / 2:
            return
        # From here on nothing is near the best any more. A loss that grows without end would have
        # its half-way mark in the last few points.
        raised = _settled_above(sketch.level, best + least)
        if len(sketch.level) - raised < max(tail, self.stay_share * len(sketch.level)):
            raised = _settled_above(sketch.level, best + least / 2)
        if len(sketch.level) - raised < max(tail, self.stay_share * len(sketch.level)):
            return
        sigmas = max(_sigmas(sketch, low, tail), _lasting(series, best + least / 2))
        needed = float(np.sqrt(self.rise_sigma**2 + 2 * np.log(len(sketch.level))))
        if sigmas < needed or is_reinforcement_learning(case):
            return
        start, best_at = float(sketch.step[raised]), float(sketch.step[low])
        if level < first and self._explained(case, best_at, start):
            return
        measured = {
            "best": Quantity(best, ""),
            "best_at": Quantity(best_at, ""),
            "level": Quantity(level, ""),
            "first_level": Quantity(first, ""),
            "sigmas": Quantity(sigmas, "sigma"),
        }
        if first > best:
            measured["given_back"] = Quantity(100 * rise / (first - best), "%")
        yield self._evidence(case, sketch, start, measured)

    def _explained(self, case: Case, best_at: float, start: float) -> bool:
        """Whether the LR returned to a level that it came down from, or validation still gains."""
        groups = governing_groups(case)
        if any(lr_returns(g.lr.finite(), best_at, np.inf) for g in groups):
            return True
        if not case.has(Role.VAL_LOSS):
            return False
        val = case.signals[Role.VAL_LOSS].finite()
        before, after = val.between(-np.inf, start).value, val.between(start, np.inf).value
        return bool(len(before) and len(after) and after[-1] < before.min())

    def _evidence(
        self, case: Case, sketch: Outline, start: float, measured: dict[str, Quantity]
    ) -> Evidence:
        signs = ["it ends above its start"] if _above_start(measured) else []
        val = self._ratio(case, Role.VAL_LOSS, start)
        if val is not None and val > 1 + self.rise_ratio:
            measured["val_rise"] = Quantity(val, "")
            signs.append(f"the validation loss is up to {number_text(val)} times its best")
        norm = self._ratio(case, Role.GRAD_NORM, start)
        if norm is not None and norm > self.norm_ratio:
            measured["norm_ratio"] = Quantity(norm, "")
            signs.append(f"the gradient norm is {number_text(norm)} times what it was")
        where = _lr_text(case, start, measured)
        text = ", ".join([*signs, where]) if where else ", ".join(signs)
        return Evidence(
            start=int(start),
            stop=int(sketch.points.step[-1]) + 1,
            tags=(sketch.points.tag,),
            measured=measured,
            detail=text or "no other series shows what came with it",
            revision="a longer log in which the loss comes back, or a loss changed on purpose here",
            severity=Severity.ERROR if signs else None,
        )

    def _ratio(self, case: Case, role: Role, start: float) -> float | None:
        """Typical value from ``start`` on over the best (validation) or typical one before."""
        if not case.has(role):
            return None
        series = case.signals[role].finite()
        before, after = series.between(-np.inf, start).value, series.between(start, np.inf).value
        if not len(before) or not len(after):
            return None
        base = float(np.min(before) if role is Role.VAL_LOSS else np.median(before))
        return float(min(np.median(after) / base, 1e300)) if base > 0 else None


def _settled_above(level: Array, bound: float) -> int:
    """Index from which every group lies above ``bound`` to the end."""
    below = np.flatnonzero(level <= bound)
    return int(below[-1]) + 1 if len(below) else 0


def _sigmas(sketch: Outline, low: int, tail: int) -> float:
    """How far the lowest group of the end lies above the best level, as a normal deviate."""
    best = float(np.median(sketch.level[low : low + 3]))
    rise = float(np.min(sketch.level[-tail:])) - best
    error = float(np.sqrt(2.0) * sketch.scatter[low + 2])
    return normal_equivalent(rise, error, FREEDOM * min(LOCAL, len(sketch.level) - 2))


def _lasting(series: Series, bound: float) -> float:
    """Significance of a rise from below ``bound`` that has no way back; 0 without one."""
    rises = (r for r in find_rises(series) if r.back is None and r.before <= bound)
    return max((r.sigmas for r in rises), default=0.0)


def _above_start(measured: dict[str, Quantity]) -> bool:
    return measured["level"].value > measured["first_level"].value


def _lr_text(case: Case, start: float, measured: dict[str, Quantity]) -> str:
    group = main_group(case)
    if group is None:
        return ""
    lr = group.lr.finite()
    at = max(0, int(np.searchsorted(lr.step, start, side="right")) - 1)
    value, peak = float(lr.value[at]), float(lr.value[: at + 1].max())
    measured["lr"] = Quantity(value, "")
    place = "at its highest so far" if value >= _AT_PEAK * peak else "past its peak"
    return f"the LR there is {number_text(value)}, {place}"
