"""Fits the laws to a batch of models: what ``solve`` does for one, with the same outcome."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrdoctor.replay.law._arrays import Values, namespace
from lrdoctor.replay.law._batch import Batch, Group, amplitudes, batch_of
from lrdoctor.replay.law._descend import descend
from lrdoctor.replay.law._huber import huber
from lrdoctor.replay.law._place import Place, like, on_host
from lrdoctor.replay.law.fitted import STEP, LawFit, distinct
from lrdoctor.replay.law.laws import LAWS, Law


def fit_batch(groups: Sequence[Group], place: Place) -> list[tuple[LawFit, ...]]:
    """All laws fitted to every group, in a batch."""
    with np.errstate(all="ignore"):
        batch = batch_of(groups, place)
        return list(zip(*(_fit_law(law, groups, batch) for law in LAWS), strict=True))


def _fit_law(law: Law, groups: Sequence[Group], batch: Batch) -> list[LawFit]:
    """The best of the searches from the law's starts, for each group."""
    count, starts = len(groups), len(law.starts)
    owner = np.repeat(np.arange(count), starts)
    begin = like(np.tile(law.begins, (count, 1)), batch.loss)
    near, _ = descend(law, batch.take(owner), begin, robust=False)
    apart = np.flatnonzero(distinct(on_host(near).reshape(count, starts, -1) / law.prior[1]))
    owner = owner[apart]
    outer, weight = descend(law, batch.take(owner), near[apart], robust=True)
    inner, cost = _judged(law, batch.take(owner), outer, weight)
    least = on_host(cost)
    best = np.array([min(np.flatnonzero(owner == i), key=least.__getitem__) for i in range(count)])
    outer, inner = outer[best], inner[best]
    spread = _covariance(law, batch, outer, inner, weight[best])
    columns = (on_host(values) for values in (outer, inner, spread))
    return [
        LawFit(law, group.scale, ends, factors, covariance, float(cost))
        for group, ends, factors, covariance, cost in zip(
            groups, *columns, least[best], strict=True
        )
    ]


def _judged(law: Law, batch: Batch, outer: Values, weight: Values) -> tuple[Values, Values]:
    """The amplitudes at ``outer`` and what all errors and priors cost."""
    basis = batch.bases(law, outer, np.zeros((1, outer.shape[-1])))[:, 0]
    inner = amplitudes(basis * weight[..., None], batch.loss * weight)
    off = abs(batch.loss - (basis @ inner[..., None])[..., 0]) * batch.trust
    mean, spread = (like(values, outer) for values in law.prior)
    return inner, huber(off) + (((outer - mean) / spread) ** 2).sum(-1) / 2.0


def _covariance(law: Law, batch: Batch, outer: Values, inner: Values, weight: Values) -> Values:
    """That of (outer, amplitudes), after Gauss and Newton: ``[b, p + q, p + q]``."""
    xp = namespace(outer)
    size = len(law.priors)
    moves = np.vstack([np.zeros(size), STEP * np.eye(size), -STEP * np.eye(size)])
    bases = batch.bases(law, outer, moves)
    losses = (bases @ inner[:, None, :, None])[..., 0]
    slopes = (losses[:, 1 : size + 1] - losses[:, size + 1 :]) / (2 * STEP)
    slopes = xp.concatenate([slopes, xp.moveaxis(bases[:, 0], -1, -2)], 1) * weight[:, None]
    wide = 10.0 * xp.clip(xp.amax(abs(batch.loss), -1), 1e-13, None)
    known = like(law.prior[1], outer) ** -2
    prior = xp.concatenate(
        [xp.ones_like(outer) * known, xp.ones_like(inner) / wide[:, None] ** 2], 1
    )
    diagonal = prior[:, None] * like(np.eye(prior.shape[1]), outer)
    return xp.linalg.pinv(slopes @ xp.moveaxis(slopes, -1, -2) + diagonal, hermitian=True)
