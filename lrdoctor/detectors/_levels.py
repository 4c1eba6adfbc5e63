"""An LR curve as levels: its values without repetition, and how long each lasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.types import Array, Series

# Two logged LRs are one level up to this share of the larger: the last digit of a short number.
_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class Levels:
    """``value: float64[k]``, ``begin: float64[k]`` first step of each level, ``length: float64[k]``
    up to the next one (the last up to the last logged step)."""

    value: Array
    begin: Array
    length: Array


def levels_of(lr: Series, most: int) -> Levels:
    """The first ``most`` levels of a finite LR; a smooth curve has one per logged point."""
    value = lr.value
    change = np.abs(np.diff(value)) > _SAME * np.maximum(np.abs(value[1:]), np.abs(value[:-1]))
    at = np.concatenate([[0], np.flatnonzero(change) + 1])
    begin = lr.step[at].astype(np.float64)
    length = np.diff(np.append(begin, float(lr.step[-1])))
    return Levels(value[at[:most]], begin[:most], length[:most])
