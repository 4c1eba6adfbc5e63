"""LR curves of a run and its candidates on the steps of a replayed training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.detectors._context import governing_groups, largest_lr
from lrdoctor.types import Array, Case, ParamGroup, Schedule, _freeze, _Value
from lrdoctor.verdict import Candidate

# A param group that begins after this share of the run joined it; before, its log began late.
_LATE = 0.02
# LR curves that differ by less than this share of the peak are one.
_SAME = 1e-6
_HEAD = re.compile(r"(^|[^a-z])(head|classifier|fc|decoder|cls|new)([^a-z]|$)")
_BACKBONE = re.compile(r"backbone|encoder|trunk|body|features|pretrained|base_model")


@dataclass(frozen=True, slots=True, eq=False)
class Curves(_Value):
    """``lr``: float64[1 + candidates, steps, groups], the logged run first; NaN where a group is
    not trained. ``at``: float64[steps], where in the run each step stands. ``groups`` are the
    names of the columns, that of the head first."""

    lr: Array
    at: Array
    groups: tuple[str, ...]

    def __post_init__(self) -> None:
        _freeze(self, lr=self.lr, at=self.at)

    @property
    def peaks(self) -> Array:
        """The largest LR of the run and of each candidate: float64[1 + candidates]."""
        return np.asarray(np.nanmax(self.lr, axis=(1, 2)))


def curves_of(
    case: Case, candidates: Sequence[Candidate], steps: int, apart: bool = True
) -> Curves | None:
    """The run from its first step to its last, as ``steps`` steps; None without an LR.

    Groups whose LR is always the same are one where they need only be told ``apart``.
    """
    groups = _ordered([g for g in governing_groups(case) if len(g.lr.finite()) > 1])
    if not groups:
        return None
    at = case.first + (case.last + 1 - case.first) * np.arange(steps) / steps
    logged = {g.name: _logged(case, g, at) for g in groups}
    planned: list[dict[str, Schedule]] = [{}, *(dict(c.schedules) for c in candidates)]
    lr = np.stack([
        np.stack([_under(logged[g.name], p.get(g.name), at) for g in groups], axis=1)
        for p in planned
    ])  # fmt: skip
    if not np.nanmax(lr[0], initial=0.0) > 0:
        return None
    kept = _distinct(lr) if apart else list(range(len(groups)))
    return Curves(lr[:, :, kept], at, tuple(groups[i].name for i in kept))


def cut_short(case: Case, candidate: Candidate) -> tuple[str, ...]:
    """What to say of a candidate whose schedule is not over where the log ends."""
    end = case.last + 1
    late = end + _LATE * (end - case.first)
    if all(schedule.stop <= late for schedule in candidate.schedules.values()):
        return ()
    return (f"compared at {case.last}, where the log ends, before the corrected schedule does",)


def _ordered(groups: Sequence[ParamGroup]) -> list[ParamGroup]:
    """The head first: by its name, else the group with the largest LR; then what a name calls a
    backbone, then by LR."""

    def rank(group: ParamGroup) -> tuple[bool, bool, float]:
        name = group.name.lower()
        return not _HEAD.search(name), not _BACKBONE.search(name), -largest_lr(group)

    by_lr = sorted(groups, key=largest_lr, reverse=True)
    head = next((g for g in by_lr if _HEAD.search(g.name.lower())), None)
    head = head or next((g for g in by_lr if not _BACKBONE.search(g.name.lower())), None)
    rest = sorted((g for g in groups if g is not head), key=rank)
    return rest if head is None else [head, *rest]


def _logged(case: Case, group: ParamGroup, at: Array) -> Array:
    """The logged LR, NaN until the group is trained."""
    lr = group.lr.finite()
    value = np.maximum(np.interp(at, lr.step, lr.value), 0.0)
    trained = lr.value > 0
    begin = float(lr.step[int(np.argmax(trained))] if trained.any() else np.inf)
    late = begin > case.first + _LATE * (case.last - case.first)
    return np.where(at < begin, np.nan, value) if late else value


def _under(logged: Array, schedule: Schedule | None, at: Array) -> Array:
    """A group's LR under a candidate's schedule; before that begins, what was logged stays."""
    if schedule is None:
        return logged
    planned = np.maximum(np.nan_to_num(schedule.lr(at)), 0.0)
    return np.where(at >= schedule.start, planned, logged)


def _distinct(lr: Array) -> list[int]:
    """The columns that differ from all before them in some curve."""
    filled = np.nan_to_num(lr, nan=-1.0)
    near = _SAME * float(np.abs(filled).max())
    kept: list[int] = []
    for column in range(lr.shape[2]):
        apart = (np.abs(filled[:, :, [column]] - filled[:, :, kept]) > near).any(axis=(0, 1))
        if apart.all():
            kept.append(column)
    return kept
