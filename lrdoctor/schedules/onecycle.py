"""The one-cycle policy in two or three phases (torch's OneCycleLR)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.schedules._canonical import Parameters, optional, parameters_of
from lrdoctor.schedules._checks import finite, one_of, positive
from lrdoctor.schedules._recognise import ends, kind, meeting, near, number
from lrdoctor.schedules._warmup import Warmup, with_warmup
from lrdoctor.types import Array, Segment

ANNEAL_STRATEGIES = ("cos", "linear")


@dataclass(frozen=True, slots=True)
class OneCycle:
    """From ``max_lr / div_factor`` up to ``max_lr``, then down to start / ``final_div_factor``.

    As in torch the peak is at scheduler step ``pct_start * total_steps - 1`` and the end at
    ``total_steps - 1``; with ``three_phase`` the LR first falls as far as it rose, in as many
    steps. ``interval`` is the length of one scheduler step in x units (below 1 for a per-batch
    schedule on an epoch axis). Past the end torch goes one step further along the curve and then
    raises an error; here the last LR stays, with ``clamp`` from the end itself on, as in loops that
    stop stepping.
    """

    name: ClassVar[str] = "onecycle"
    max_lr: float
    total_steps: float
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    anneal_strategy: str = "cos"
    warmup: Warmup | None = None
    three_phase: bool = field(default=False, metadata=optional())
    clamp: bool = field(default=False, metadata=optional())
    interval: float = field(default=1.0, metadata=optional())

    def __post_init__(self) -> None:
        finite(max_lr=self.max_lr)
        positive(
            total_steps=self.total_steps,
            div_factor=self.div_factor,
            final_div_factor=self.final_div_factor,
            interval=self.interval,
        )
        if not 0 <= self.pct_start <= 1:
            raise ConfigError(f"pct_start must lie between 0 and 1, got {self.pct_start!r}")
        one_of("anneal_strategy", self.anneal_strategy, ANNEAL_STRATEGIES)

    @property
    def initial_lr(self) -> float:
        """LR of the first step."""
        return self.max_lr / self.div_factor

    @property
    def final_lr(self) -> float:
        """LR of the last step."""
        return self.initial_lr / self.final_div_factor

    @property
    def peak_at(self) -> float:
        """Time of the largest LR, in x units from the start; negative without a rising phase."""
        return self.pct_start * self.total_steps - self.interval

    def lr(self, t: Array) -> Array:
        """LR at local times ``t: float64[m]``."""
        return with_warmup(t, self.warmup, self._body, counts_warmup=True, interval=self.interval)

    def _body(self, t: Array) -> Array:
        result = np.empty(0)
        for begin, stop, first, last in reversed(self._phases()):
            # Guards a phase of no length, whose values are never taken.
            share = (t - begin) / (stop - begin if stop > begin else 1.0)
            value = self._anneal(first, last, share)
            result = np.where(t <= stop, value, result) if len(result) else value
        end = self.total_steps - (self.interval if self.clamp else 0.0)
        return np.where(t > end, self.final_lr, result)

    def _phases(self) -> list[tuple[float, float, float, float]]:
        """Begin, end, first and last LR of each phase."""
        top, end = self.peak_at, self.total_steps - self.interval
        rise = [(0.0, top, self.initial_lr, self.max_lr)] if top > 0 else []
        if not self.three_phase:
            return [*rise, (top, end, self.max_lr, self.final_lr)]
        back = 2.0 * top
        fall = (top, back, self.max_lr, self.initial_lr)
        return [*rise, fall, (back, end, self.initial_lr, self.final_lr)]

    def _anneal(self, start: float, stop: float, share: Array) -> Array:
        if self.anneal_strategy == "linear":
            return start + (stop - start) * share
        return stop + (start - stop) / 2.0 * (1.0 + np.cos(np.pi * share))

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """A rise and a fall of one kind, cosine or straight, that meet at the peak; perhaps the
        last LR held, or a second fall below the start."""
        held = len(segments) > 2 and kind(segments[-1]) == "constant"
        row = segments[:-1] if held else segments
        if len(row) not in (2, 3) or len({kind(s) for s in row}) > 1:
            return None
        if kind(row[0]) not in ("cosine", "linear"):
            return None
        found = _two_phases(row[0], row[1], straight=kind(row[0]) == "linear")
        if found is None:
            return None
        peak, start, end, rise, fall = found
        if len(row) == 3:
            if kind(row[0]) == "linear":
                # The second fall begins at the first LR, which a line does not show.
                level = _level_at(row[1], meeting(row[1], row[2]))
                rise, start = rise + (start - level) / number(row[0], "slope"), level
            third = _third_phase(row[2], start)
            if third is None or not near(rise, fall, rise, 0.3):
                return None
            fall, end = rise + third[0], third[1]
        last = number(segments[-1], "value") if held else end
        if not end < start or not near(last, end, peak, 0.02):
            return None
        end = last
        total = rise + fall + 1.0
        ratios = peak / start, start / max(end, 1e-6 * start)
        anneal = "linear" if kind(row[0]) == "linear" else "cos"
        return cls(peak, total, (rise + 1.0) / total, *ratios, anneal, None, len(row) == 3, held)


def _two_phases(
    up: Segment, down: Segment, *, straight: bool
) -> tuple[float, float, float, float, float] | None:
    """Peak, first and last LR, lengths of rise and fall; None unless they meet at the peak."""
    (start, top), (peak, end) = ends(up), ends(down)
    end = end if straight else number(down, "eta_min")
    if not (0 < start < top and near(top, peak, peak, 0.3) and end < peak):
        return None
    if not straight:
        return number(down, "lr_max"), start, end, number(up, "t_max"), number(down, "t_max")
    rise = meeting(up, down) - up.start
    peak = number(up, "lr_start") + number(up, "slope") * rise
    end = max(end, 1e-6 * start)
    return peak, start, end, rise, (peak - end) / -number(down, "slope")


def _level_at(line: Segment, time: float) -> float:
    return float(line.shape.lr(np.array([time - line.start]))[0])


def _third_phase(last: Segment, start: float) -> tuple[float, float] | None:
    """Length and last LR of the fall below the first LR; None unless it begins there."""
    begin, end = ends(last)
    if not (near(begin, start, start, 0.3) and end < begin):
        return None
    if kind(last) == "cosine":
        return number(last, "t_max"), number(last, "eta_min")
    end = max(end, 1e-6 * start)
    return (start - end) / -number(last, "slope"), end
