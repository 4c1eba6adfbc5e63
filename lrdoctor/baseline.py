"""The baseline: findings that were there before, so that only new ones fail a build."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from lrdoctor.errors import ConfigError
from lrdoctor.readers._load import display_name
from lrdoctor.reports._fields import Fields
from lrdoctor.types import Note, Status, _Value
from lrdoctor.verdict import Diagnosis, Finding, Report, RuleResult

FILE_NAME = "lrdoctor-baseline.json"
FORMAT, VERSION = "lrdoctor-baseline", 1
_MOST_NAMED = 3
_SORTED_BY = ("run", "rule", "fingerprint", "first_seen", "until", "reason")
_KEYS = ("fingerprint", "rule", "run", "first_seen", "reason", "until")


@dataclass(frozen=True, slots=True)
class Known(_Value):
    """A finding that the user has accepted as it is, and why.

    ``rule`` is the rule's name, ``first_seen`` the ISO date of its entry, ``until`` the ISO date
    from which it counts as new again.
    """

    run: str
    rule: str
    fingerprint: str
    first_seen: str
    reason: str
    until: str | None = None

    def __str__(self) -> str:
        return f"{self.rule} in {self.run}"


@dataclass(frozen=True, slots=True)
class Baseline(_Value):
    """The known findings of one file."""

    path: str
    entries: tuple[Known, ...]


def read_baseline(path: str) -> Baseline:
    """The baseline in a file. Raises ``ConfigError`` that names the place of what is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        hint = f"lrdoctor baseline write PATHS --baseline {path}"
        raise ConfigError(f"no such baseline; to make it: {hint}", path) from None
    except OSError as error:
        raise ConfigError(f"not a readable baseline: {error.strerror or error}", path) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"not a readable baseline: {error}", path) from error
    return parse_baseline(text, path)


def parse_baseline(text: str, path: str) -> Baseline:
    """The baseline in the content of a file. Raises ``ConfigError`` as ``read_baseline``."""
    try:
        return Baseline(path, tuple(_entries(text)))
    except ConfigError as error:
        raise ConfigError(error.reason, path, error.line) from None


def baseline_text(entries: Iterable[Known]) -> str:
    """The file's content: sorted, one field a line, so that a review shows what changed."""
    rows = [{key: asdict(entry)[key] for key in _KEYS} for entry in sorted(entries, key=_order)]
    table = {"format": FORMAT, "format_version": VERSION, "findings": rows}
    return json.dumps(table, indent=2) + "\n"


def accept(report: Report, baseline: Baseline, today: date) -> Report:
    """The report with known findings suppressed, and a note on entries that no longer hold."""
    known = in_force(baseline, today)
    return replace(
        report,
        diagnoses=tuple(accept_in(d, known) for d in report.diagnoses),
        notes=(*report.notes, *_notes(report, baseline, today)),
        baseline=baseline.path,
    )


def in_force(baseline: Baseline, today: date) -> dict[str, Known]:
    """The entries by fingerprint, without those that ended."""
    return {e.fingerprint: e for e in baseline.entries if not _ended(e, today)}


def accept_in(diagnosis: Diagnosis, known: Mapping[str, Known]) -> Diagnosis:
    """The diagnosis with known findings suppressed, and without corrections for them alone."""
    if not any(f.fingerprint in known for f in diagnosis.findings):
        return diagnosis
    changed = replace(diagnosis, results=tuple(_accepted(r, known) for r in diagnosis.results))
    left = {f.rule.code for f in changed.findings}
    return replace(
        changed, candidates=tuple(c for c in diagnosis.candidates if left & set(c.answers))
    )


def extended(
    entries: Sequence[Known], report: Report, today: date, reason: str, until: str | None = None
) -> tuple[Known, ...]:
    """The entries and one more for each finding of the report that they lack or whose entry ended.

    Suppressed findings have their reason elsewhere and are left out.
    """
    valid = {e.fingerprint: e for e in entries if not _ended(e, today)}
    return tuple(entries if len(valid) == len(entries) else valid.values()) + tuple(
        Known(d.run, f.rule.name, f.fingerprint, today.isoformat(), reason, until)
        for d in report.diagnoses
        for f in _open_findings(d)
        if f.fingerprint not in valid
    )


def stale(entries: Sequence[Known], report: Report) -> tuple[Known, ...]:
    """Entries whose finding is gone: its run was analysed and its rule, if there still is one,
    could be judged."""
    runs = {d.run: d for d in report.diagnoses}
    rules = {rule.name for rule in report.rules}
    return tuple(e for e in entries if e.run in runs and _is_gone(e, runs[e.run], e.rule in rules))


def missing(entries: Sequence[Known], report: Report) -> tuple[Known, ...]:
    """Entries of runs that are not in the report."""
    runs = {d.run for d in report.diagnoses}
    return tuple(e for e in entries if e.run not in runs)


def ended(entries: Sequence[Known], today: date) -> tuple[Known, ...]:
    """Entries whose ``until`` has come: their findings count as new again."""
    return tuple(e for e in entries if _ended(e, today))


def listed(entries: Sequence[Known]) -> str:
    """The first few entries by rule and run, and how many more there are."""
    named = ", ".join(map(str, entries[:_MOST_NAMED]))
    more = len(entries) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named


def _is_gone(entry: Known, diagnosis: Diagnosis, has_rule: bool) -> bool:
    found = {f.fingerprint for f in _all_findings(diagnosis)}
    judged = {
        r.rule.name for r in diagnosis.results if r.finding is not None or r.status is Status.PASSED
    }
    return entry.fingerprint not in found and (not has_rule or entry.rule in judged)


def _open_findings(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Those of ``findings``, and those that another baseline knew."""
    for result in diagnosis.results:
        is_open = result.status is Status.FOUND or result.known_since is not None
        if is_open and result.finding is not None:
            yield result.finding


def _all_findings(diagnosis: Diagnosis) -> Iterator[Finding]:
    return (r.finding for r in diagnosis.results if r.finding is not None)


def _accepted(result: RuleResult, known: Mapping[str, Known]) -> RuleResult:
    if result.status is not Status.FOUND or result.finding is None:
        return result
    entry = known.get(result.finding.fingerprint)
    if entry is None:
        return result
    end = "" if entry.until is None else f" (until {entry.until})"
    reason = f"known since {entry.first_seen}: {entry.reason}{end}"
    return replace(result, status=Status.SUPPRESSED, reason=reason, known_since=entry.first_seen)


def _notes(report: Report, baseline: Baseline, today: date) -> Iterator[Note]:
    gone = stale(baseline.entries, report)
    if gone:
        text = f"no longer found: {listed(gone)}; to remove what is gone: lrdoctor baseline prune"
        yield Note("stale-baseline", text, baseline.path)
    over = ended(baseline.entries, today)
    if over:
        yield Note("expired-baseline", f"no longer accepted: {listed(over)}", baseline.path)
    absent = missing(baseline.entries, report)
    if report.diagnoses and absent and len(absent) == len(baseline.entries):
        text = "none of its runs was analysed: was it written for other paths?"
        yield Note("unused-baseline", text, baseline.path)


def _ended(entry: Known, today: date) -> bool:
    return entry.until is not None and today.isoformat() >= entry.until


def _order(entry: Known) -> tuple[str, ...]:
    return tuple(getattr(entry, key) or "" for key in _SORTED_BY)


def _entries(text: str) -> Iterator[Known]:
    try:
        table: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"not JSON: {error.msg}", line=error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not JSON that can be read: {error}") from None
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise ConfigError(f'not a baseline of lrdoctor: "format" is not "{FORMAT}"')
    top = Fields(table)
    version = top.integer("format_version")
    if version != VERSION:
        raise ConfigError(f"format_version is {version}, and this lrdoctor reads {VERSION}")
    for fields in top.items("findings"):
        yield _entry(fields)


def _entry(f: Fields) -> Known:
    """One entry, its texts made printable as those of logs are: both must still match."""
    for key in f.values:
        if key not in _KEYS:
            raise ConfigError(f"{f.path}: unknown key {key!r}; there are: {', '.join(_KEYS)}")
    if not f.text("reason").strip():
        f.wrong("reason", "why the finding is accepted")
    return Known(
        run=display_name(f.text("run")),
        rule=display_name(f.text("rule")),
        fingerprint=display_name(f.text("fingerprint")),
        first_seen=_day(f, "first_seen", f.text("first_seen")),
        reason=display_name(f.text("reason"), 1000),
        until=None if (until := f.text_or_none("until")) is None else _day(f, "until", until),
    )


def _day(f: Fields, key: str, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        f.wrong(key, "a date such as 2030-01-31")
