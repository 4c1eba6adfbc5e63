"""Follows one run: from its diagnosis each time the log has grown to what a user should be told.

Pure: a state and a diagnosis go in, a state and events come out. What a user has been told changes
only after judgements of a growing log have agreed on something else for long enough, so that one
unlucky judgement neither raises an alarm nor takes one back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

from lrdoctor.types import Role, Severity, _freeze, _Value
from lrdoctor.verdict import Diagnosis, Finding


class Kind(StrEnum):
    """What happened to a finding, or to the log as a whole."""

    CONFIRMED = "confirmed"
    RAISED = "raised"  # told before, now more severe
    LOWERED = "lowered"
    EXPLAINED = "explained"  # another finding turned out to be its cause
    WITHDRAWN = "withdrawn"
    REWRITTEN = "rewritten"  # the log begins anew


@dataclass(frozen=True, slots=True)
class Patience(_Value):
    """How long judgements must agree before it is told: ``judgements`` in a row, while the log
    grows by the share ``growth`` of its length at the first of them."""

    judgements: int
    growth: float


# benchmarks/watch.py measures what other numbers would give; the table is in benchmarks/README.md.
# A logged LR has no noise: one judgement more guards against a last point that was caught half-way.
FROM_LR = Patience(judgements=2, growth=0.0)
# A loss comes back from most of what looks like a fault in its last few points.
FROM_LOSS = Patience(judgements=3, growth=0.1)
_FACTS = frozenset({"nonfinite_loss"})  # detectors that count and estimate nothing


def patience_for(finding: Finding, lr: Collection[str]) -> Patience:
    """What a finding needs, given the tags of the LR."""
    provable = finding.rule.detector in _FACTS or set(finding.evidence.tags) <= set(lr)
    return FROM_LR if provable else FROM_LOSS


Choice: TypeAlias = Callable[[Finding, Collection[str]], Patience]


@dataclass(frozen=True, slots=True)
class Sighting(_Value):
    """What is known of one subject: ``told`` to the user and ``seen`` by the last ``judgements``
    in a row, the first of which was made when the log ended at step ``since``; None is "nothing
    wrong". ``finding`` is the last one seen, ``cause`` the code that explained it away."""

    finding: Finding
    seen: Severity | None
    since: int
    judgements: int = 1
    told: Severity | None = None
    cause: str | None = None

    def next(self, finding: Finding | None, cause: str | None, last: int) -> Sighting:
        """After one more judgement, of a log that ends at step ``last``."""
        seen = None if finding is None else finding.severity
        finding = finding or self.finding
        if seen and self.seen and self.told is None:
            # One fault all along, whose severity is not settled: the milder one has lasted.
            seen = min(seen, self.seen, key=lambda severity: severity.rank)
            return replace(self, finding=finding, seen=seen, judgements=self.judgements + 1)
        if seen == self.seen:
            return replace(self, finding=finding, cause=cause, judgements=self.judgements + 1)
        return Sighting(finding, seen, last, told=self.told, cause=cause)

    def lasted(self, first: int, last: int, patience: Patience) -> bool:
        """Whether the judgements of a log over ``[first, last]`` have agreed for long enough."""
        then = self.since - first + 1
        grown = last - self.since >= patience.growth * then
        return grown and self.judgements >= patience.judgements


@dataclass(frozen=True, slots=True)
class Following(_Value):
    """All that is remembered of a run between judgements: the steps its log spans, the resumes in
    it, and a sighting per subject. ``shrunk`` where the last judgement was of a shorter log."""

    first: int = 0
    last: int = -1
    restarts: int = 0
    shrunk: bool = False
    sightings: Mapping[str, Sighting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _freeze(self, sightings=self.sightings)

    @property
    def standing(self) -> tuple[Finding, ...]:
        """What was told and still holds, most severe first, at the severity it was told with."""
        told = [replace(s.finding, severity=s.told) for s in self.sightings.values() if s.told]
        return tuple(sorted(told, key=lambda f: (-f.severity.rank, f.evidence.start)))

    @property
    def pending(self) -> int:
        """How many findings wait for confirmation."""
        return sum(s.told is None for s in self.sightings.values())


@dataclass(frozen=True, slots=True)
class Event(_Value):
    """Something to tell about ``finding``, or about the log as a whole where that is None.

    ``step`` is where the log ended, ``before`` where it did at the judgement that first saw the
    change; for a log begun anew its former end. ``cause`` is the code that explains the finding.
    """

    kind: Kind
    run: str
    step: int
    before: int
    finding: Finding | None = None
    cause: str | None = None


def advance(
    state: Following,
    diagnosis: Diagnosis,
    *,
    over: bool = False,
    least: Severity = Severity.INFO,
    patience: Choice = patience_for,
) -> tuple[Following, tuple[Event, ...]]:
    """The state after one more judgement, and what there is to tell.

    A log that has not grown says nothing new, and one that is shorter than before may have been
    caught while it is written out again: a second look decides if it begins anew. ``over``:
    nothing more will come, so what this judgement says is told without patience. Findings below
    ``least`` count as none; ``patience`` chooses how long each of the others waits.
    """
    events = []
    if diagnosis.last < state.last and len(diagnosis.restarts) <= state.restarts:
        if not state.shrunk and not over:
            return replace(state, shrunk=True), ()
        events.append(Event(Kind.REWRITTEN, diagnosis.run, diagnosis.last, state.last))
        state = Following()
    elif diagnosis.last == state.last and not over:
        return replace(state, shrunk=False), ()
    found = _subjects(f for f in diagnosis.findings if f.severity.rank >= least.rank)
    causes = {subject: f.cause for subject, f in _subjects(diagnosis.effects).items()}
    lr = diagnosis.roles.get(Role.LR, ())
    kept: dict[str, Sighting] = {}
    # What is found comes first: a cause is told before what it explains.
    for subject in dict.fromkeys((*found, *state.sightings)):
        finding, old = found.get(subject), state.sightings.get(subject)
        if old is not None:
            now = old.next(finding, causes.get(subject), diagnosis.last)
        elif finding is not None:
            now = Sighting(finding, finding.severity, diagnosis.last)
        if over and finding is not None:
            now = replace(now, seen=finding.severity)
        patient = patience(now.finding, lr)
        lasted = now.lasted(diagnosis.first, diagnosis.last, patient)
        if now.seen != now.told and (over or lasted):
            events.append(_event(now, diagnosis))
            now = replace(now, told=now.seen)
        if now.seen or now.told:
            kept[subject] = now
    restarts = len(diagnosis.restarts)
    return Following(diagnosis.first, diagnosis.last, restarts, sightings=kept), tuple(events)


def _event(now: Sighting, diagnosis: Diagnosis) -> Event:
    if now.seen is None:
        kind = Kind.EXPLAINED if now.cause else Kind.WITHDRAWN
    elif now.told is None:
        kind = Kind.CONFIRMED
    else:
        kind = Kind.RAISED if now.seen.rank > now.told.rank else Kind.LOWERED
    finding = replace(now.finding, severity=now.seen or now.finding.severity)
    return Event(kind, diagnosis.run, diagnosis.last, now.since, finding, now.cause)


def _subjects(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Findings by what they are about: rule, param group or series, and which of several. Neither
    a step nor a value nor the run's name enters it."""
    met: Counter[str] = Counter()
    result = {}
    for finding in sorted(findings, key=lambda f: f.evidence.start):
        evidence = finding.evidence
        about = evidence.param_group or ",".join(evidence.tags)
        subject = f"{finding.rule.code} {about}"
        result[f"{subject} {met[subject]}"] = finding
        met[subject] += 1
    return result
