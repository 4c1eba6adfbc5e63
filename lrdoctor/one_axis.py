"""Puts series that were logged against the epoch onto the step axis the others are on.

Training scripts often log ``add_scalar("train/loss", loss, global_step)`` and
``add_scalar("val/loss", loss, epoch)`` into one log; MMEngine and MAE do it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.roles_names import counts_by_one
from lrdoctor.types import Note, Role, Series, _freeze, _Value

# An epoch of fewer steps than this would not be told from a step.
_SHORTEST_EPOCH = 5.0
# Without a logged epoch, so many points in a row must count by one.
_FEWEST_COUNTED = 5
# How far the epochs counted and the steps reached may disagree, in epochs.
_SLACK = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Aligned(_Value):
    """LRs and signals on one axis, the length of an epoch that was used, and what was moved."""

    lr: tuple[Series, ...]
    signals: Mapping[Role, Series]
    per_epoch: float | None
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        _freeze(self, signals=self.signals)


def on_one_axis(
    lr: Sequence[Series], signals: Mapping[Role, Series], per_epoch: float | None
) -> Aligned:
    """The series, those counted in epochs moved to steps: an LR to the start of its epoch, a loss
    or metric to its end.

    ``per_epoch`` is the measured length of an epoch in steps; where it is None it follows from the
    number of epochs counted and the steps reached.
    """
    unmoved = Aligned(tuple(lr), signals, per_epoch)
    curves = {s.tag: s for s in (*lr, *(s for r, s in signals.items() if r in _MOVABLE)) if len(s)}
    last = max((int(s.step[-1]) for s in curves.values()), default=0)
    counted = [s for s in curves.values() if _in_epochs(s, last)]
    epochs = {len(s) for s in counted}
    if not counted or per_epoch == 1 or max(epochs) - min(epochs) > 1:
        return unmoved
    length = per_epoch or (last + 1) / max(epochs)
    if per_epoch is None and max(epochs) < _FEWEST_COUNTED:
        return unmoved
    if length < _SHORTEST_EPOCH or abs(max(epochs) - (last + 1) / length) > _SLACK:
        return unmoved
    moved = {s.tag for s in counted}
    tags = ", ".join(sorted(moved))
    note = f"{tags}: logged against the epoch, moved to steps at {length:.6g} steps an epoch"
    return Aligned(
        tuple(_moved(s, length, 0) if s.tag in moved else s for s in lr),
        {r: _moved(s, length, 1) if s.tag in moved else s for r, s in signals.items()},
        length,
        (Note("axis", note),),
    )


_MOVABLE = frozenset({Role.TRAIN_LOSS, Role.VAL_LOSS, Role.METRIC, Role.GRAD_NORM})


def _in_epochs(series: Series, last: int) -> bool:
    """Whether the series counts 0, 1, 2 … and ends long before the others."""
    return counts_by_one(series) and (int(series.step[-1]) + 1) * _SHORTEST_EPOCH <= last + 1


def _moved(series: Series, length: float, ends: int) -> Series:
    """Epoch ``k`` at step ``k length`` (``ends`` 0) or ``(k + 1) length - 1`` (``ends`` 1)."""
    epoch = series.step - series.step[0]
    step = np.round((epoch + ends) * length).astype(np.int64) - ends
    return Series(series.tag, step, series.value, series.wall_time)
