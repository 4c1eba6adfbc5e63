"""Effects stand under their cause, only where both belong to one event."""

from __future__ import annotations

from dataclasses import replace

from lrdoctor.causes import explain_effects
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Severity, Status
from lrdoctor.verdict import Evidence, Finding, Rule, RuleResult

_TEMPLATE = load_rulebook().rules[0]


def rule(name: str, *explained_by: str, category: str = "loss-response") -> Rule:
    return replace(
        _TEMPLATE, code=f"LRD{name}", name=name, explained_by=explained_by, category=category
    )


def found(of: Rule, start: int, stop: int, severity: Severity = Severity.WARNING) -> RuleResult:
    evidence = Evidence(start, stop, ("lr",), {})
    finding = Finding(of, evidence, of.name, severity, of.confidence, of.name)
    return RuleResult(of, Status.FOUND, finding)


def causes(*results: RuleResult, length: float = 1000.0) -> list[str | None]:
    explained = explain_effects(results, length)
    assert all(
        (r.status is Status.SUPPRESSED) == bool(r.finding.cause) for r in explained if r.finding
    )
    return [r.finding.cause if r.finding else None for r in explained]


def test_an_effect_is_suppressed_under_its_cause() -> None:
    results = (found(rule("a"), 100, 1000), found(rule("b", "a"), 400, 500))
    assert causes(*results) == [None, "LRDa"]
    assert explain_effects(results, 1000)[1].reason == "explained by LRDa a"


def test_another_event_of_the_same_run_stays() -> None:
    near, far = found(rule("b", "a"), 219, 300), found(rule("b", "a"), 221, 300)
    assert causes(found(rule("a"), 100, 200), near) == [None, "LRDa"]
    assert causes(found(rule("a"), 100, 200), far) == [None, None]


def test_faults_of_the_lr_alone_may_show_far_apart() -> None:
    short = found(rule("b", "a", category="warmup"), 0, 20)
    assert causes(found(rule("a", category="wiring"), 500, 1000), short) == [None, "LRDa"]
    loss = found(rule("b", "a"), 0, 20)
    assert causes(found(rule("a", category="wiring"), 500, 1000), loss) == [None, None]


def test_a_note_explains_an_alarm_away() -> None:
    note = found(rule("a"), 0, 10, Severity.INFO)
    assert causes(note, found(rule("b", "a"), 5, 10)) == [None, "LRDa"]


def test_an_effect_of_an_effect_names_the_first_cause() -> None:
    chain = (found(rule("c", "b"), 0, 9), found(rule("b", "a"), 0, 9), found(rule("a"), 0, 9))
    assert causes(*chain) == ["LRDa", "LRDa", None]


def test_two_that_explain_each_other_do_not_hang() -> None:
    both = (found(rule("a", "b"), 0, 9), found(rule("b", "a"), 0, 9))
    assert len(causes(*both)) == 2


def test_a_rule_that_was_not_found_explains_nothing() -> None:
    passed = RuleResult(rule("a"), Status.PASSED)
    assert causes(passed, found(rule("b", "a"), 0, 9)) == [None, None]
