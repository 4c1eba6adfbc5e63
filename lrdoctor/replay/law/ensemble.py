"""The three laws together: their median or mean predicts, their spread and covariance bound it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.replay.law._batch import group_of
from lrdoctor.replay.law._fit_batch import fit_batch
from lrdoctor.replay.law._place import on_cpu
from lrdoctor.replay.law.fitted import LawFit
from lrdoctor.replay.law.path import LossRun, LrPath, Points
from lrdoctor.types import Array, _Value

_NORMAL_90 = 1.645


@dataclass(frozen=True, slots=True, eq=False)
class Fitted(_Value):
    """All laws fitted to runs of one model."""

    fits: tuple[LawFit, ...]
    runs: tuple[Points, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Prediction(_Value):
    """A loss curve under an LR path: ``loss``, ``half`` (raw half-width of a 90 % interval) at
    steps ``at``, and the ``laws`` one by one, float64[3, m]."""

    at: Array
    loss: Array
    half: Array
    laws: Array


def fit(runs: Sequence[LossRun]) -> Fitted:
    """Fits every law to all runs, which are of one model. Raises ``ValueError`` without losses."""
    group = group_of(runs)
    (fits,) = fit_batch([group], on_cpu())
    return Fitted(fits, group.runs)


def predict(fitted: Fitted, path: LrPath, at: Array) -> Prediction:
    """The loss under another LR path at steps ``at: float64[m]``."""
    path = path.knotted()
    return _combined(fitted, at, [(path, 1.0)])


def final_loss(fitted: Fitted, path: LrPath) -> float:
    """The loss at the end of another LR path, without its error, which costs several times more."""
    path = path.knotted()
    at = np.array([path.length])
    return float(_centre(fitted, np.array([law.loss(path, at) for law in fitted.fits]))[0])


def gain(fitted: Fitted, baseline: LrPath, candidate: LrPath) -> Prediction:
    """How much lower the final loss of the candidate is than that of the baseline (1 point)."""
    ends = np.array([max(baseline.length, candidate.length)])
    parts = [(baseline.knotted(), 1.0), (candidate.knotted(), -1.0)]
    return _combined(fitted, ends, parts)


def _combined(fitted: Fitted, at: Array, parts: Sequence[tuple[LrPath, float]]) -> Prediction:
    """The sum of some paths' losses, each times its factor, with the error of the sum."""
    scale = fitted.fits[0].scale
    courses = [(scale.course(path, np.minimum(at, path.length)), f) for path, f in parts]
    losses, errors = [], []
    for law in fitted.fits:
        slope = np.sum([f * law.slopes(course) for course, f in courses], axis=0)
        # A loss is linear in the amplitudes: its slopes by them are what they are multiplied with.
        losses.append(slope[:, len(law.outer) :] @ law.amplitudes)
        variance = np.einsum("mi,ij,mj->m", slope, law.covariance, slope)
        errors.append(np.sqrt(np.maximum(variance, 0.0)))
    laws = np.array(losses)
    half = np.maximum(_NORMAL_90 * np.median(errors, axis=0), np.ptp(laws, axis=0) / 2.0)
    return Prediction(at, _centre(fitted, laws), half, laws)


def _centre(fitted: Fitted, laws: Array) -> Array:
    """The median of the laws; for several runs their mean, each weighed by how well it fits.

    One run cannot tell the laws apart: the best-fitting one orders candidates worse than the median
    (90 % against 92 % of pairs). Several runs can: weights of one over the cost made the mean error
    a quarter smaller (0.70 % to 0.50 % on models of eleven kinds; ``benchmarks/replay``).
    """
    if len(fitted.runs) == 1:
        return np.asarray(np.median(laws, axis=0))
    return np.asarray(np.average(laws, axis=0, weights=[1.0 / fit.cost for fit in fitted.fits]))
