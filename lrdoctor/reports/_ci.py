"""Findings as the formats of CI servers tell them, suppressed ones with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from lrdoctor.messages import number_text
from lrdoctor.reports._format import count, middle, one_line, sentence, span
from lrdoctor.reports._outcomes import LEVELS, gain, rehearsal
from lrdoctor.reports._view import FindingView, ReportView, RunView
from lrdoctor.types import Note
from lrdoctor.verdict import Candidate, Diagnosis, Finding, ReadFailure

_MOST_NAME = 120  # characters of a run or param group within a sentence
# What a note is about that concerns configuration and baseline, not the logs.
_OF_THE_SITE = ("suppression", "baseline")


@dataclass(frozen=True, slots=True)
class Item:
    """One finding of one run; ``accepted`` is the reason of a suppressed one, ``is_known`` says
    that the baseline has it."""

    diagnosis: Diagnosis
    finding: Finding
    accepted: str | None = None
    is_known: bool = False
    fix: Candidate | None = None
    effects: tuple[Finding, ...] = ()


def items(seen: ReportView) -> Iterator[Item]:
    """All findings, most costly first, then suppressed ones run by run. Effects stand under their
    cause."""
    yield from map(_open, seen.findings)
    for run in seen.runs:
        yield from suppressed(run)


def open_items(run: RunView) -> Iterator[Item]:
    """The findings of one run that are not suppressed."""
    return map(_open, run.findings)


def suppressed(run: RunView) -> Iterator[Item]:
    """The findings of one run that the configuration or the baseline accepts."""
    for result in run.suppressed:
        if result.finding is not None:
            reason = one_line(result.reason or "no reason given")
            known = result.known_since is not None
            yield Item(run.diagnosis, result.finding, reason, known)


def _open(found: FindingView) -> Item:
    return Item(found.diagnosis, found.finding, fix=found.fix, effects=found.effects)


def title(finding: Finding) -> str:
    """ "LRD401 loss-jump-at-lr-drop"."""
    return f"{finding.rule.code} {finding.rule.name}"


def run_name(diagnosis: Diagnosis) -> str:
    """The run within a sentence."""
    return middle(one_line(diagnosis.run), _MOST_NAME)


def message(item: Item) -> str:
    """What is wrong and where, in one line."""
    finding, diagnosis = item.finding, item.diagnosis
    evidence = finding.evidence
    where = [span(evidence.start, evidence.stop, diagnosis.unit)]
    if evidence.param_group:
        where.append(f"param group {middle(one_line(evidence.param_group), _MOST_NAME)}")
    where.append(f"{finding.confidence} confidence")
    return f"{sentence(one_line(finding.message))} ({', '.join(where)})."


def advice(item: Item) -> Iterator[str]:
    """A line on the fix and one for each finding that this one explains."""
    fix = item.fix
    if fix is not None:
        what = "Fix" if fix.disposition == "safe" else "Fix to review"
        proof = " ".join(_proofs(fix))
        yield f"{what}: {sentence(one_line(fix.title))}. {proof}"
    for effect in item.effects:
        yield f"Explains {title(effect)}: {one_line(effect.message)}."


def _proofs(fix: Candidate) -> Iterator[str]:
    """What the dry run says, and gains that are sure; no times, which differ from day to day."""
    yield f"{LEVELS['dry_run']}: {one_line(rehearsal(fix))}."
    for outcome in fix.outcomes:
        if bounds := gain(outcome):
            low, high = (number_text(bound, digits=3) for bound in bounds)
            level = LEVELS.get(outcome.level, one_line(outcome.level))
            yield f"{level}: saves {low} to {high} of loss."


def log_file(diagnosis: Diagnosis) -> str:
    """The path of the run's first log file, relative if the log was given so."""
    return _plain_path(diagnosis.files[0] if diagnosis.files else diagnosis.run)


def uri(path: str) -> str:
    """A path as a URI, relative to where the command ran unless it is absolute."""
    plain = _plain_path(path)
    return f"{'file://' if plain.startswith('/') else ''}{quote(plain, safe='/~')}"


def _plain_path(path: str) -> str:
    plain = one_line(path)
    while plain.startswith("./"):
        plain = plain[2:].lstrip("/")
    return plain or "."


def is_of_the_site(note: Note) -> bool:
    """Whether a note is about configuration or baseline: the user's to mend."""
    return note.kind.endswith(_OF_THE_SITE)


def note_text(note: Note) -> str:
    """A note in one line, with its file."""
    place = "" if note.file is None else f" ({one_line(note.file)})"
    return f"{one_line(note.message)}{place}"


def failure_text(failure: ReadFailure) -> str:
    """A file that was not read, and why."""
    return f"not read: {one_line(failure.path)}: {one_line(failure.reason)}"


def totals(seen: ReportView) -> str:
    """The figures of the last line, suppressed findings among them."""
    counts = seen.counts
    parts = [
        f"{count(counts.files_found, 'file')} found",
        f"{count(counts.runs, 'run')} read",
        f"{counts.judged:,} judged",
        f"{counts.unreadable:,} not read",
        f"{count(counts.findings, 'finding')}",
        f"{counts.suppressed:,} suppressed",
    ]
    if counts.known is not None:
        parts.append(f"{counts.known:,} known before")
    return ", ".join(parts)
