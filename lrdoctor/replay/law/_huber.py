"""Errors count squared up to two standard deviations and linearly beyond (Huber)."""

from __future__ import annotations

from lrdoctor.replay.law._arrays import Values, namespace

_SQUARED = 2.0


def fairness(off: Values) -> Values:
    """Weights under which the squares of errors ``off``, in standard deviations, count so."""
    xp = namespace(off)
    return xp.sqrt(_SQUARED / xp.clip(off, _SQUARED, None))


def huber(off: Values) -> Values:
    """Half the sum over the last axis of what errors ``off``, in standard deviations, count."""
    squared = namespace(off).clip(off, None, _SQUARED)
    return (squared * (off - squared / 2.0)).sum(-1)
