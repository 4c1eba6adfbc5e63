"""Trains a small built-in task under the logged LR and under every candidate of a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from lrdoctor.messages import number_text
from lrdoctor.replay.proxy.curves import Curves, curves_of, cut_short
from lrdoctor.replay.proxy.levels import (
    LEVELS,
    STEPS,
    WEIGHT_DECAY,
    Optimizer,
    optimizer_of,
)
from lrdoctor.replay.proxy.outcomes import outcome_of, refusal
from lrdoctor.replay.proxy.setbacks import setbacks_of
from lrdoctor.replay.proxy.tasks import TASKS
from lrdoctor.replay.proxy.train import Setback, Settings, choose_device, train
from lrdoctor.types import Array, Case
from lrdoctor.verdict import Candidate, Diagnosis, Outcome

Progress: TypeAlias = Callable[[int, int], None]
LEVEL = "proxy"
# A candidate whose peak differs more asks where the run's LR stood, which no proxy knows.
SAME_PEAK = 1.25
# Trainings at a time on a CPU: more are no faster, and a stop keeps the batches that are done.
_ON_CPU = 48
_UNDER_BUDGET = 16
_CAVEAT = (
    "on this proxy a better or worse schedule shows as such; it is never a loss for your model"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked of the trainings; ``task`` names a built-in one."""

    task: str = "teacher"
    seeds: int = 8
    device: str = "auto"
    budget: float | None = None
    steps: int = STEPS


def train_candidates(
    case: Case, diagnosis: Diagnosis, wish: Wish, progress: Progress = lambda done, total: None
) -> tuple[Diagnosis, bool]:
    """The diagnosis with an outcome of level "proxy" for each candidate, and whether the user
    stopped the trainings.

    Raises ``MissingExtraError`` without torch, ``ConfigError`` for a device that is not there.
    """
    candidates = diagnosis.candidates
    curves = curves_of(case, candidates, wish.steps) if candidates else None
    if curves is None:
        nothing = refusal(LEVEL, (_CAVEAT,), "no LR above 0 governs the run")
        return replace(diagnosis, candidates=tuple(_with(c, nothing) for c in candidates)), False
    setbacks, happened = setbacks_of(case, diagnosis.findings, candidates, curves.at)
    outcomes, stopped = train_curves(
        curves, optimizer_of(case.run), wish, progress, setbacks, happened
    )
    done = tuple(
        _with(c, replace(o, assumptions=(*o.assumptions, *cut_short(case, c))))
        for c, o in zip(candidates, outcomes, strict=True)
    )
    return replace(diagnosis, candidates=done), stopped


def train_curves(
    curves: Curves,
    optimizer: Optimizer,
    wish: Wish,
    progress: Progress = lambda done, total: None,
    setbacks: Sequence[Sequence[Setback]] = (),
    happened: Sequence[str] = (),
) -> tuple[list[Outcome], bool]:
    """An outcome for every LR curve after the first, the baseline; and whether it was stopped.

    ``setbacks`` are those of each curve, ``happened`` what to say about them.
    """
    top = LEVELS[wish.task][optimizer.name]
    told = (_CAVEAT, *_assumed(curves, wish, optimizer, top), *happened)
    reasons = {row: _reason(curves, row) for row in range(1, len(curves.lr))}
    rows = [0, *(row for row, reason in reasons.items() if reason is None)]
    outcomes = {row: refusal(LEVEL, told, r) for row, r in reasons.items() if r is not None}
    stopped = False
    if len(rows) > 1:
        trained = train(
            TASKS[wish.task](),
            curves.lr[rows] / curves.peaks[0] * top,
            _settings(wish, optimizer.name, len(rows)),
            progress,
            [setbacks[row] for row in rows] if setbacks else (),
        )
        stopped = trained.stopped
        outcomes |= {
            row: outcome_of(trained, at, LEVEL, told, "proxy step")
            for at, row in enumerate(rows[1:], start=1)
        }
    return [outcomes[row] for row in sorted(outcomes)], stopped


def _settings(wish: Wish, optimizer: str, candidates: int) -> Settings:
    """All candidates of a seed in one batch, so that a stop leaves whole pairs."""
    device = str(choose_device(wish.device).type)
    at_once = _UNDER_BUDGET if wish.budget is not None else _ON_CPU
    seeds = max(at_once // candidates, 1) if device == "cpu" else wish.seeds
    return Settings(
        optimizer=optimizer,
        seeds=wish.seeds,
        device=device,
        budget=wish.budget,
        chunk=candidates * min(seeds, wish.seeds),
        weight_decay=WEIGHT_DECAY[optimizer],
    )


def _reason(curves: Curves, row: int) -> str | None:
    """Why no proxy can tell about a candidate; None where one can."""
    ratio = float(curves.peaks[row] / curves.peaks[0])
    if 1 / SAME_PEAK <= ratio <= SAME_PEAK:
        return None
    return (
        f"its peak LR is {number_text(ratio)} times the logged one, and whether that is too high "
        "is known to your model alone"
    )


def _assumed(curves: Curves, wish: Wish, optimizer: Optimizer, top: float) -> list[str]:
    known = f"{optimizer.name}, which the log names ({optimizer.source})"
    told = [
        f"task {wish.task!r} with {known if optimizer.source else _unknown(optimizer)}",
        f"the run is shrunk to {wish.steps} steps and its peak LR put at {number_text(top)}, the "
        "best peak of a cosine there; the shape of each LR curve is kept",
    ]
    if len(curves.groups) > 1:
        head, backbone, *rest = curves.groups
        text = f"param group {head} drives the proxy's head, {backbone} its backbone"
        told.append(text + (f"; left out: {', '.join(rest)}" if rest else ""))
    if _frozen(curves.lr[0]):
        told.append("a param group is frozen until its LR begins")
    return told


def _unknown(optimizer: Optimizer) -> str:
    return f"{optimizer.name}, since the log names no optimizer that the proxy has"


def _frozen(lr: Array) -> bool:
    return bool(np.isnan(lr).any())


def _with(candidate: Candidate, outcome: Outcome) -> Candidate:
    kept = tuple(o for o in candidate.outcomes if o.level != outcome.level)
    return replace(candidate, outcomes=(*kept, outcome))
