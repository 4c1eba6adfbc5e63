"""Tells whether two logs in different formats are of one run."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from lrdoctor.readers._table import EPOCH_NAMES, is_lr, simple
from lrdoctor.types import Array, Run, Series

_FEWEST = 3  # values that must be there to compare
_ROUNDING = 2e-3  # relative; text logs keep four digits of a loss
_MOST = 0.9  # of the values of a series that must agree
_PAIRS = 0.75  # of the series compared that must agree


def same_run(a: Run, b: Run) -> bool:
    """Whether the series that both have under like names say the same.

    LRs and epochs are no evidence: two runs of one configuration share them.
    """
    agree = [_agree(x, y) for x, y in _pairs(a, b)]
    known = [verdict for verdict in agree if verdict is not None]
    return any(known) and sum(known) >= _PAIRS * len(known)


def points(run: Run) -> int:
    """How many values the run has over all series."""
    return sum(len(s) for s in run.series.values())


def _pairs(a: Run, b: Run) -> Iterator[tuple[Series, Series]]:
    named = {_plain(tag): series for tag, series in b.series.items()}
    for tag, series in a.series.items():
        name = _plain(tag)
        if name in named and not is_lr(tag) and simple(tag) not in EPOCH_NAMES:
            yield series, named[name]


def _plain(tag: str) -> str:
    """Names as writers vary them: "train/loss", "train_loss" and "loss"."""
    words = re.sub(r"[^a-z0-9]+", "_", tag.lower()).strip("_")
    return words.removeprefix("train_")


def _agree(a: Series, b: Series) -> bool | None:
    """Whether two series have the same values; None where that says nothing."""
    values = _aligned(a, b)
    if values is None:
        return None
    x, y = values
    spread = float(np.ptp(x[np.isfinite(x)])) if np.isfinite(x).any() else 0.0
    if spread == 0.0:
        return None
    close = np.isclose(x, y, rtol=_ROUNDING, atol=1e-4 * spread, equal_nan=True)
    return bool(np.mean(close) >= _MOST)


def _aligned(a: Series, b: Series) -> tuple[Array, Array] | None:
    """Values at common steps, or one by one where the axes differ and the lengths do not."""
    _, at_a, at_b = np.intersect1d(a.step, b.step, return_indices=True)
    shorter = min(len(a), len(b))
    if shorter < _FEWEST:
        return None
    # An epoch counted from 0 and from 1 has common steps too, but one by one it is the same.
    if len(a) == len(b):
        return a.value, b.value
    if len(at_a) >= max(_FEWEST, shorter // 2):
        return a.value[at_a], b.value[at_b]
    return None
