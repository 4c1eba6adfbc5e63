"""Applying rules to a case: one result each, whatever a detector does."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from lrdoctor.diagnosis import diagnose, judge
from lrdoctor.rulebook import Rulebook, load_rulebook
from lrdoctor.types import (
    Case,
    Clock,
    ClockUnit,
    Confidence,
    ParamGroup,
    Quantity,
    Role,
    Severity,
    Status,
)
from lrdoctor.verdict import LOG_QUALITY, Evidence, Judgement, Rule, Suppression, Unjudged
from tests.builders import a_run


@dataclass(frozen=True)
class Scripted:
    """A detector that says what it is told to."""

    script: tuple[Judgement | Exception, ...] = ()
    name: ClassVar[str] = "scripted"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR, Role.TRAIN_LOSS})
    measures: ClassVar[frozenset[str]] = frozenset({"ratio"})

    def detect(self, case: Case) -> Iterator[Judgement]:
        for line in self.script:
            if isinstance(line, Exception):
                raise line
            yield line


def a_rule(code: str = "LRD999", **changes: object) -> Rule:
    fields: dict[str, object] = {
        "code": code,
        "name": code.lower(),
        "category": "test",
        "title": "A test",
        "severity": Severity.WARNING,
        "confidence": Confidence.HIGH,
        "detector": "scripted",
        "message": "ratio {ratio} in {param_group} at {start}: {detail}",
        "why": "",
        "harmless": "",
        "fixes": (),
        "references": (),
        "thresholds": {},
    }
    return Rule(**{**fields, **changes})  # type: ignore[arg-type]


def a_rulebook(*script: Judgement | Exception, **changes: object) -> Rulebook:
    rule = a_rule(**changes)
    return Rulebook((rule,), {rule.code: Scripted(script)}, {}, "sha256:0")


def a_case(lr: bool = True) -> Case:
    run = a_run("exp/1").lr(0.1).loss().build()
    groups = (ParamGroup("lr", run.series["lr"], ()),) if lr else ()
    signals = {Role.TRAIN_LOSS: run.series["train/loss"]}
    return Case(run, signals, groups, Clock(ClockUnit.OPTIMIZER_STEP))


def evidence(start: int = 10, group: str | None = "lr", **changes: object) -> Evidence:
    return Evidence(start, start + 5, ("lr",), {"ratio": Quantity(0.25, "")}, group, **changes)  # type: ignore[arg-type]


def test_silent_detector_passes() -> None:
    assert [r.status for r in judge(a_case(), a_rulebook())] == [Status.PASSED]


def test_finding_carries_the_numbers_of_its_evidence() -> None:
    (result,) = judge(a_case(), a_rulebook(evidence(detail="so it is")))
    assert result.finding is not None
    assert result.finding.message == "ratio 0.25 in lr at 10: so it is"
    assert (result.finding.severity, result.finding.confidence) == (
        Severity.WARNING,
        Confidence.HIGH,
    )


def test_evidence_may_lower_the_severity() -> None:
    (result,) = judge(a_case(), a_rulebook(evidence(severity=Severity.INFO)))
    assert result.finding is not None and result.finding.severity is Severity.INFO


def test_missing_signal_is_named() -> None:
    (result,) = judge(a_case(lr=False), a_rulebook(evidence()))
    assert result.status is Status.NOT_APPLICABLE
    assert result.reason == "the log has no learning rate"


@pytest.mark.parametrize(
    ("rates", "says"),
    [
        ([0.1, 0.1, 0.1], "only 3 LR values"),
        ([np.nan, 0.1, np.inf, np.nan], "only 1 LR value,"),
        ([0.0] * 9, "every LR in the log is 0"),
    ],
)
def test_log_that_says_too_little_does_not_pass(rates: list[float], says: str) -> None:
    run = a_run().steps(0, len(rates)).lr(rates).loss().build()
    case = Case(
        run,
        {Role.TRAIN_LOSS: run.series["train/loss"]},
        (ParamGroup("lr", run.series["lr"], ()),),
        Clock(ClockUnit.OPTIMIZER_STEP),
    )
    (result,) = judge(case, a_rulebook())
    assert result.status is Status.NOT_APPLICABLE and says in (result.reason or "")


def test_detector_that_cannot_tell_says_why() -> None:
    (result,) = judge(a_case(), a_rulebook(Unjudged("one point per epoch")))
    assert (result.status, result.reason) == (Status.NOT_APPLICABLE, "one point per epoch")


def test_evidence_outweighs_doubt_about_another_group() -> None:
    results = judge(a_case(), a_rulebook(Unjudged("short"), evidence()))
    assert [r.status for r in results] == [Status.FOUND]


def test_failing_detector_costs_only_itself() -> None:
    good, bad = a_rule("LRD001"), a_rule("LRD002")
    book = Rulebook(
        (bad, good),
        {"LRD001": Scripted((evidence(),)), "LRD002": Scripted((ZeroDivisionError("oops"),))},
        {},
        "",
    )
    failed, found = judge(a_case(), book)
    assert failed.status is Status.FAILED and "ZeroDivisionError: oops" in (failed.reason or "")
    assert "Traceback" in (failed.traceback or "")
    assert found.status is Status.FOUND


def test_disabled_rule_is_counted_with_its_reason() -> None:
    rule = a_rule()
    book = Rulebook((rule,), {rule.code: Scripted((evidence(),))}, {rule.code: "known"}, "")
    (result,) = judge(a_case(), book)
    assert (result.status, result.reason) == (Status.SUPPRESSED, "off: known")


@pytest.mark.parametrize(
    ("rule", "runs", "expected"),
    [
        ("lrd999", "exp/*", Status.SUPPRESSED),
        ("LRD999", "*", Status.SUPPRESSED),
        ("LRD999", "other/*", Status.FOUND),
        ("LRD998", "*", Status.FOUND),
    ],
)
def test_suppression_matches_rule_and_run(rule: str, runs: str, expected: Status) -> None:
    suppression = Suppression(rule, "accepted", runs)
    diagnosis = diagnose(a_case(), a_rulebook(evidence()), [suppression])
    assert diagnosis.results[0].status is expected
    assert bool(diagnosis.findings) is (expected is Status.FOUND)


@pytest.mark.parametrize(
    ("until", "told"), [(None, "accepted"), ("2030-01-31", "accepted (until 2030-01-31)")]
)
def test_suppression_tells_its_reason_and_end(until: str | None, told: str) -> None:
    suppression = Suppression("LRD999", "accepted", until=until)
    diagnosis = diagnose(a_case(), a_rulebook(evidence()), [suppression])
    assert diagnosis.results[0].reason == told


def test_fingerprints_ignore_steps_and_tell_occurrences_apart() -> None:
    def prints(*script: Judgement) -> list[str]:
        results = judge(a_case(), a_rulebook(*script))
        return [r.finding.fingerprint for r in results if r.finding]

    first = prints(evidence(10), evidence(500), evidence(20, group="head"))
    assert prints(evidence(11), evidence(700), evidence(90, group="head")) == first
    assert len(set(first)) == 3


def test_diagnosis_survives_pickling_with_read_only_arrays() -> None:
    diagnosis = pickle.loads(pickle.dumps(diagnose(a_case(), a_rulebook(evidence()))))
    (found,) = diagnosis.findings
    assert found.message.startswith("ratio 0.25")
    assert not diagnosis.curves[0].series.value.flags.writeable
    assert diagnosis.roles[Role.TRAIN_LOSS] == ("train/loss",)


def test_curves_are_thinned_but_keep_extremes() -> None:
    spiky = np.full(50_000, 1.0)
    spiky[31_415] = 99.0
    run = a_run().steps(0, 50_000).lr(0.1).series("train/loss", spiky).build()
    case = Case(
        run, {Role.TRAIN_LOSS: run.series["train/loss"]}, (), Clock(ClockUnit.OPTIMIZER_STEP)
    )
    (curve,) = diagnose(case, a_rulebook()).curves
    assert len(curve.series) <= 2000
    assert curve.series.value.max() == 99.0


def test_rules_about_the_log_judge_no_run() -> None:
    """A log without an LR is unknown, not healthy, whatever is said about the log itself."""
    diagnosis = diagnose(a_run().loss().case(), load_rulebook())
    assert {f.rule.category for f in diagnosis.findings} == {LOG_QUALITY}
    quality = [r for r in diagnosis.results if r.rule.category == LOG_QUALITY]
    assert len(quality) > 1
    assert not replace(diagnosis, results=tuple(quality)).judged


def test_a_log_of_single_values_acquits_nobody() -> None:
    found = diagnose(a_run().steps(0, 1).lr(0.1).series("train/loss", 2.0).case(), load_rulebook())
    assert not found.judged and found.findings == ()
    reasons = {r.reason for r in found.results if r.status is Status.NOT_APPLICABLE}
    assert any(reason and "at most 1 value of anything" in reason for reason in reasons)
