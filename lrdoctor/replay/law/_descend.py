"""Levenberg-Marquardt for a batch of fits, each with damping and weights of its own."""

from __future__ import annotations

import numpy as np

from lrdoctor.replay.law._arrays import Values, namespace
from lrdoctor.replay.law._batch import Batch, amplitudes
from lrdoctor.replay.law._huber import fairness
from lrdoctor.replay.law._place import like, on_host
from lrdoctor.replay.law.laws import Law

_MOST_STEPS = 100
# A search ends at a step of so few standard deviations, squared: it is near, or it is there.
_NEAR, _THERE = 1e-1, 1e-7
# Derivatives are differences over this share of a prior's standard deviation.
_DIFFERENCE = 1e-5
_DAMPING, _EASED, _RAISED, _STUCK = 1e-2, 0.15, 4.0, 1e8


def descend(law: Law, batch: Batch, outer: Values, *, robust: bool) -> tuple[Values, Values]:
    """Where searches from ``outer: [b, p]`` end, and the weights of the losses there.

    They go down the squares of weighted errors and of distances from the priors' means, the
    amplitudes solved for within. Not ``robust``: until it is near, no weight changed; else outliers
    are weighed anew after each step. Fits that are done drop out of the batch.
    """
    xp = namespace(outer)
    mean, spread = (like(values, outer) for values in law.prior)
    limits = tuple(like(values, outer) for values in law.range)
    moves = _DIFFERENCE * np.vstack([np.zeros(len(law.priors)), np.diag(law.prior[1])])
    shifts, widths = like(moves, outer), (_DIFFERENCE * spread)[:, None]
    damping, left = outer[:, 0] * 0.0 + _DAMPING, np.arange(len(outer))
    bases = batch.bases(law, outer, moves)
    weight = reweighed(batch, bases[:, 0], batch.trust) if robust else batch.trust
    ends, weights = xp.zeros_like(outer), xp.zeros_like(weight)
    for _ in range(_MOST_STEPS):
        away = (outer[:, None] + shifts - mean) / spread
        misses = xp.concatenate([weighted_errors(batch, bases, weight), away], -1)
        miss, slopes = misses[:, 0], (misses[:, 1:] - misses[:, :1]) / widths
        step, promise = _step(miss, slopes, damping, outer, limits)
        there = xp.clip(outer + step, *limits)
        tried = batch.bases(law, there, moves)
        errors = weighted_errors(batch, tried[:, :1], weight)[:, 0]
        after = (errors**2).sum(-1) + (((there - mean) / spread) ** 2).sum(-1)
        better = after < (miss**2).sum(-1)
        outer = xp.where(better[:, None], there, outer)
        bases = xp.where(better[:, None, None, None], tried, bases)
        if robust:
            weight = reweighed(batch, bases[:, 0], weight)
        ends[left], weights[left] = outer, weight
        done = (promise < (_THERE if robust else _NEAR)) & (damping < 1.0) | (damping > _STUCK)
        damping = damping * xp.where(better, _EASED, _RAISED)
        if done.all():
            break
        if done.any():
            batch, left = batch.take(~done), left[on_host(~done)]
            outer, bases, weight, damping = (v[~done] for v in (outer, bases, weight, damping))
    return ends, weights


def _step(
    miss: Values, slopes: Values, damping: Values, outer: Values, limits: tuple[Values, Values]
) -> tuple[Values, Values]:
    """The damped step down ``miss: [b, m]``, its ``slopes: [b, p, m]``, and what that promises.

    A parameter at a limit that the way down leads across is held there.
    """
    one = like(np.eye(outer.shape[-1]), outer)
    curve, downhill = slopes @ slopes.swapaxes(-1, -2), -(slopes @ miss[..., None])[..., 0]
    held = ((outer <= limits[0]) & (downhill < 0.0)) | ((outer >= limits[1]) & (downhill > 0.0))
    downhill = downhill * ~held
    damped = curve * (1.0 + damping[:, None, None] * one) * ~(held[:, None] | held[:, :, None])
    system = damped + held[:, None] * one
    step = namespace(outer).linalg.solve(system, downhill[..., None])[..., 0]
    return step, (step * downhill).sum(-1)


def weighted_errors(batch: Batch, bases: Values, weight: Values) -> Values:
    """What the best amplitudes leave, times its weight: ``[b, v, m]`` for ``[b, v, m, q]``."""
    weighted = bases * weight[:, None, :, None]
    target = (batch.loss * weight)[:, None]
    return target - (weighted @ amplitudes(weighted, target)[..., None])[..., 0]


def reweighed(batch: Batch, basis: Values, weight: Values) -> Values:
    """The weights that fit the errors under ``weight``: ``[b, m]`` for ``[b, m, q]``."""
    inner = amplitudes(basis * weight[..., None], batch.loss * weight)
    off = abs(batch.loss - (basis @ inner[..., None])[..., 0]) * batch.trust
    return batch.trust * fairness(off)
