"""Levenberg-Marquardt for a batch of fits, each with a damping of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.replay.law._arrays import Values, namespace
from lrdoctor.replay.law._batch import Batch, amplitudes, like
from lrdoctor.replay.law.laws import Law
from lrdoctor.types import Array

_MOST_STEPS = 80
# A step by so small a share of a standard deviation, squared, is the last one.
_NEAR = 1e-6
# Derivatives are differences over this share of a prior's standard deviation.
_DIFFERENCE = 1e-5
_FIRST_DAMPING, _EASED, _RAISED, _STUCK = 1e-2, 0.15, 4.0, 1e8


def descend(law: Law, batch: Batch, outer: Values, weight: Values) -> tuple[Values, Values]:
    """The least squares of weighted errors and priors, amplitudes solved for within.

    ``outer: [b, p]`` is where to begin, ``weight: [b, m]``. Returns where it ends and half the sum
    of squares there. Fits that are done drop out of the batch.
    """
    xp = namespace(outer)
    count, size = outer.shape
    spread = np.array(list(law.priors.values()))[:, 1]
    moves = np.vstack([np.zeros(size), np.diag(_DIFFERENCE * spread)])
    width = like(_DIFFERENCE * spread, outer)[:, None]
    diagonal = like(np.eye(size), outer)
    found, least = outer + 0.0, xp.zeros_like(outer[:, 0])
    left = xp.arange(count)
    misses = errors(law, batch, outer, weight, moves)
    damping = xp.zeros_like(least) + _FIRST_DAMPING
    for _ in range(_MOST_STEPS):
        miss = misses[:, 0]
        slope = (misses[:, 1:] - misses[:, :1]) / width
        curve = slope @ xp.moveaxis(slope, -1, -2)
        downhill = -(slope @ miss[..., None])[..., 0]
        damped = curve + (damping[:, None, None] * curve) * diagonal
        step = xp.linalg.solve(damped, downhill[..., None])[..., 0]
        near = (step * downhill).sum(-1) < _NEAR
        tried = errors(law, batch, outer + step, weight, moves)
        before, after = (0.5 * (m * m).sum(-1) for m in (miss, tried[:, 0]))
        better = after < before
        outer = xp.where(better[:, None], outer + step, outer)
        misses = xp.where(better[:, None, None], tried, misses)
        found[left], least[left] = outer, xp.where(better, after, before)
        damping = damping * xp.where(better, _EASED, _RAISED)
        go_on = ~((near & (damping < 1.0)) | (damping > _STUCK))
        if not go_on.any():
            break
        if not go_on.all():
            batch, outer, misses, weight, damping, left = (
                batch.take(go_on),
                *(v[go_on] for v in (outer, misses, weight, damping, left)),
            )
    return found, least


def errors(law: Law, batch: Batch, outer: Values, weight: Values, moves: Array) -> Values:
    """Weighted errors and distances from the priors' means at ``outer`` plus each of ``moves``:
    ``[b, v, m + p]``."""
    xp = namespace(outer)
    weighted = batch.bases(law, outer, moves) * weight[:, None, :, None]
    target = (batch.loss * weight)[:, None]
    off = target - (weighted @ amplitudes(weighted, target)[..., None])[..., 0]
    mean, spread = like(np.array(list(law.priors.values())).T.copy(), outer)
    return xp.concatenate([off, (outer[:, None] + like(moves, outer) - mean) / spread], -1)
