"""Runs the user's own training under the logged LR and under every candidate of a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from lrdoctor.detectors._context import loss_of
from lrdoctor.replay.law.path import LossRun, points_of
from lrdoctor.replay.law.refuse import unfit
from lrdoctor.replay.law.rehearse import predict_candidates
from lrdoctor.replay.proxy.compare import final_losses
from lrdoctor.replay.proxy.curves import Curves, curves_of, cut_short
from lrdoctor.replay.proxy.outcomes import outcome_of, refusal
from lrdoctor.replay.proxy.setbacks import unrepeated
from lrdoctor.replay.proxy.train import Trained
from lrdoctor.replay.user.task import Plan, Result, UserTask, train_task
from lrdoctor.types import Array, Case, ClockUnit
from lrdoctor.verdict import Band, Candidate, Diagnosis, Outcome

LEVEL = "user"
# Longer runs are shrunk to this many steps unless the task says how many it wants.
MOST_STEPS = 2_000
# A task whose logged LR ends within the log's range of loss, widened by this share, is the
# training that was logged.
_NEAR = 0.25
# Trainings given to the laws beside the log; more are slower and tell no more.
_MOST_EXTRA = 4
# Points of a measured curve in a report.
_DRAWN = 60


def run_candidates(
    case: Case,
    diagnosis: Diagnosis,
    task: UserTask,
    plan: Plan,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Diagnosis, bool]:
    """The diagnosis with an outcome of level "user" for each candidate, and whether the user
    stopped the trainings.

    Where the task under the logged LR ends at losses like the log's, its trainings are given to the
    laws too, and their outcomes are made again.
    """
    candidates = diagnosis.candidates
    steps, told = _length(case, task)
    curves = curves_of(case, candidates, steps, apart=False) if candidates else None
    if curves is None:
        nothing = refusal(LEVEL, (), "no LR above 0 governs the run")
        return replace(diagnosis, candidates=tuple(_with(c, nothing) for c in candidates)), False
    told = (*told, *unrepeated(diagnosis.findings))
    outcomes, trained = run_curves(curves, task, plan, told, progress)
    extra = measured_runs(case, trained, curves.lr)
    predicted = predict_candidates(case, diagnosis, extra) if extra else diagnosis
    done = tuple(
        _with(c, replace(o, assumptions=(*o.assumptions, *cut_short(case, c))))
        for c, o in zip(predicted.candidates, outcomes, strict=True)
    )
    return replace(diagnosis, candidates=done), trained.stopped


def run_curves(
    curves: Curves,
    task: UserTask,
    plan: Plan,
    told: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Outcome], Trained]:
    """An outcome for every LR curve after the first, the baseline; and the losses of all."""
    result = train_task(task, curves.lr, curves.groups, plan, progress)
    assumptions = (*told, *_grouped(curves, task), f"your task {_named(task)} is what was logged")
    rows = range(1, len(curves.lr))
    return [_outcome(result, row, assumptions, curves) for row in rows], result.trained


def _named(task: UserTask) -> str:
    return f"{task.file}:{task.name}" if task.name else task.file


def _length(case: Case, task: UserTask) -> tuple[int, tuple[str, ...]]:
    """Optimizer steps to train, and how they stand to the log's."""
    logged = case.last + 1 - case.first
    if case.clock.unit is ClockUnit.EPOCH:
        per_epoch = case.intent.batches_per_epoch
        logged = logged * per_epoch if per_epoch else 0
    steps = task.steps or min(logged or MOST_STEPS, MOST_STEPS)
    if steps == logged:
        return steps, ()
    was = f"{logged:,} steps" if logged else f"{case.last + 1 - case.first:,} epochs"
    return steps, (f"the {was} of the log are shrunk or stretched to {steps:,} steps",)


def _grouped(curves: Curves, task: UserTask) -> tuple[str, ...]:
    if len(curves.groups) < 2 or task.kind == "train":
        return ()
    return (f"param groups of the log: {', '.join(curves.groups)}; the first unless group() says",)


def _outcome(result: Result, row: int, told: Sequence[str], curves: Curves) -> Outcome:
    trained, steps = result.trained, result.trained.loss.shape[-1]
    for place, who in ((row, ""), (0, "under the logged LR: ")):
        if place in result.failed and not (trained.done[[0, row]] == steps).all(axis=0).any():
            return refusal(LEVEL, told, f"{who}{result.failed[place]}")
    if row in result.failed:
        told = (*told, result.failed[row])
    outcome = outcome_of(trained, row, LEVEL, told)
    return replace(outcome, device=outcome.device or None, band=_band(trained, row, curves.at))


def _band(trained: Trained, row: int, at: Array) -> Band | None:
    """Mean, least and largest loss over the seeds, in means of neighbouring steps."""
    whole = trained.loss[row][np.isfinite(trained.loss[row]).all(axis=1)]
    if not len(whole):
        return None
    parts = np.array_split(np.arange(len(at)), min(_DRAWN, len(at)))
    means = np.stack([whole[:, part].mean(axis=1) for part in parts], axis=1)
    step = np.array([at[part].mean() for part in parts])
    return Band(step, means.mean(axis=0), means.min(axis=0), means.max(axis=0))


def measured_runs(case: Case, trained: Trained, lr: Array) -> tuple[LossRun, ...]:
    """The trainings of candidates as runs that laws can be fitted to: the mean over seeds of each.

    Empty where the task under the logged LR does not end where the log's losses are, or where a
    param group was frozen: then it is not, or not at once, the model that was logged.
    """
    logged = loss_of(case)
    if logged is None or np.isnan(lr).any():
        return ()
    known = logged.finite().value
    low, high = float(known.min()), float(known.max())
    if not low - _NEAR * (high - low) <= _end(trained.loss[0]) <= high:
        return ()
    step = np.arange(lr.shape[1], dtype=np.float64)
    runs = []
    for curve, losses in zip(lr[1:, :, 0], trained.loss[1:], strict=True):
        whole = losses[np.isfinite(losses).all(axis=1)]
        run = LossRun(step, curve, step, whole.mean(axis=0)) if len(whole) else None
        if run is not None and unfit(run, points_of(run)) is None:
            runs.append(run)
    return tuple(runs[:_MOST_EXTRA])


def _end(losses: Array) -> float:
    """The mean final loss of the trainings that came to an end; NaN without one."""
    whole = losses[np.isfinite(losses).all(axis=1)]
    return float(final_losses(whole).mean()) if len(whole) else float("nan")


def _with(candidate: Candidate, outcome: Outcome) -> Candidate:
    kept = tuple(o for o in candidate.outcomes if o.level != outcome.level)
    return replace(candidate, outcomes=(*kept, outcome))
