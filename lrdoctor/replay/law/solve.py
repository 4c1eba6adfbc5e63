"""The reference: scipy's MINPACK fits one law to one model, with a search for each start.

It says what the batches of ``_fit_batch`` must agree with, in the plainest way, and takes two to
four times as long; ``fit_many(..., device="scipy")`` uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from lrdoctor.replay.law._huber import fairness, huber
from lrdoctor.replay.law.fitted import ALIKE, STEP, LawFit, basis_of, distinct
from lrdoctor.replay.law.laws import Law, Scale
from lrdoctor.replay.law.path import Points
from lrdoctor.types import Array

_MOST_EVALUATIONS = 60
# Rounds of weighing outliers anew, and how few standard deviations of a prior the last one moves.
_ROUNDS, _STILL = 100, 1e-4


def fit_law(law: Law, runs: Sequence[Points], scale: Scale) -> LawFit:
    """The best of the searches from the law's starts.

    ``runs`` are of one model: they share all parameters. Raises ``ValueError`` without points.
    """
    if not sum(len(r.at) for r in runs):
        raise ValueError("no loss after the warm-up to fit a law to")
    problem = _Problem(law, runs, scale)
    ends = np.array([problem.near(begin) for begin in law.begins])
    apart = ends[distinct(ends[None] / law.prior[1])[0]]
    return min((problem.fitted(begin) for begin in apart), key=lambda fit: fit.cost)


class _Problem:
    """Points of runs, a law, and what they make of outer parameters."""

    def __init__(self, law: Law, runs: Sequence[Points], scale: Scale) -> None:
        self.law, self.scale = law, scale
        self.courses = [scale.course(r.path, r.at) for r in runs]
        self.loss = np.concatenate([r.loss for r in runs])
        self.trust = 1.0 / (np.concatenate([r.sigma for r in runs]) * np.sqrt(ALIKE))

    def near(self, begin: Array) -> Array:
        """Where a search ends that minds outliers as much as others."""
        return self._search(begin, self.trust)

    def fitted(self, outer: Array) -> LawFit:
        """The robust fit near ``outer``: outliers are weighed anew until nothing moves."""
        mean, spread = self.law.prior
        weight = self.trust * fairness(self._off(outer, self.trust))
        for _ in range(_ROUNDS):
            last, outer = outer, self._search(outer, weight)
            weight = self.trust * fairness(self._off(outer, weight))
            if np.max(np.abs(outer - last) / spread) < _STILL:
                break
        inner = self._inner(self._design(outer), weight)
        cost = huber(self._off(outer, weight)) + (((outer - mean) / spread) ** 2).sum() / 2.0
        fit = LawFit(self.law, self.scale, outer, inner, np.empty((0, 0)), float(cost))
        return replace(fit, covariance=self._covariance(fit, weight))

    def _search(self, begin: Array, weight: Array, held: tuple[int, ...] = ()) -> Array:
        """Where MINPACK ends. It knows no limits: parameters that it leaves at one are then held
        there, or it would get no further along it."""
        from scipy.optimize import least_squares

        mean, spread = self.law.prior
        low, high = self.law.range
        free = [i for i in range(len(begin)) if i not in held]

        def whole(part: Array) -> Array:
            outer = begin.copy()
            outer[free] = part
            return outer

        def misses(part: Array) -> Array:
            outer = whole(part)
            basis = self._design(np.clip(outer, low, high))
            error = (self.loss - basis @ self._inner(basis, weight)) * weight
            return np.concatenate([error, (outer - mean) / spread])

        found = least_squares(
            misses, begin[free], method="lm", max_nfev=_MOST_EVALUATIONS, diff_step=[STEP]
        )
        end = np.clip(whole(found.x), low, high)
        stuck = np.flatnonzero((end < low + STEP) | (end > high - STEP))
        if len(stuck) and not held:
            return self._search(end, weight, tuple(stuck.tolist()))
        return end

    def _design(self, outer: Array) -> Array:
        return np.concatenate([basis_of(self.law, outer, course) for course in self.courses])

    def _inner(self, basis: Array, weight: Array) -> Array:
        return nonnegative(basis * weight[:, None], self.loss * weight)

    def _off(self, outer: Array, weight: Array) -> Array:
        basis = self._design(outer)
        return np.asarray(np.abs(self.loss - basis @ self._inner(basis, weight)) * self.trust)

    def _covariance(self, fit: LawFit, weight: Array) -> Array:
        slopes = np.concatenate([fit.slopes(course) for course in self.courses]) * weight[:, None]
        prior = np.zeros(slopes.shape[1])
        prior[: len(fit.outer)] = 1.0 / self.law.prior[1] ** 2
        # An amplitude that is 0 or hardly shows has no data of its own; a wide prior keeps it
        # finite.
        prior[len(fit.outer) :] = 1.0 / np.maximum(10.0 * np.abs(self.loss).max(), 1e-12) ** 2
        return np.asarray(np.linalg.pinv(slopes.T @ slopes + np.diag(prior), hermitian=True))


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
        if size == count and least > 0:
            break
    return np.asarray(best / scale)
