"""Dry run: the LR every logged step would have had under a correction, judged by all rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lrdoctor.diagnosis import judge
from lrdoctor.fit_groups import fit_groups
from lrdoctor.fixes._plan import corrected_lr
from lrdoctor.protocols import NamedSchedule
from lrdoctor.replay._torch_schedulers import (
    MOST_STEPS,
    closed_form,
    scheduler_steps,
    torch_lr,
)
from lrdoctor.rulebook import Rulebook
from lrdoctor.types import Case, ParamGroup, Role, Schedule, Series, Severity, Status
from lrdoctor.verdict import Candidate, Diagnosis, Outcome, RuleResult

LEVEL = "dry_run"
_SAME_LOSS = (
    "the loss is the logged one: the dry run proves the LR curve, not what training makes of it"
)
_ONLY_LOGGED = "the LR is computed at the logged steps; what was logged before a correction stays"


def rehearse(
    case: Case, diagnosis: Diagnosis, rulebook: Rulebook, *, torch_check: bool = False
) -> Diagnosis:
    """The diagnosis with ``resolves``, ``introduces`` and a dry-run outcome for each candidate.

    ``torch_check`` also steps torch's own schedulers and reports how far the closed form is from
    them; without it torch is not imported.
    """
    rehearsed = []
    for candidate in diagnosis.candidates:
        try:
            done = _rehearse_one(case, diagnosis.results, candidate, rulebook, torch_check)
        except Exception as error:  # a correction that cannot be checked must not hide the fault
            reason = f"could not be made: {type(error).__name__}: {error}"
            outcome = Outcome(level=LEVEL, assumptions=(_ONLY_LOGGED,), refused=reason)
            done = replace(candidate, outcomes=(outcome, *_others(candidate)))
        rehearsed.append(done)
    return replace(diagnosis, candidates=tuple(rehearsed))


def corrected(case: Case, candidate: Candidate) -> Case:
    """The case as if the candidate's schedules had been in force, fitted anew."""
    changed = candidate.schedules
    series = [_corrected_lr(g, changed.get(g.name)) for g in case.param_groups]
    fits = fit_groups(series, sorted({r.step for r in case.run.restarts}), case.clock)
    groups = tuple(
        replace(group, lr=lr, schedules=fit, governs=group.governs or group.name in changed)
        for group, lr, fit in zip(case.param_groups, series, fits, strict=True)
    )
    return replace(case, param_groups=groups)


def _corrected_lr(group: ParamGroup, schedule: Schedule | None) -> Series:
    lr = group.lr
    if schedule is None:
        return lr
    return corrected_lr(lr, schedule)


def _rehearse_one(
    case: Case,
    results: Sequence[RuleResult],
    candidate: Candidate,
    rulebook: Rulebook,
    torch_check: bool,
) -> Candidate:
    again = judge(corrected(case, candidate), rulebook)
    before, after = _codes(results, Status.FOUND), _alarms(again)
    known = before | _codes(results, Status.SUPPRESSED)
    passed = _codes(again, Status.PASSED)
    checks = (_SAME_LOSS, _ONLY_LOGGED, *_against_torch(candidate, torch_check))
    return replace(
        candidate,
        resolves=tuple(sorted(before & passed)),
        introduces=tuple(sorted(c for c in after - known if _asks_lr(c, rulebook))),
        outcomes=(Outcome(level=LEVEL, assumptions=checks), *_others(candidate)),
    )


def _alarms(results: Sequence[RuleResult]) -> set[str]:
    """Codes of warnings and errors: a remark is no fault of a correction."""
    found = (r.finding for r in results if r.status is Status.FOUND and r.finding is not None)
    return {f.rule.code for f in found if f.severity is not Severity.INFO}


def _asks_lr(code: str, rulebook: Rulebook) -> bool:
    """Whether a rule looks at the LR: the loss is the logged one, so what shows in it alone was
    there before, at most explained by an LR that the correction changes."""
    return Role.LR in rulebook.detectors[code].requires


def _others(candidate: Candidate) -> tuple[Outcome, ...]:
    return tuple(o for o in candidate.outcomes if o.level != LEVEL)


def _codes(results: Sequence[RuleResult], status: Status) -> set[str]:
    return {r.rule.code for r in results if r.status is status}


# ------------------------------------------------------------------------------- torch's own word


def _against_torch(candidate: Candidate, wanted: bool) -> tuple[str, ...]:
    """One sentence on how the closed form compares with torch's scheduler."""
    if not wanted:
        return ("the closed form was not checked against torch in this run",)
    named: dict[str, tuple[NamedSchedule, float]] = {}
    for schedule in candidate.schedules.values():
        if schedule.named is not None:
            named.setdefault(schedule.named.name, (schedule.named, schedule.stop - schedule.origin))
    try:
        return tuple(_compared(schedule, length) for schedule, length in named.values())
    except ImportError:
        return ("torch is not installed, so the closed form was not checked against it",)
    except Exception as error:
        return (f"torch's scheduler could not be stepped: {type(error).__name__}: {error}",)


def _compared(named: NamedSchedule, length: float) -> str:
    import torch

    steps = scheduler_steps(named, length)
    theirs = torch_lr(named, steps)
    if theirs is None:
        return f"torch has no scheduler for this {named.name}; its closed form was not checked"
    ours = closed_form(named, steps)
    worst = float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))
    shown = f"{min(steps, MOST_STEPS):,} scheduler steps"
    return (
        f"torch {torch.__version__} stepped over {shown} of {named.name} differs from the closed "
        f"form by {worst:.1g} of the peak at most"
    )
