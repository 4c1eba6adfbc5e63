"""Applies a rulebook to a case: detectors, suppressions, fixes; one failure never stops a run."""

from __future__ import annotations

import fnmatch
import hashlib
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lrdoctor.causes import explain_effects
from lrdoctor.curves.thin import thumbnail
from lrdoctor.messages import fill
from lrdoctor.plugins import discover
from lrdoctor.protocols import Detector
from lrdoctor.rulebook import Rulebook
from lrdoctor.snippets import add_code
from lrdoctor.types import Case, Role, Status
from lrdoctor.verdict import (
    LOG_QUALITY,
    Candidate,
    Curve,
    Diagnosis,
    Evidence,
    Finding,
    GroupSchedule,
    Rule,
    RuleResult,
    Suppression,
)

FEWEST_RATES = 4  # with fewer points every schedule is possible


def diagnose(case: Case, rulebook: Rulebook, suppressions: Sequence[Suppression] = ()) -> Diagnosis:
    """Everything the rulebook says about one case, with a candidate schedule per finding.

    ``suppressions`` are those in force; a finding they match keeps its place with the reason.
    """
    results = tuple(_suppress(r, case.run.name, suppressions) for r in judge(case, rulebook))
    candidates, failures = _candidates(case, results)
    result = Diagnosis(
        run=case.run.name,
        files=case.run.files,
        format=case.run.format,
        first=case.first,
        last=case.last,
        unit=case.clock.unit,
        steps_per_epoch=case.clock.steps_per_epoch,
        planned=case.total_steps,
        finished=case.finished,
        roles=_roles(case),
        restarts=case.run.restarts,
        schedules=tuple(
            GroupSchedule(group.name, group.lr.tag, schedule)
            for group in case.param_groups
            for schedule in group.schedules
        ),
        results=results + failures,
        candidates=candidates,
        curves=tuple(_curves(case)),
        hparams=case.run.hparams,
        notes=case.run.notes,
    )
    return add_code(result)


def judge(case: Case, rulebook: Rulebook) -> tuple[RuleResult, ...]:
    """One result per rule, or one per finding where a rule found several; effects of another
    finding are suppressed under it."""
    doubt = _says_too_little(case)
    results = [r for rule in rulebook.rules for r in _judge_rule(rule, rulebook, case, doubt)]
    return explain_effects(results, float(case.last - case.first))


def _judge_rule(
    rule: Rule, rulebook: Rulebook, case: Case, doubt: str | None
) -> tuple[RuleResult, ...]:
    if rule.code in rulebook.disabled:
        return (RuleResult(rule, Status.SUPPRESSED, reason=f"off: {rulebook.disabled[rule.code]}"),)
    return _apply(rule, rulebook.detectors[rule.code], case, doubt)


def _apply(rule: Rule, detector: Detector, case: Case, doubt: str | None) -> tuple[RuleResult, ...]:
    missing = [role for role in sorted(detector.requires) if not case.has(role)]
    if missing:
        names = " and ".join(_ROLE_TEXT[role] for role in missing)
        return (RuleResult(rule, Status.NOT_APPLICABLE, reason=f"the log has no {names}"),)
    if Role.LR in detector.requires and doubt:
        return (RuleResult(rule, Status.NOT_APPLICABLE, reason=doubt),)
    try:
        judgements = tuple(detector.detect(case))
    except Exception as error:  # a broken detector must not cost the user the other rules
        reason = f"the check failed: {type(error).__name__}: {error}"
        return (RuleResult(rule, Status.FAILED, reason=reason, traceback=traceback.format_exc()),)
    found = [j for j in judgements if isinstance(j, Evidence)]
    if found:
        return tuple(
            RuleResult(rule, Status.FOUND, _finding(rule, evidence, case, found[:index]))
            for index, evidence in enumerate(found)
        )
    if judgements:
        reason = "; ".join(
            dict.fromkeys(j.reason for j in judgements if not isinstance(j, Evidence))
        )
        return (RuleResult(rule, Status.NOT_APPLICABLE, reason=reason),)
    if rule.category != LOG_QUALITY and (doubt := _too_short(case)):
        return (RuleResult(rule, Status.NOT_APPLICABLE, reason=doubt),)
    return (RuleResult(rule, Status.PASSED),)


def _too_short(case: Case) -> str | None:
    """Why a log with a value or two acquits nobody: a README read as one, a run that just began."""
    seen = [group.lr for group in case.param_groups]
    seen += [series for role, series in case.signals.items() if role is not Role.EPOCH]
    most = max(map(len, seen), default=0)
    if most >= FEWEST_RATES:
        return None
    return f"the log has at most {most} value{'s' * (most != 1)} of anything, too few to judge"


def _says_too_little(case: Case) -> str | None:
    """Why the logged LR is no ground for any judgement, healthy included; None where it is one."""
    rates = [group.lr.finite().value for group in case.param_groups]
    most = max(map(len, rates), default=0)
    if most < FEWEST_RATES:
        return f"the log has only {most} LR value{'s' * (most != 1)}, too few to judge"
    if not any(rate.any() for rate in rates):
        return "every LR in the log is 0: printed with too few digits, or never set"
    return None


def _finding(rule: Rule, evidence: Evidence, case: Case, earlier: Sequence[Evidence]) -> Finding:
    subject = evidence.param_group or ",".join(evidence.tags)
    occurrence = sum((e.param_group or ",".join(e.tags)) == subject for e in earlier)
    return Finding(
        rule=rule,
        evidence=evidence,
        message=fill(rule.message, evidence, case.clock.unit),
        severity=evidence.severity or rule.severity,
        confidence=evidence.confidence or rule.confidence,
        fingerprint=_fingerprint(rule.name, case.run.name, subject, occurrence),
    )


def _fingerprint(rule: str, run: str, subject: str, occurrence: int) -> str:
    """Stable between scans: neither steps nor values enter it."""
    body = "\0".join(("v1", rule, run, subject, str(occurrence)))
    return hashlib.sha256(body.encode()).hexdigest()


def _suppress(result: RuleResult, run: str, suppressions: Sequence[Suppression]) -> RuleResult:
    if result.finding is None:
        return result
    for suppression in suppressions:
        of_rule = suppression.rule in (result.rule.code, result.rule.name)
        if of_rule and fnmatch.fnmatchcase(run, suppression.runs):
            return replace(result, status=Status.SUPPRESSED, reason=suppression.told)
    return result


def _candidates(
    case: Case, results: Sequence[RuleResult]
) -> tuple[tuple[Candidate, ...], tuple[RuleResult, ...]]:
    """Candidates of all findings without repeats, and a FAILED result per fix that raised."""
    made: dict[tuple[str, str], Candidate] = {}
    failures: list[RuleResult] = []
    for finding in (r.finding for r in results if r.status is Status.FOUND and r.finding):
        for name in finding.rule.fixes:
            try:
                for candidate in discover("fixes")[name]().propose(case, finding):
                    _merge(made, candidate)
            except Exception as error:  # as for detectors
                reason = f"the fix {name} failed: {type(error).__name__}: {error}"
                failures.append(
                    RuleResult(finding.rule, Status.FAILED, None, reason, traceback.format_exc())
                )
    return tuple(made.values()), tuple(failures)


def _merge(made: dict[tuple[str, str], Candidate], candidate: Candidate) -> None:
    key = (candidate.fix, candidate.title)
    known = made.get(key)
    answers = (*(known.answers if known else ()), *candidate.answers)
    made[key] = replace(candidate, answers=tuple(dict.fromkeys(answers)))


def _roles(case: Case) -> dict[Role, tuple[str, ...]]:
    """Tags by role. Param groups that share their LR to the last bit all name their own tag."""
    roles = {role: (series.tag,) for role, series in case.signals.items()}
    groups = [group.lr.tag for group in case.param_groups]
    named = [tag for tag, (role, _) in case.role_reasons.items() if role == Role.LR]
    return {Role.LR: tuple(dict.fromkeys(groups + named)), **roles}


def _curves(case: Case) -> Iterator[Curve]:
    for group in case.param_groups:
        yield Curve(Role.LR, group.lr.tag, thumbnail(group.lr), group.name)
    for role, series in case.signals.items():
        if role is not Role.EPOCH:
            yield Curve(role, series.tag, thumbnail(series))


_ROLE_TEXT = {
    Role.LR: "learning rate",
    Role.TRAIN_LOSS: "training loss",
    Role.VAL_LOSS: "validation loss",
    Role.EPOCH: "epoch",
    Role.METRIC: "metric",
    Role.GRAD_NORM: "gradient norm",
}
