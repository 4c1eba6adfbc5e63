"""The optimizer step at which an injected fault begins to show, measured on the faulty run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.accuracy.lab import History

Place = Callable[[History], int | None]
# Below this share of its peak an LR is used up; the largest floor that a fault here settles on.
_FLOOR = 0.015


def anywhere(history: History) -> int | None:
    """A fault of the whole run."""
    return None


def unfreezing(history: History) -> int | None:
    """The epoch that the configuration unfreezes at."""
    return int(history.recipe.intent["unfreeze_epoch"]) * history.steps_per_epoch


def peak(history: History) -> int | None:
    """The largest LR, where the LR rises to it."""
    lr = _first_group(history)
    return None if lr.max() < 2 * lr[0] else int(np.argmax(lr))


def floor(history: History) -> int | None:
    """The first LR after the peak that is used up."""
    lr = _first_group(history)
    top = int(np.argmax(lr))
    return top + int(np.flatnonzero(lr[top:] < _FLOOR * lr.max())[0])


def first_drop(history: History) -> int | None:
    """The first step whose LR is a tenth below the one before."""
    lr = _first_group(history)
    return int(np.flatnonzero(np.diff(lr) < -0.1 * lr[:-1])[0]) + 1


def _first_group(history: History) -> np.ndarray:
    return next(iter(history.lr.values()))
