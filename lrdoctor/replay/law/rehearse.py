"""Asks the loss laws about every candidate of a diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lrdoctor.detectors._context import governing_groups, largest_lr
from lrdoctor.replay.law.answer import Answer, Oracle, ask, consult
from lrdoctor.replay.law.path import LossRun, LrPath
from lrdoctor.replay.law.propose import cooldown_probe, searched
from lrdoctor.types import Case, ParamGroup, Role, Series
from lrdoctor.verdict import Candidate, Diagnosis, Outcome

LEVEL = "law"
# Points of a predicted curve in a report.
_DRAWN = 60
# A searched schedule whose loss is lower by less than this share is no better than a proposed one.
_EQUAL = 2e-3
_LAWS = (
    "the median of three loss laws fitted to this log; the interval held for nine of ten held-out "
    "schedules of other models"
)
_ALONE = "nothing but the LR changes: data, batch size, model and optimizer stay as they were"
_RANGE = (
    "a constant LR shows what training gains, not what a decay would: only a range; one short "
    "decay from the last checkpoint would tell"
)
# A param group whose first LR comes after this share of the run joined it.
_LATE = 0.02


def predict_candidates(
    case: Case, diagnosis: Diagnosis, extra: Sequence[LossRun] = ()
) -> Diagnosis:
    """The diagnosis with an outcome of level "law" for each candidate, and with the schedule of
    lowest predicted loss as one more where that is surely better than all of them.

    ``extra`` are trainings of the same model under the candidates: the laws are fitted to them as
    well, and nothing more is searched for.
    """
    run, reason = logged_run(case)
    group = _main(case)
    if run is None or group is None:
        told = _outcome(Answer("D", reason))
        refused = tuple(_with(candidate, told) for candidate in diagnosis.candidates)
        return replace(diagnosis, candidates=refused)
    oracle, baseline = consult([run, *extra]), run.path()
    probe = cooldown_probe(case) if oracle.grade == "C" else ""

    def asked(candidate: Candidate) -> Candidate:
        answer = _answer(oracle, baseline, candidate, group.name)
        return _with(candidate, _outcome(answer, probe, len(extra)))

    done = tuple(asked(candidate) for candidate in diagnosis.candidates)
    if oracle.fitted is not None and oracle.grade != "C" and not extra:
        best = searched(case, diagnosis, oracle.fitted, baseline, group)
        if best is not None and _surely_best(found := asked(best), done):
            done = (*done, found)
    return replace(diagnosis, candidates=done)


def _surely_best(found: Candidate, others: Sequence[Candidate]) -> bool:
    """Whether a searched schedule gains surely, and more than any proposed one."""
    told = found.outcomes[-1]
    losses = [o.loss for c in others for o in c.outcomes if o.level == LEVEL and o.loss is not None]
    gains = told.gain_interval is not None and told.gain_interval[0] > 0
    better = told.loss is not None and all(told.loss < loss - _EQUAL * abs(loss) for loss in losses)
    return gains and better


def logged_run(case: Case) -> tuple[LossRun | None, str | None]:
    """The run as the laws see it: the LR of its largest group and its loss; or why there is none.

    The training loss is taken, else the validation loss.
    """
    loss = next((case.signals[r] for r in (Role.TRAIN_LOSS, Role.VAL_LOSS) if case.has(r)), None)
    group = _main(case)
    if loss is None or group is None:
        return None, "the log has no loss" if loss is None else "no LR governs the run"
    if reason := _changed(case, group):
        return None, reason
    lr = _usable(group.lr)
    if len(lr) < 2:
        return None, "the log has too few LRs"
    return LossRun(lr.step.astype(float), lr.value, loss.step.astype(float), loss.value), None


def _changed(case: Case, group: ParamGroup) -> str | None:
    """What changed within the run beside its LR, so that no one law holds; None for nothing."""
    if case.run.restarts:
        return "the training was resumed: what was before and after may not be one run"
    planned = (case.intent.unfreeze_epoch, case.intent.unfreeze_step)
    late = case.first + _LATE * (case.last - case.first)
    joined = any(len(g.lr) and g.lr.step[0] > late for g in case.param_groups)
    if joined or any(place is not None for place in planned):
        return "layers were unfrozen within the run: a law holds for one set of trained parameters"
    if len(group.schedules) > 1:
        return (
            "the schedule was rebuilt within the run: gains would come out several times too small"
        )
    return None


def _answer(oracle: Oracle, baseline: LrPath, candidate: Candidate, group: str) -> Answer:
    curves = [c for c in candidate.curves if c.role is Role.LR and len(c.series) > 1]
    lr = next((c.series for c in curves if c.param_group == group), None)
    if oracle.fitted is None or lr is None:
        reason = oracle.refused or "it leaves the LR of the largest param group as it is"
        return Answer("D", reason)
    usable = _usable(lr)
    path = LrPath(usable.step.astype(float), usable.value, baseline.before)
    return ask(oracle, baseline, path, points=_DRAWN)


def _with(candidate: Candidate, outcome: Outcome) -> Candidate:
    kept = tuple(o for o in candidate.outcomes if o.level != LEVEL)
    return replace(candidate, outcomes=(*kept, outcome))


def _outcome(answer: Answer, probe: str = "", extra: int = 0) -> Outcome:
    ranged = (_RANGE,) if answer.grade == "C" else ()
    fed = (f"fitted to {extra} trainings of your own task as well",) if extra else ()
    return Outcome(
        level=LEVEL,
        assumptions=(_LAWS, _ALONE, *ranged, *fed),
        # The log and a training under another LR curve are two runs of different shape.
        grade="A" if extra and answer.grade == "B" else answer.grade,
        refused=answer.refused,
        baseline_loss=answer.baseline_loss,
        loss=answer.loss,
        interval=answer.interval,
        gain_interval=answer.gain_interval,
        band=None if answer.curve is None else answer.curve.rounded(),
        probe=probe if answer.grade == "C" else "",
    )


def _main(case: Case) -> ParamGroup | None:
    """The governing group with the largest LR."""
    return max(governing_groups(case), key=largest_lr, default=None)


def _usable(lr: Series) -> Series:
    points = lr.finite()
    keep = points.value >= 0
    return Series(points.tag, points.step[keep], points.value[keep])
