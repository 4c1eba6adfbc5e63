"""When a finding is told, raised, explained and withdrawn, judgement by judgement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.fleet.follow import (
    FROM_LOSS,
    FROM_LR,
    Event,
    Following,
    Kind,
    Patience,
    advance,
    patience_for,
)
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import ClockUnit, Restart, Role, Severity, Status
from lrdoctor.verdict import Diagnosis, Evidence, Finding, RuleResult

BOOK = load_rulebook()


def a_finding(code: str = "LRD301", tag: str = "lr", **changes: object) -> Finding:
    rule = next(r for r in BOOK.rules if r.code == code)
    evidence = Evidence(0, 1, (tag,), {})
    found = Finding(rule, evidence, "words", Severity.ERROR, rule.confidence, "print")
    return replace(found, **changes)  # type: ignore[arg-type]


def judged(last: int, *found: Finding, restarts: int = 0, run: str = "run") -> Diagnosis:
    """A judgement of a log over ``[0, last]``; a finding with a cause is an effect."""
    return Diagnosis(
        run=run,
        files=("run.log",),
        format="csv",
        first=0,
        last=last,
        unit=ClockUnit.OPTIMIZER_STEP,
        steps_per_epoch=None,
        planned=None,
        finished=None,
        roles={Role.LR: ("lr",), Role.TRAIN_LOSS: ("loss",)},
        restarts=(Restart(1, 1),) * restarts,
        schedules=(),
        results=tuple(
            RuleResult(f.rule, Status.SUPPRESSED if f.cause else Status.FOUND, f) for f in found
        ),
    )


def told(*judgements: Diagnosis, over: bool = False) -> tuple[Following, list[Event]]:
    state, events = Following(), []
    for number, diagnosis in enumerate(judgements, start=1):
        state, new = advance(state, diagnosis, over=over and number == len(judgements))
        events += new
    return state, events


def kinds(*judgements: Diagnosis, over: bool = False) -> list[tuple[Kind, int, int]]:
    return [(e.kind, e.before, e.step) for e in told(*judgements, over=over)[1]]


def by_code(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {f.rule.code: f for f in findings}


LR, LOSS = a_finding(), a_finding("LRD402", tag="loss")


def test_what_the_lr_proves_is_told_at_the_second_judgement_of_a_grown_log() -> None:
    assert kinds(judged(100, LR)) == []
    assert kinds(judged(100, LR), judged(100, LR)) == []
    assert kinds(judged(100, LR), judged(101, LR)) == [(Kind.CONFIRMED, 100, 101)]


def test_what_rests_on_the_loss_must_outlast_a_tenth_of_growth() -> None:
    steady = [judged(step, LOSS) for step in (99, 104, 108, 109, 110)]
    assert kinds(*steady[:3]) == []
    assert kinds(*steady) == [(Kind.CONFIRMED, 99, 109)]
    assert kinds(judged(99, LOSS), judged(200, LOSS)) == []  # twice is not three times


def test_one_judgement_that_disagrees_starts_the_count_again() -> None:
    assert kinds(judged(100, LR), judged(101), judged(102, LR)) == []
    loss = [judged(step, LOSS) for step in (99, 105)]
    assert kinds(*loss, judged(108), judged(110, LOSS), judged(115, LOSS)) == []


def test_nothing_but_a_lasting_absence_withdraws() -> None:
    stands = [judged(100, LR), judged(101, LR)]
    assert kinds(*stands, judged(102), judged(103, LR), judged(104))[1:] == []
    assert kinds(*stands, judged(102), judged(103))[1:] == [(Kind.WITHDRAWN, 102, 103)]
    again = kinds(*stands, judged(102), judged(103), judged(104, LR), judged(105, LR))
    assert again[-1] == (Kind.CONFIRMED, 104, 105)


def test_an_effect_is_explained_rather_than_withdrawn() -> None:
    effect = replace(LR, cause="LRD501")
    state, events = told(judged(9, LR), judged(10, LR), judged(11, effect), judged(12, effect))
    assert [e.kind for e in events] == [Kind.CONFIRMED, Kind.EXPLAINED]
    assert events[-1].cause == "LRD501" and state.standing == ()


def test_a_worse_severity_waits_for_confirmation_too() -> None:
    mild = replace(LR, severity=Severity.WARNING)
    state, events = told(judged(9, mild), judged(10, mild), judged(11, LR))
    assert [e.kind for e in events] == [Kind.CONFIRMED]
    assert [f.severity for f in state.standing] == [Severity.WARNING]
    state, events = told(judged(9, mild), judged(10, mild), judged(11, LR), judged(12, LR))
    assert [e.kind for e in events] == [Kind.CONFIRMED, Kind.RAISED]
    assert [f.severity for f in state.standing] == [Severity.ERROR]
    lower = [judged(9, LR), judged(10, LR), judged(11, mild), judged(12, mild)]
    assert kinds(*lower)[1:] == [(Kind.LOWERED, 11, 12)]


def test_a_fault_of_changing_severity_is_told_as_the_milder() -> None:
    mild = replace(LR, severity=Severity.WARNING)
    state, events = told(judged(9, LR), judged(10, mild), judged(11, LR))
    assert [(e.kind, e.before) for e in events] == [(Kind.CONFIRMED, 9)]
    assert [f.severity for f in state.standing] == [Severity.WARNING]
    assert [e.finding.severity for e in events if e.finding] == [Severity.WARNING]


def test_remarks_are_not_followed_unless_asked_for() -> None:
    remark = replace(LR, severity=Severity.INFO)
    state, events = Following(), []
    for diagnosis in (judged(9, remark), judged(10, remark), judged(11, LR), judged(12, LR)):
        state, new = advance(state, diagnosis, least=Severity.WARNING)
        events += new
    assert [(e.kind, e.before) for e in events] == [(Kind.CONFIRMED, 11)]
    assert [e[0] for e in kinds(judged(9, remark), judged(10, remark))] == [Kind.CONFIRMED]


def test_a_log_written_anew_forgets_what_was_told() -> None:
    stands = (judged(100, LR), judged(101, LR))
    state, events = told(*stands, judged(20), judged(20))
    assert [(e.kind, e.before, e.step) for e in events[1:]] == [(Kind.REWRITTEN, 101, 20)]
    assert events[1].finding is None and state.standing == ()
    state, events = told(*stands, judged(20), judged(102, LR), judged(30))
    assert len(events) == 1 and state.standing == (LR,)  # caught while it was written out again


def test_a_resume_from_a_checkpoint_does_not() -> None:
    state, events = told(judged(100, LR), judged(101, LR), judged(60, LR, restarts=1))
    assert len(events) == 1 and state.standing == (LR,)


def test_neither_a_new_name_nor_new_numbers_make_a_new_finding() -> None:
    moved = replace(LR, message="other", evidence=Evidence(5, 9, ("lr",), {}), fingerprint="x")
    assert len(kinds(judged(9, LR), judged(10, moved, run="renamed"))) == 1
    other = replace(LR, evidence=Evidence(5, 9, ("lr",), {}, param_group="head"))
    assert kinds(judged(9, LR), judged(10, other)) == []


def test_patience_is_short_for_facts_alone() -> None:
    assert patience_for(LR, ("lr",)) == FROM_LR
    assert patience_for(a_finding("LRD404", tag="loss"), ("lr",)) == FROM_LR
    assert patience_for(LOSS, ("lr",)) == FROM_LOSS


FINDINGS = [
    replace(f, severity=severity)
    for f in (LR, LOSS, a_finding("LRD101"))
    for severity in (Severity.ERROR, Severity.WARNING)
]
HISTORY = st.lists(st.lists(st.sampled_from(FINDINGS), max_size=3, unique_by=lambda f: f.rule.code))


@given(HISTORY, st.integers(1, 50))
def test_at_the_end_a_user_knows_just_what_the_last_judgement_says(
    history: list[list[Finding]], stride: int
) -> None:
    judgements = [judged(10 + stride * i, *found) for i, found in enumerate([*history, [LR]])]
    state, events = told(*judgements, over=True)
    assert by_code(state.standing) == by_code(judgements[-1].findings)
    assert state.pending == 0
    known: dict[str, int] = {}
    for event in events:
        assert event.finding is not None
        change = {Kind.CONFIRMED: 1, Kind.WITHDRAWN: -1}.get(event.kind, 0)
        known[event.finding.rule.code] = known.get(event.finding.rule.code, 0) + change
        assert known[event.finding.rule.code] in (0, 1)


@given(HISTORY)
def test_without_patience_every_change_is_told_at_once(history: list[list[Finding]]) -> None:
    state = Following()
    for index, found in enumerate(history):
        diagnosis = judged(10 + index, *found)
        state, _ = advance(state, diagnosis, patience=lambda f, lr: Patience(1, 0.0))
        assert by_code(state.standing) == by_code(diagnosis.findings)


@pytest.mark.parametrize("over", [False, True])
def test_a_run_without_points_says_nothing(over: bool) -> None:
    assert kinds(judged(0), over=over) == []
