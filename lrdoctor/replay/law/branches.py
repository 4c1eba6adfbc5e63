"""A run that went on from another's checkpoint, joined with what it grew from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrdoctor.replay.law.path import LossRun

# A log that begins after this share of its own length did not begin at the start of a training.
_LATE = 0.02
# A checkpoint may be this share of the parent's length after its last logged step, and the first
# LR this far from the parent's: the branch may log its first step after the first decay.
_BEYOND = 0.02
_SAME_LR = 0.1


def joined(runs: Sequence[LossRun]) -> list[LossRun]:
    """The same runs, each that began in the middle of another preceded by that one's beginning.

    A cooldown from a checkpoint logs its own steps only; what the laws need is all that the model
    was trained on. The longest shared part wins where several runs could be the parent.
    """
    return [_with_parent(run, [r for r in runs if r is not run]) for run in runs]


def _with_parent(run: LossRun, others: Sequence[LossRun]) -> LossRun:
    start = float(run.lr_step[0])
    parents = [other for other in others if _continues(run, other)]
    if not parents:
        return run
    parent = max(parents, key=lambda other: float(np.sum(other.lr_step < start)))
    before, shown = parent.lr_step < start, parent.loss_step < run.loss_step[0]
    return LossRun(
        np.concatenate([parent.lr_step[before], run.lr_step]),
        np.concatenate([parent.lr[before], run.lr]),
        np.concatenate([parent.loss_step[shown], run.loss_step]),
        np.concatenate([parent.loss[shown], run.loss]),
    )


def _continues(run: LossRun, other: LossRun) -> bool:
    start, length = float(run.lr_step[0]), float(run.lr_step[-1])
    if start <= _LATE * length or not len(run.loss_step) or not len(other.lr_step):
        return False
    within = other.lr_step[0] < start <= other.lr_step[-1] * (1 + _BEYOND)
    there = float(np.interp(start, other.lr_step, other.lr))
    return bool(within and abs(run.lr[0] - there) <= _SAME_LR * there)
