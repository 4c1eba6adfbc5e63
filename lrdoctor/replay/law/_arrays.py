"""The few array functions whose names or calls differ between numpy and torch."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

# A float64 array of numpy or torch, which share the operators and functions that laws use.
Values: TypeAlias = Any


def namespace(values: Values) -> Any:
    """numpy or torch: whichever ``values`` is an array of."""
    if isinstance(values, np.ndarray):
        return np
    import torch

    return torch


def taken(values: Values, index: Values) -> Values:
    """``values: [.., k]`` at ``index: int64[.., m]`` of the last axis, leading axes broadcast."""
    if not isinstance(values, np.ndarray):
        return namespace(values).take_along_dim(values, index, -1)
    if index.ndim == 1 == values.ndim:
        return values[index]
    lead = np.broadcast_shapes(values.shape[:-1], index.shape[:-1])
    values = np.broadcast_to(values, (*lead, values.shape[-1]))
    return np.take_along_axis(values, np.broadcast_to(index, (*lead, index.shape[-1])), axis=-1)


def past(later: Values, earlier: Values) -> Values:
    """How far each of ``later: [.., m]`` lies after each of ``earlier: [.., k]``; 0 where it does
    not: ``[.., m, k]``."""
    since = later[..., :, None] - earlier[..., None, :]
    return namespace(since).clip(since, 0.0, None, out=since)


def settled(x: Values, power: Values) -> Values:
    """``1 - (1 + x) ** -power`` for x >= 0, worked out in place of ``x``: this is where the time
    goes, and a logarithm and an exponential take half of what a power does."""
    xp = namespace(x)
    x += 1.0
    xp.log(x, out=x)
    x *= -power
    xp.exp(x, out=x)
    x -= 1.0
    x *= -1.0
    return x


def weighed(terms: Values, weights: Values) -> Values:
    """The sum over k of ``terms: [.., m, k]`` times ``weights: [.., k]``: ``[.., m]``."""
    return (terms @ weights[..., None])[..., 0]
