"""The one-cycle policy in two phases (torch's OneCycleLR with ``three_phase=False``)."""

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
    ``total_steps - 1``; ``interval`` is the length of one scheduler step in x units (below 1 for a
    per-batch schedule on an epoch axis). torch raises an error beyond ``total_steps``; here the
    last LR stays.
    """

    name: ClassVar[str] = "onecycle"
    max_lr: float
    total_steps: float
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    anneal_strategy: str = "cos"
    warmup: Warmup | None = None
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
        top, end = self.peak_at, self.total_steps - self.interval
        # Guards a phase of no length; np.where never takes its values.
        rise = t / (top if top > 0 else 1.0)
        fall = (t - top) / (end - top if end > top else 1.0)
        rising = self._anneal(self.initial_lr, self.max_lr, rise)
        falling = self._anneal(self.max_lr, self.final_lr, fall)
        result = np.where((t <= top) & (top > 0), rising, falling)
        return np.where(t > self.total_steps, self.final_lr, result)

    def _anneal(self, start: float, stop: float, share: Array) -> Array:
        if self.anneal_strategy == "linear":
            return start + (stop - start) * share
        return stop + (start - stop) / 2.0 * (1.0 + np.cos(np.pi * share))

    def parameters(self) -> Parameters:
        """Canonical parameters."""
        return parameters_of(self)

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """A rise and a fall of one kind, cosine or straight, that meet at the peak."""
        if len(segments) != 2 or kind(segments[0]) != kind(segments[1]):
            return None
        up, down = segments
        straight = kind(up) == "linear"
        if kind(up) not in ("cosine", "linear"):
            return None
        (start, top), (peak, end) = ends(up), ends(down)
        end = end if straight else number(down, "eta_min")
        if not (0 < start < top and near(top, peak, peak, 0.3) and end < start):
            return None
        end = max(end, 1e-6 * start)
        if straight:
            rise = meeting(up, down) - up.start
            peak = number(up, "lr_start") + number(up, "slope") * rise
            fall = (peak - end) / -number(down, "slope")
        else:
            rise, fall, peak = number(up, "t_max"), number(down, "t_max"), number(down, "lr_max")
        total = rise + fall + 1.0
        ratios = peak / start, start / end
        anneal = "linear" if straight else "cos"
        return cls(peak, total, (rise + 1.0) / total, *ratios, anneal)
