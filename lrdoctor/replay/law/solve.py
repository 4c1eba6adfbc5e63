"""Fits one law to the points of one or more runs: robust, with priors and a covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lrdoctor.replay.law.course import Course
from lrdoctor.replay.law.laws import Law, Scale
from lrdoctor.replay.law.path import LrPath, Points
from lrdoctor.types import Array

# Errors beyond count linearly (Huber).
HUBER = 2.0
ROUNDS = 3
# Neighbouring errors of a law are alike: so many points count as one.
ALIKE = 4.0
STEP = 1e-4
_MOST_EVALUATIONS = 60


@dataclass(frozen=True, slots=True, eq=False)
class LawFit:
    """A law fitted: ``outer`` and ``amplitudes``, their joint covariance, and the cost.

    ``covariance`` is that of (outer, amplitudes), float64[p + q, p + q].
    """

    law: Law
    scale: Scale
    outer: Array
    amplitudes: Array
    covariance: Array
    cost: float

    def loss(self, path: LrPath, at: Array) -> Array:
        """The loss at steps ``at: float64[m]`` under a path."""
        return _basis(self.law, self.outer, self.scale.course(path, at)) @ self.amplitudes

    def gradient(self, path: LrPath, at: Array) -> Array:
        """Derivative of ``loss`` by (outer, amplitudes): float64[m, p + q]."""
        return _gradient(self, self.scale.course(path, at))


def fit_law(law: Law, runs: Sequence[Points], scale: Scale) -> LawFit:
    """The best of the searches from the law's starts.

    ``runs`` are of one model: they share all parameters. Raises ``ValueError`` without points.
    """
    if not sum(len(r.at) for r in runs):
        raise ValueError("no loss after the warm-up to fit a law to")
    means = np.array([mean for mean, _ in law.priors.values()])
    found = []
    for start in law.starts:
        begin = np.array(
            [start.get(name, mean) for name, mean in zip(law.priors, means, strict=True)]
        )
        found.append(_search(law, runs, scale, begin))
    return min(found, key=lambda fit: fit.cost)


def _search(law: Law, runs: Sequence[Points], scale: Scale, begin: Array) -> LawFit:
    from scipy.optimize import least_squares

    loss = np.concatenate([r.loss for r in runs])
    sigma = np.concatenate([r.sigma for r in runs]) * np.sqrt(ALIKE)
    mean, spread = np.array(list(law.priors.values())).T
    courses = [scale.course(r.path, r.at) for r in runs]
    weight, outer = 1.0 / sigma, begin

    def design(x: Array) -> Array:
        return np.concatenate([_basis(law, x, course) for course in courses])

    def misses(x: Array) -> Array:
        basis = design(x)
        amplitudes = nonnegative(basis * weight[:, None], loss * weight)
        error = (loss - basis @ amplitudes) * weight
        return np.concatenate([error, (x - mean) / spread])

    for _ in range(ROUNDS):
        result = least_squares(
            misses, outer, method="lm", max_nfev=_MOST_EVALUATIONS, diff_step=[STEP]
        )
        outer = result.x
        basis = design(outer)
        amplitudes = nonnegative(basis * weight[:, None], loss * weight)
        off = np.abs(loss - basis @ amplitudes) / sigma
        weight = np.sqrt(np.minimum(1.0, HUBER / np.maximum(off, 1e-12))) / sigma
    fit = LawFit(law, scale, outer, amplitudes, np.empty((0, 0)), float(result.cost))
    slopes = np.concatenate([_gradient(fit, c) for c in courses]) * weight[:, None]
    prior = np.zeros(slopes.shape[1])
    prior[: len(outer)] = 1.0 / spread**2
    # An amplitude that is 0 or hardly shows has no data of its own; a wide prior keeps it finite.
    prior[len(outer) :] = 1.0 / np.maximum(10.0 * np.abs(loss).max(), 1e-12) ** 2
    covariance = np.linalg.pinv(slopes.T @ slopes + np.diag(prior), hermitian=True)
    return LawFit(law, scale, outer, amplitudes, covariance, float(result.cost))


def nonnegative(basis: Array, target: Array) -> Array:
    """Least-squares amplitudes >= 0, ``basis: float64[m, q]`` with small q: the best of all sets
    of amplitudes that may be other than 0."""
    count = basis.shape[1]
    scale = np.maximum(np.linalg.norm(basis, axis=0), 1e-300)
    unit = basis / scale
    gram, moment = unit.T @ unit, unit.T @ target
    best, least = np.zeros(count), 0.0
    for size in range(count, 0, -1):
        for used in combinations(range(count), size):
            index = np.array(used)
            part = np.linalg.lstsq(gram[np.ix_(index, index)], moment[index], rcond=1e-12)[0]
            if np.any(part < 0):
                continue
            gained = float(part @ moment[index] * 2 - part @ gram[np.ix_(index, index)] @ part)
            if gained > least:
                least, best = gained, np.zeros(count)
                best[index] = part
        if least > 0:
            break
    return np.asarray(best / scale)


def _basis(law: Law, outer: Array, course: Course) -> Array:
    with np.errstate(all="ignore"):
        basis = law.basis(outer, course, law.memory(law.named(outer), course))
    return np.nan_to_num(basis, nan=1e6, posinf=1e6, neginf=-1e6)


def _gradient(fit: LawFit, course: Course) -> Array:
    columns = []
    for step in STEP * np.eye(len(fit.outer)):
        high, low = (_basis(fit.law, fit.outer + s, course) @ fit.amplitudes for s in (step, -step))
        columns.append((high - low) / (2 * STEP))
    return np.concatenate([np.stack(columns, axis=1), _basis(fit.law, fit.outer, course)], axis=1)
