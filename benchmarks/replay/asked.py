"""Every curve of a model in turn is fitted alone and asked for the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.replay.curves import Logged
from lrdoctor.replay.law.answer import Answer, ask, consult
from lrdoctor.replay.law.path import LrPath, points_of, warm_until

# An LR within this share of its peak is still constant, and one peak equals another.
_SAME = 0.95
# A decay that begins after this share of the run is short.
_LATE = 0.5
# Largest distance of an LR from a line or a cosine that it is called by, as a share of its peak.
_NEAR = 0.06


@dataclass(frozen=True)
class Asked:
    """One answer: from ``source`` about ``target``; ``spread``: range of the source's loss."""

    source: Logged
    target: Logged
    answer: Answer
    spread: float

    @property
    def error(self) -> float:
        """Relative error of the final loss; NaN without a point."""
        loss = self.answer.loss
        return np.nan if loss is None else abs(loss / self.target.final - 1.0)

    @property
    def covered(self) -> bool:
        """Whether the interval holds the true final loss."""
        low, high = self.answer.interval or (np.nan, np.nan)
        return bool(low <= self.target.final <= high)

    @property
    def half(self) -> float:
        """Half of the interval's width as a share of the true final loss."""
        low, high = self.answer.interval or (np.nan, np.nan)
        return (high - low) / 2.0 / self.target.final

    @property
    def same_peak(self) -> bool:
        """Whether both were trained at one peak LR."""
        return self.target.run.path().peak >= _SAME * self.source.run.path().peak

    @property
    def told(self) -> bool:
        """Whether an interval was given."""
        return self.answer.interval is not None


def ask_all(curves: Sequence[Logged], sources: int, targets: int) -> Iterator[Asked]:
    """Every pair of a drawn source and a drawn target of one model."""
    rng = np.random.default_rng(0)
    drawn = [_some(curves, count, rng) for count in (sources, targets)]
    for source in drawn[0]:
        oracle, baseline = consult([source.run]), source.run.path()
        points = points_of(source.run)
        spread = float(np.ptp(points.loss)) if len(points.loss) else np.nan
        for target in drawn[1]:
            if target is not source:
                yield Asked(source, target, ask(oracle, baseline, target.run.path()), spread)


def kind(path: LrPath) -> str:
    """constant, short decay, cosine, linear or other: by the LR alone, not by a file's name."""
    begin = warm_until(path)
    after = path.step >= begin
    step, lr = path.step[after], path.lr[after] / path.peak
    if len(step) < 2 or lr.min() >= _SAME:
        return "constant"
    if np.any(np.diff(lr) > _NEAR):
        return "other"
    along = (step - begin) / (path.length - begin)
    if along[np.argmax(lr < _SAME)] > _LATE:
        return "short decay"
    end = float(lr[-1])
    shapes = {
        "linear": end + (1 - end) * (1 - along),
        "cosine": end + (1 - end) * (1 + np.cos(np.pi * along)) / 2,
    }
    off = {name: float(np.max(np.abs(lr - curve))) for name, curve in shapes.items()}
    best = min(off, key=lambda name: off[name])
    return best if off[best] < _NEAR else "other"


def _some(curves: Sequence[Logged], count: int, rng: np.random.Generator) -> list[Logged]:
    if len(curves) <= count:
        return list(curves)
    return [curves[i] for i in rng.choice(len(curves), count, replace=False)]
