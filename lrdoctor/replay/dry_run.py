"""Dry run: the LR every logged step would have had under a correction, judged by all rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lrdoctor.diagnosis import judge
from lrdoctor.fit_groups import fit_groups
from lrdoctor.fixes._plan import corrected_lr
from lrdoctor.replay._torch_loop import Loop, Stepped, step_all
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
    """The diagnosis with ``resolves``, ``introduces`` and a dry-run outcome for each candidate;
    one that leaves a fault which another one resolves is dropped.

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
    return replace(diagnosis, candidates=tuple(c for c in rehearsed if _useful(c, rehearsed)))


def _useful(candidate: Candidate, others: Sequence[Candidate]) -> bool:
    """Whether to propose it: not one that leaves a fault which another one resolves."""
    answered = set(candidate.answers)
    refused = any(o.level == LEVEL and o.refused is not None for o in candidate.outcomes)
    resolved = answered & set(candidate.resolves)
    return bool(refused or resolved or not any(answered & set(c.resolves) for c in others))


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
    checks = (_SAME_LOSS, _ONLY_LOGGED, *_against_torch(case, candidate, torch_check))
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


def _against_torch(case: Case, candidate: Candidate, wanted: bool) -> tuple[str, ...]:
    """How the closed forms compare with torch's schedulers in a loop like the training's."""
    if not wanted:
        return ("the closed form was not checked against torch in this run",)
    loop = Loop(max(case.intent.accumulation or 1, 1))
    try:
        return tuple(_compared(done, loop) for done in step_all(candidate.schedules, loop))
    except ImportError:
        return ("torch is not installed, so the closed form was not checked against it",)
    except Exception as error:
        return (f"torch's scheduler could not be stepped: {type(error).__name__}: {error}",)


def _compared(done: Stepped, loop: Loop) -> str:
    import torch

    if done.off is None:
        return f"torch has no scheduler for this {done.name}; its closed form was not checked"
    batches = f", {loop.accumulate} batches each" if loop.accumulate > 1 else ""
    groups = f" of {len(done.groups)} param groups" if len(done.groups) > 1 else ""
    return (
        f"torch {torch.__version__} stepped over {done.steps:,} scheduler steps{batches} of "
        f"{done.name}{groups}, stopped half-way and resumed through state_dict, differs from the "
        f"closed form by {done.off:.1g} of the peak at most"
    )
