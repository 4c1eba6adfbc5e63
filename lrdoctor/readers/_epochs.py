"""Recognises a step that counts within each epoch: many equal stretches, one training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrdoctor.readers._table import is_loss, is_lr
from lrdoctor.types import Array, IntArray, Note, RawLog, RawSeries

FEWEST = 4  # cuts; equal runs appended to one file are rarely as many
_CONTINUES = 0.5  # jump between stretches over the way from the first value, medians


def counted_through(
    log: RawLog, keys: Sequence[Array], spine: int, cuts: Sequence[int], places: Sequence[float]
) -> RawLog | None:
    """The log with steps counted through all stretches, or None where these are several runs.

    All stretches must have the same first step and, but for the last, the same number of points,
    and the loss (the LR, where there is none) must go on where it was instead of starting over.
    """
    steps = log.series[spine].step
    edges = np.array([0, *cuts, len(steps)])
    lengths = np.diff(edges)
    equal = np.all(steps[edges[:-1]] == steps[0]) and np.all(lengths[:-1] == lengths[0])
    if len(cuts) < FEWEST or not equal or lengths[-1] > lengths[0]:
        return None
    if not any(_goes_on(s, k, places) for s, k in _judges(log, keys)):
        return None
    spacing = int(np.median(np.diff(steps[: edges[1]]))) if lengths[0] > 1 else 1
    length = int(steps.max() - steps[0]) + max(spacing, 1)
    series = [_shifted(s, k, places, length) for s, k in zip(log.series, keys, strict=True)]
    message = f"steps count within each of {len(lengths)} epochs of {length}; counted through"
    return RawLog(
        log.file, log.format, log.axis, tuple(series), log.hparams,
        (*log.notes, Note("axis", message, log.file)),
    )  # fmt: skip


def _judges(log: RawLog, keys: Sequence[Array]) -> list[tuple[RawSeries, Array]]:
    pairs = list(zip(log.series, keys, strict=True))
    return [p for p in pairs if is_loss(p[0].tag)] or [p for p in pairs if is_lr(p[0].tag)]


def _goes_on(series: RawSeries, key: Array, places: Sequence[float]) -> bool:
    first = np.searchsorted(key, places)
    first = first[(first > 0) & (first < len(key))]
    if len(first) < FEWEST:
        return False
    value = series.value
    jump = np.abs(value[first] - value[first - 1])
    way = np.abs(value[first] - value[0])
    known = np.isfinite(jump) & np.isfinite(way)
    return bool(known.any() and np.median(jump[known]) < _CONTINUES * np.median(way[known]))


def _shifted(series: RawSeries, key: Array, places: Sequence[float], length: int) -> RawSeries:
    epoch: IntArray = np.searchsorted(places, key, side="right").astype(np.int64)
    return RawSeries(
        series.tag, series.step + epoch * length, series.value, series.wall_time, series.order
    )
