"""Precision, recall and their like from verdicts: pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.accuracy.judging import Verdict


@dataclass(frozen=True)
class Score:
    """One rule or mechanism. ``runs`` faulty runs, of which ``hits`` were named aloud, ``located``
    of these at the right place and ``resolved`` with a candidate that passes the dry run;
    ``swapped`` would be hit by the findings of their control. ``true`` and ``false`` count runs
    with an alarm of this rule where it is true, and where it is not."""

    runs: int = 0
    hits: int = 0
    located: int = 0
    resolved: int = 0
    swapped: int = 0
    true: int = 0
    false: int = 0

    @property
    def recall(self) -> float:
        """Share of the faulty runs that were named; NaN without any."""
        return share(self.hits, self.runs)

    @property
    def precision(self) -> float:
        """Share of the alarms that are true; NaN without any."""
        return share(self.true, self.true + self.false)


def share(part: int, whole: int) -> float:
    """``part / whole``; NaN for nothing."""
    return part / whole if whole else float("nan")


def happened(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Without pairs whose fault did not do what it does."""
    return [v for v in verdicts if v.trial.kind == "healthy" or v.trial.occurred]


def by_mechanism(verdicts: Sequence[Verdict]) -> dict[str, Score]:
    """Recall of each mechanism."""
    names = dict.fromkeys(v.trial.mechanism for v in verdicts if v.trial.kind == "fault")
    return {n: _recall([v for v in verdicts if v.trial.mechanism == n]) for n in names}


def by_rule(verdicts: Sequence[Verdict]) -> dict[str, Score]:
    """Recall and precision of each rule that was injected or raised an alarm."""
    alarms = {f.rule.code for v in verdicts for f in v.loud}
    codes = sorted(alarms | {v.trial.code for v in verdicts if v.trial.code})
    return {code: _rule(code, verdicts) for code in codes}


def total(scores: Mapping[str, Score]) -> Score:
    """The sum of all, for micro averages."""
    fields = Score.__dataclass_fields__
    return Score(**{name: sum(getattr(s, name) for s in scores.values()) for name in fields})


def _rule(code: str, verdicts: Sequence[Verdict]) -> Score:
    recall = _recall([v for v in verdicts if v.trial.code == code])
    alarmed = [v for v in verdicts if any(f.rule.code == code for f in v.loud)]
    true = sum(_is_true(code, v) for v in alarmed)
    return Score(**{**vars(recall), "true": true, "false": len(alarmed) - true})


def _is_true(code: str, verdict: Verdict) -> bool:
    trial = verdict.trial
    return trial.kind == "fault" and code in (trial.code, *trial.also)


def _recall(verdicts: Sequence[Verdict]) -> Score:
    faults = [v for v in verdicts if v.trial.kind == "fault"]
    controls = {(v.trial.seed, v.trial.mechanism): v for v in verdicts if v.trial.kind == "control"}
    hits = [v for v in faults if v.hit(v.trial.code, v.trial.also)]
    partners = (controls.get((v.trial.seed, v.trial.mechanism)) for v in faults)
    pairs = zip(faults, partners, strict=True)
    return Score(
        runs=len(faults),
        hits=len(hits),
        located=sum(v.located for v in hits),
        resolved=sum(v.resolved for v in hits),
        swapped=sum(p is not None and p.hit(v.trial.code, v.trial.also) for v, p in pairs),
    )
