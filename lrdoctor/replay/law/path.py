"""Logged LR and loss as the laws use them: few knots and points that keep every feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.curves.noise import point_sigma
from lrdoctor.types import Array, _freeze, _Value

# More knots and points change a prediction by less than its interval and cost time.
MOST_KNOTS = 320
MOST_POINTS = 160
# The LR is at its top from this share of the peak on: what comes before is warm-up.
_RISEN = 0.98
# The first steps of a training follow no power law yet.
_EARLY = 0.01
# Two losses closer than this share of the range are one to every law.
_NOISE_FLOOR = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class LrPath(_Value):
    """An LR over optimizer steps: ``step``, ``lr``: float64[n], steps ascending, straight between.

    ``before`` is the cumulative LR (LR x steps) spent before the first step. Raises ``ValueError``
    for fewer than two points, steps that do not ascend, and LRs that are negative or not finite.
    """

    step: Array
    lr: Array
    before: float = 0.0

    def __post_init__(self) -> None:
        step, lr = (np.array(v, dtype=np.float64) for v in (self.step, self.lr))
        if len(step) != len(lr) or len(step) < 2 or not np.all(np.diff(step) > 0):
            raise ValueError("an LR path takes two points or more, steps ascending")
        if not np.all(np.isfinite(lr)) or np.any(lr < 0):
            raise ValueError("LRs of a path must be finite and not negative")
        _freeze(self, step=step, lr=lr)

    def knotted(self, most: int = MOST_KNOTS) -> LrPath:
        """The same path with at most ``most`` knots, even in steps and in LR travelled, both sides
        of every jump among them. Sparse logs get knots in between, so that the fineness of a
        path does not depend on how often it was logged."""
        move = np.abs(np.diff(self.lr))
        length, travel = float(np.ptp(self.step)), float(move.sum())
        way = np.diff(self.step) / length + (move / travel if travel > 0 else 0.0)
        along = np.concatenate([[0.0], np.cumsum(way)])
        even = np.interp(np.linspace(0.0, along[-1], most // 2), along, self.step)
        jumps = np.argsort(move)[::-1][: most // 5]
        step = np.unique(np.concatenate([even, self.step[jumps], self.step[jumps + 1]]))
        return LrPath(step, np.interp(step, self.step, self.lr), self.before)

    def area(self, at: Array) -> Array:
        """Cumulative LR up to each step ``at``: float64[m], exact for the straight stretches."""
        spent = np.diff(self.step) * (self.lr[1:] + self.lr[:-1]) / 2.0
        total = self.before + np.concatenate([[0.0], np.cumsum(spent)])
        left = np.clip(np.searchsorted(self.step, at, side="right") - 1, 0, len(self.step) - 2)
        into = np.clip(at, self.step[0], self.step[-1]) - self.step[left]
        slope = np.diff(self.lr)[left] / np.diff(self.step)[left]
        return np.asarray(total[left] + into * (self.lr[left] + slope * into / 2.0))

    @property
    def peak(self) -> float:
        """The largest LR."""
        return float(self.lr.max())

    @property
    def length(self) -> float:
        """The last step."""
        return float(self.step[-1])


@dataclass(frozen=True, slots=True, eq=False)
class LossRun(_Value):
    """One training: LR over ``lr_step``, loss over ``loss_step`` (float64[n], float64[m]).

    Losses that are not finite are left out. A log that begins late is taken to have warmed up
    linearly from 0, which only sets where cumulative LR begins.
    """

    lr_step: Array
    lr: Array
    loss_step: Array
    loss: Array

    def __post_init__(self) -> None:
        columns = (self.lr_step, self.lr, self.loss_step, self.loss)
        lr_step, lr, loss_step, loss = (np.array(v, dtype=np.float64) for v in columns)
        keep = np.isfinite(loss)
        _freeze(self, lr_step=lr_step, lr=lr, loss_step=loss_step[keep], loss=loss[keep])

    def path(self) -> LrPath:
        """The LR as a path of few knots."""
        late = max(float(self.lr_step[0]), 0.0)
        return LrPath(self.lr_step, self.lr, late * float(self.lr[0]) / 2.0).knotted()


@dataclass(frozen=True, slots=True, eq=False)
class Points(_Value):
    """The losses of one run that laws are fitted to: ``at``, ``loss``, ``sigma``: float64[m]."""

    path: LrPath
    at: Array
    loss: Array
    sigma: Array


def points_of(run: LossRun) -> Points:
    """Means of groups of losses after the warm-up, with the scatter of such a mean."""
    path = run.path()
    begin = max(warm_until(path), _EARLY * path.length)
    inside = (run.loss_step >= begin) & (run.loss_step <= path.length)
    at, loss = run.loss_step[inside], run.loss[inside]
    if not len(at):
        return Points(path, at, loss, np.ones(0))
    scatter = point_sigma(loss) if len(loss) > 4 else 0.0
    spread = float(np.subtract(*np.percentile(loss, [98, 2])))
    at, loss, size = _grouped(at, loss, path)
    sigma = np.sqrt((scatter / np.sqrt(size)) ** 2 + (_NOISE_FLOOR * spread) ** 2)
    return Points(path, at, loss, np.maximum(sigma, 1e-12))


def warm_until(path: LrPath) -> float:
    """The first step at which the LR is at its top."""
    return float(path.step[int(np.argmax(path.lr >= _RISEN * path.peak))])


def _grouped(at: Array, loss: Array, path: LrPath) -> tuple[Array, Array, Array]:
    """Consecutive losses in at most ``MOST_POINTS`` groups, finer where the LR moves."""
    if len(at) <= MOST_POINTS:
        return at, loss, np.ones(len(at))
    lr = np.interp(at, path.step, path.lr)
    move = np.abs(np.diff(lr, prepend=lr[0])) / (path.peak or 1.0)
    travel = float(move.sum())
    weight = np.full(len(at), 1.0 / len(at)) + (move / travel if travel > 0 else 0.0)
    group = (np.cumsum(weight) / weight.sum() * (MOST_POINTS - 1e-9)).astype(np.int64)
    starts: npt.NDArray[np.int64] = np.flatnonzero(np.diff(group, prepend=-1))
    size = np.diff(np.append(starts, len(at))).astype(np.float64)
    return np.add.reduceat(at, starts) / size, np.add.reduceat(loss, starts) / size, size
