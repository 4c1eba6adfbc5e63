"""Fits the laws to a batch of models: what ``solve`` does for one, with the same outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lrdoctor.replay.law._arrays import Values, namespace
from lrdoctor.replay.law._batch import Batch, Group, amplitudes, batch_of, like
from lrdoctor.replay.law._descend import descend
from lrdoctor.replay.law.laws import LAWS, Law
from lrdoctor.replay.law.solve import ALIKE, HUBER, ROUNDS, STEP, LawFit
from lrdoctor.types import Array


def fit_batch(
    groups: Sequence[Group], most: int, onto: Callable[[Array], Values]
) -> list[tuple[LawFit, ...]]:
    """All laws fitted to every group. ``most`` terms of a memory exist at a time; ``onto`` brings
    an array to where the work is done."""
    batch = batch_of(groups, most, onto)
    return list(zip(*(_fit_law(law, groups, batch) for law in LAWS), strict=True))


def _fit_law(law: Law, groups: Sequence[Group], batch: Batch) -> list[LawFit]:
    """The best of the searches from the law's starts, for each group."""
    count, starts = len(groups), len(law.starts)
    means = {name: mean for name, (mean, _) in law.priors.items()}
    begin = np.array([list({**means, **start}.values()) for start in law.starts])
    every = batch.take(np.repeat(np.arange(count), starts))
    *found, cost = _search(law, every, like(np.tile(begin, (count, 1)), batch.loss))
    best = starts * np.arange(count) + on_host(cost).reshape(count, starts).argmin(-1)
    outer, inner, weight = (values[best] for values in found)
    spread = _covariance(law, batch, outer, inner, weight)
    columns = (on_host(values) for values in (outer, inner, spread))
    return [
        LawFit(law, group.scale, *values, float(least))
        for group, *values, least in zip(groups, *columns, on_host(cost)[best], strict=True)
    ]


def _search(law: Law, batch: Batch, outer: Values) -> tuple[Values, Values, Values, Values]:
    """Outer parameters and amplitudes where robust searches end, weights and cost there."""
    xp = namespace(outer)
    sigma = batch.sigma * np.sqrt(ALIKE)
    weight = 1.0 / sigma
    still = np.zeros((1, len(law.priors)))
    for _ in range(ROUNDS):
        outer, cost = descend(law, batch, outer, weight)
        basis = batch.bases(law, outer, still)[:, 0]
        inner = amplitudes(basis * weight[..., None], batch.loss * weight)
        off = abs(batch.loss - (basis @ inner[..., None])[..., 0]) / sigma
        weight = xp.sqrt(xp.clip(HUBER / xp.clip(off, 1e-12, None), None, 1.0)) / sigma
    return outer, inner, weight, cost


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
    known = like(np.array([spread for _, spread in law.priors.values()]), outer) ** -2
    prior = xp.concatenate([xp.ones_like(outer) * known, xp.ones_like(inner) / wide[:, None] ** 2], 1)
    diagonal = prior[:, None] * like(np.eye(prior.shape[1]), outer)
    return xp.linalg.pinv(slopes @ xp.moveaxis(slopes, -1, -2) + diagonal, hermitian=True)


def on_host(values: Values) -> Array:
    """As a numpy array."""
    return values if isinstance(values, np.ndarray) else np.asarray(values.cpu().numpy())
