"""Judgement across rules: what one finding explains is not listed as a fault of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lrdoctor.types import Status
from lrdoctor.verdict import Finding, RuleResult

# Two spans that miss each other by this share of the run still belong to one event: a loss reacts
# some points after the LR, and each is logged at its own interval.
NEARBY = 0.02
# A schedule that is wired wrong shows at its end, and again in a warm-up that is too short.
_OF_THE_LR = frozenset({"warmup", "peak", "decay", "wiring"})


def explain_effects(results: Sequence[RuleResult], length: float) -> tuple[RuleResult, ...]:
    """The results with effects suppressed under their cause.

    A finding is an effect where a rule of its ``explained_by`` was found as well and both spans
    overlap or nearly do, or both are about the LR alone; ``length`` is the run's in x units. An
    effect of an effect names the first cause. Notes explain as well as faults: a benign explanation
    silences an alarm.
    """
    found = [r.finding for r in results if r.status is Status.FOUND and r.finding is not None]
    causes = {id(f): _cause_of(f, found, NEARBY * length) for f in found}
    return tuple(_under_its_cause(r, causes) for r in results)


def _cause_of(effect: Finding, found: Sequence[Finding], slack: float) -> Finding | None:
    """The finding that explains this one, most severe first."""
    names = effect.rule.explained_by
    fitting = [
        f for f in found if f.rule.name in names and f is not effect and _meet(f, effect, slack)
    ]
    return max(fitting, key=lambda f: f.severity.rank, default=None)


def _meet(cause: Finding, effect: Finding, slack: float) -> bool:
    if {cause.rule.category, effect.rule.category} <= _OF_THE_LR:
        return True
    one, other = cause.evidence, effect.evidence
    return one.start <= other.stop + slack and other.start <= one.stop + slack


def _under_its_cause(result: RuleResult, causes: Mapping[int, Finding | None]) -> RuleResult:
    finding = result.finding
    if finding is None or result.status is not Status.FOUND:
        return result
    cause, seen = causes[id(finding)], {id(finding)}
    while cause is not None and causes[id(cause)] is not None and id(cause) not in seen:
        seen.add(id(cause))
        cause = causes[id(cause)]
    if cause is None:
        return result
    reason = f"explained by {cause.rule.code} {cause.rule.name}"
    explained = replace(finding, cause=cause.rule.code)
    return replace(result, status=Status.SUPPRESSED, finding=explained, reason=reason)
