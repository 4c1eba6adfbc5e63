"""A base LR that no one typed: it lies on the grid that an LR finder tries."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.plateau import fit_trend
from lrdoctor.curves.smooth import bin_means
from lrdoctor.detectors._context import (
    governing_groups,
    is_reinforcement_learning,
    loss_of,
    main_group,
    percent,
)
from lrdoctor.types import Case, ParamGroup, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement

# Framework, first and last LR tried, and how many steps lie between: the defaults.
_GRIDS = (("Lightning's lr_find", 1e-8, 1.0, 100), ("fastai's lr_find", 1e-7, 10.0, 100))
_EIGHTHS = 8
# Relative error of an LR that was fitted, or stored as float32.
_NOT_EXACT = 1e-6


@dataclass(frozen=True, slots=True)
class FinderGrid:
    """Exact arithmetic: ``first (last / first)^(k / n)`` for a whole ``k``, to the log's digits.

    A number with few digits was typed. That the LR came from a finder is no fault; where the loss
    then hardly moves, the finder is the likely reason.
    """

    name: ClassVar[str] = "finder_grid"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset({"lr", "index", "steps", "error", "loss_fall"})

    typed_digits: float
    largest_error: float
    moved_share: float
    min_points: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the largest LR of the main group, or the configured one."""
        group = main_group(case)
        if group is None:
            return
        found = next((hit for lr in _bases(case, group) if (hit := self._on_grid(lr))), None)
        if found is None:
            return
        lr, tool, index, steps, error = found
        fall = self._fall(case)
        measured = {
            "lr": Quantity(lr, ""),
            "index": Quantity(float(index), ""),
            "steps": Quantity(float(steps), ""),
            "error": Quantity(error, ""),
        }
        detail = f"point {index} of {steps} that {tool} tries"
        low = fall is not None and fall < self.moved_share and case.regime != "fine_tuning"
        if fall is not None:
            measured["loss_fall"] = Quantity(100 * fall, "%")
        if low and fall is not None:
            moved = f"fell by {percent(100 * fall)} only" if fall > 0 else "did not fall"
            detail += f"; the loss {moved} over the whole run, so its suggestion is far too low"
        else:
            detail += "; look at its curve before relying on one point of it"
        yield Evidence(
            start=case.first,
            stop=case.last + 1,
            tags=(group.lr.tag,),
            measured=measured,
            param_group=group.name,
            detail=detail,
            revision="a sweep or a formula that gives the same number",
            severity=None if low else Severity.INFO,
        )

    def _on_grid(self, lr: float) -> tuple[float, str, int, int, float] | None:
        """The grid point that ``lr`` is, if it is one to its own digits."""
        if not lr > 0 or self._is_typed(lr):
            return None
        digits = _digits(lr)
        # Half of the last digit shown, and what float32 and its log leave, at most largest_error.
        allowed = min(max(0.5 * 10.0 ** (1 - digits), 2e-7), self.largest_error)
        for tool, first, last, steps in _GRIDS:
            index = round(steps * math.log(lr / first) / math.log(last / first))
            point = first * (last / first) ** (index / steps)
            error = abs(lr / point - 1)
            if 0 < index < steps and error <= allowed:
                return lr, tool, index, steps, error
        return None

    def _is_typed(self, lr: float) -> bool:
        """Whether the number is one of few digits, up to what a fit or float32 leaves of it."""
        short = float(f"{lr:.{round(self.typed_digits) - 2}e}")
        return abs(lr / short - 1) <= _NOT_EXACT

    def _fall(self, case: Case) -> float | None:
        """How far the loss fell from its first eighth to its last, of its level; None where it
        cannot be said, where the run may be too short to say it, or where it rose."""
        loss = loss_of(case)
        if loss is None or len(loss) < self.min_points or is_reinforcement_learning(case):
            return None
        trend = fit_trend(loss)
        _, mean = bin_means(loss.step, loss.value, _EIGHTHS)
        if case.finished is False or trend is None or not mean[0] > 0 or trend.fall_high < 0:
            return None
        # Noise that could hide a fall leaves it open.
        if (trend.fall_high - trend.fall) > self.moved_share * float(mean[0]):
            return None
        return float(1 - mean[-1] / mean[0])


def _bases(case: Case, group: ParamGroup) -> tuple[float, ...]:
    """The peak as fitted, as logged, and as configured."""
    named = group.schedules[0].named if len(group.schedules) == 1 else None
    fitted = (
        None if named is None else named.parameters().get("lr", named.parameters().get("max_lr"))
    )
    logged = float(max(g.lr.finite().value.max() for g in governing_groups(case)))
    known = (logged, fitted, case.intent.lr)
    return tuple(float(v) for v in known if isinstance(v, int | float) and math.isfinite(v))


def _digits(value: float) -> int:
    """Significant decimal digits: those of the shortest float32 or float64 that is this number."""
    kind = np.float32 if float(np.float32(value)) == value else np.float64
    text = np.format_float_scientific(kind(value), unique=True, trim="-")
    return len(text.split("e")[0].replace(".", ""))
