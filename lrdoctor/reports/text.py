"""The terminal report: what to change in which run, then why, then everything else in brief."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.messages import quantity_text, schedule_text
from lrdoctor.reports._ansi import Line, Span, emit, paragraph
from lrdoctor.reports._axes import loss_in_sight
from lrdoctor.reports._format import (
    cells,
    changed_lines,
    code_lines,
    count,
    middle,
    one_line,
    position,
    sentence,
    span,
    visible,
    words,
)
from lrdoctor.reports._outcomes import Claim, claims
from lrdoctor.reports._plot import plot
from lrdoctor.reports._prose import plain
from lrdoctor.reports._view import (
    Counts,
    FindingView,
    ReportView,
    RunView,
    corrected_curves,
    count_all,
    first_fix,
    on_log_axis,
    subject,
    view,
)
from lrdoctor.types import Quantity, Role, Series
from lrdoctor.verdict import Candidate, Diagnosis, Finding, Report, RuleResult

_LABEL = {"error": "ERROR", "warning": "WARNING", "info": "INFO"}
_MOST_NAMES = 12  # of healthy or unjudged runs in a line
_MOST_REMARKED = 3  # of runs that share a remark
_MOST_ROWS = 40  # of the table of runs, and of files that could not be read
_IN_FULL = 5  # findings with plot and diff; the others get message and fix
_NARROWEST = 16  # columns of a run's name
_INDENT = "   "


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text of ``width`` columns, with ANSI colours where ``color``.

    ``quiet`` gives one line per finding (``path:step: CODE name: message``) and nothing else,
    ``verbose`` adds evidence, passed checks, notes and the checks that could not be made.
    """

    name: ClassVar[str] = "text"
    suffix: ClassVar[str] = ".txt"
    width: int = 80
    color: bool = False
    quiet: bool = False
    verbose: bool = False

    def render(self, report: Report) -> str:
        """The whole report, ending in a newline; empty in quiet mode where nothing was found."""
        seen = view(report)
        lines = _quiet(seen) if self.quiet else self._full(seen)
        return emit(lines, self.color)

    def _full(self, seen: ReportView) -> Iterator[Line]:
        yield from self._head(seen)
        told = seen.findings if self.verbose else seen.faults
        for number, found in enumerate(told, start=1):
            yield []
            yield from self._finding(number, found, full=self.verbose or number <= _IN_FULL)
        if not self.verbose and len(told) > _IN_FULL:
            yield []
            yield [
                (
                    "dim",
                    f"Plots and diffs from finding {_IN_FULL + 1} on: -v, or --report FILE.html",
                )
            ]
        yield []
        yield from self._remarks(() if self.verbose else seen.remarks)
        yield from self._runs(seen.runs)
        if self.verbose:
            for run in seen.runs:
                yield from self._details(run)
        yield from self._problems(seen)
        yield from self._wrapped([("", _totals(seen.counts))], "")

    def _head(self, seen: ReportView) -> Iterator[Line]:
        counts = seen.counts
        left = counts.findings + counts.not_judgeable + counts.unreadable
        style = "good" if counts.judged and not left else "bold"
        yield from self._wrapped([(style, seen.verdict)], "")
        first = first_fix(seen.faults)
        if first is not None and first.fix is not None:
            start: list[Span] = [("bold", "Start with "), ("run", first.run)]
            yield from self._wrapped([*start, ("", f": {first.fix.title}.")], "")

    def _finding(self, number: int, found: FindingView, full: bool) -> Iterator[Line]:
        finding, rule = found.finding, found.finding.rule
        label = f"{number}. {_LABEL[finding.severity]} {rule.code} {rule.name}"
        run = middle(one_line(found.run), max(self.width - len(label) - 2, _NARROWEST))
        gap = self.width - len(label) - cells(run)
        yield [(finding.severity.value, label), ("", " " * gap), ("run", run)]
        yield from self._wrapped([("", sentence(finding.message))])
        yield from self._wrapped([("dim", _where(finding, found.diagnosis))])
        if full:
            yield from self._plot(found)
        for index, candidate in enumerate(found.candidates if full else found.candidates[:1]):
            yield from self._fix(candidate, first=index == 0, full=full)
        for effect in found.effects:
            told = f"Explains {effect.rule.code} {effect.rule.name}: {effect.message}"
            yield from self._wrapped([("dim", told)])
        if self.verbose:
            yield from self._why(finding)

    def _remarks(self, groups: Sequence[Sequence[FindingView]]) -> Iterator[Line]:
        """Notes that ask for no action, a paragraph per rule however many runs have it."""
        if groups:
            yield [("bold", "Remarks")]
        for same in groups:
            rule, runs = same[0].finding.rule, list(dict.fromkeys(f.run for f in same))
            lead: list[Span] = [("info", "● "), ("", f"{rule.code} {rule.name}: ")]
            if len(same) == 1:
                told = f"{one_line(runs[0])}: {same[0].finding.message}"
            else:
                names = _listed([one_line(run) for run in runs], _MOST_REMARKED)
                told = f"{rule.title}: {count(len(runs), 'run')}: {names}"
            yield from self._wrapped([*lead, ("", told)], " ")
            for effect in (e for one in same for e in one.effects):
                text = f"Explains {effect.rule.code} {effect.rule.name}: {effect.message}"
                yield from self._wrapped([("dim", text)])
        if groups:
            yield []

    def _plot(self, found: FindingView) -> Iterator[Line]:
        """The LR and its correction; the loss where that is what was found and nothing corrects
        it."""
        shown = subject(found)
        if shown is None:
            return
        corrected = corrected_curves(found.fix, [shown])[:1]
        evidence = found.finding.evidence
        series = shown.series
        log = on_log_axis(found.finding) and not (series.finite().value < 0).any()
        if shown.role is not Role.LR and log:
            series = Series(series.tag, series.step, loss_in_sight(series.value))
        drawn = plot(
            series,
            corrected[0].series if corrected else None,
            (evidence.start, evidence.stop),
            self.width - len(_INDENT),
            log=log,
        )
        if drawn is None:
            return
        for label, canvas in drawn.rows:
            yield [("dim", f"{_INDENT}{label}"), ("lr", canvas.rstrip())]
        yield [("dim", f"{_INDENT}{drawn.axis}")]
        yield [("dim", f"{_INDENT}{drawn.ends}")]
        legend = f"⠤ {shown.tag} ({'log' if log else 'linear'} axis)" + (
            "  · corrected" if corrected else ""
        )
        yield from self._wrapped([("dim", f"{legend}  ━ where")], _INDENT + " " * 10)

    def _fix(self, candidate: Candidate, first: bool, full: bool) -> Iterator[Line]:
        kind = {"safe": "Fix", "review": "Fix to review"}.get(candidate.disposition, "Fix")
        lead = kind if first else f"Or, {kind[0].lower()}{kind[1:]}"
        yield from self._wrapped([("bold", f"{lead}: "), ("", sentence(candidate.title))])
        if (first and full) or self.verbose:
            for text in changed_lines(candidate.diff):
                style = {"+": "added", "-": "removed"}[text[0]]
                for part in code_lines(visible(text), self.width - 2 * len(_INDENT)):
                    yield [("", _INDENT * 2), (style, part)]
        for claim in claims(candidate):
            yield from self._wrapped([("", f"{claim.level}: {claim.text}.")])
            if claim.probe and first and full:
                told = f"A short training would tell more{'' if self.verbose else ': -v shows it'}"
                yield from self._wrapped([("dim", told)])
            if self.verbose:
                yield from self._rests(claim)

    def _rests(self, claim: Claim) -> Iterator[Line]:
        """What a claim rests on, and the training that would tell more."""
        if claim.assuming:
            yield from self._wrapped([("dim", f"assuming: {claim.assuming}")], _INDENT * 2)
        for text in claim.probe.splitlines():
            for part in code_lines(f" {visible(text)}", self.width - 2 * len(_INDENT)):
                yield [("", _INDENT * 2), ("dim", part[1:])]

    def _why(self, finding: Finding) -> Iterator[Line]:
        rule = finding.rule
        measured = ", ".join(
            f"{words(name)} {quantity_text(q)}" for name, q in finding.evidence.measured.items()
        )
        limits = ", ".join(
            f"{words(name)} {quantity_text(Quantity(t.value, t.unit))}"
            for name, t in rule.thresholds.items()
        )
        changed = " ".join(filter(None, (finding.evidence.revision, rule.harmless)))
        for title, text in (
            ("Measured", measured),
            ("Thresholds", limits),
            ("Why", plain(rule.why)),
            ("What would change our mind", changed),
            ("Confidence", finding.confidence.value),
        ):
            if text:
                yield from self._wrapped([("bold", f"{title}: "), ("", text)])

    def _runs(self, runs: Sequence[RunView]) -> Iterator[Line]:
        shown = [run for run in runs if run.state != "healthy" or self.verbose]
        if runs:
            yield [("bold", "Runs")]
        rows = [_row(run) for run in shown[:_MOST_ROWS]]
        wide = max(self.width - 4 - max(map(len, rows), default=0), _NARROWEST)
        for run, row in zip(shown, rows, strict=False):
            name = middle(one_line(run.name), wide)
            padding = " " * (wide - cells(name))
            row = middle(row, self.width - 4 - wide)
            yield [("", " "), (run.state, "●"), ("", f" {name}{padding} {row}")]
        if len(shown) > _MOST_ROWS:
            yield [
                (
                    "dim",
                    f"   and {len(shown) - _MOST_ROWS:,} more, all of them in the other formats",
                )
            ]
        healthy = [run for run in runs if run.state == "healthy"]
        if healthy and not self.verbose:
            names = _listed([one_line(r.name) + _unmade(r) for r in healthy])
            told = f"{count(len(healthy), 'healthy run')}: {names}"
            yield from self._wrapped([("healthy", "● "), ("", told)], " ")

    def _details(self, run: RunView) -> Iterator[Line]:
        yield []
        yield from self._wrapped([("bold", run.name)], "")
        for group in run.diagnosis.schedules:
            told = f"{group.param_group}: {schedule_text(group.schedule.named)}"
            yield from self._wrapped([("dim", "schedule "), ("", told)])
        passed = ", ".join(f"{r.rule.code} {r.rule.name}" for r in run.passed)
        if passed:
            yield from self._wrapped([("dim", "passed "), ("", passed)])
        for title, results in (
            ("not judged", run.unjudged),
            ("failed", run.failed),
            ("suppressed", run.suppressed),
        ):
            for result in results:
                yield from self._wrapped([("dim", f"{title} "), ("", _reason(result))])
        for note in run.diagnosis.notes:
            yield from self._wrapped([("dim", "note "), ("", note.message)])

    def _problems(self, seen: ReportView) -> Iterator[Line]:
        """What was not judged or not read is said, whatever the verbosity."""
        unjudged: dict[str, list[str]] = {}
        failed: dict[str, list[str]] = {}
        for run in () if self.verbose else seen.runs:
            if run.state == "unjudged":
                reasons = dict.fromkeys(r.reason or "no reason given" for r in run.unjudged)
                unjudged.setdefault("; ".join(reasons), []).append(run.name)
            for result in run.failed:
                failed.setdefault(_reason(result), []).append(run.name)
        yield []
        for title, groups in (("Not judged", unjudged), ("Check failed", failed)):
            for reason, names in groups.items():
                told = f"{title}: {_listed([one_line(n) for n in names])}: {reason}"
                yield from self._wrapped([("", told)], "")
        failures = seen.report.unreadable
        for failure in failures[:_MOST_ROWS]:
            yield from self._wrapped([("", f"Not read: {failure.path}: {failure.reason}")], "")
        if len(failures) > _MOST_ROWS:
            yield [
                (
                    "",
                    f"Not read: {len(failures) - _MOST_ROWS:,} more, all in the JSON report",
                )
            ]
        for note in seen.report.notes:
            place = f" ({note.file})" if note.file else ""
            yield from self._wrapped([("", f"Note: {note.message}{place}")], "")
        notes = sum(len(run.diagnosis.notes) for run in seen.runs)
        if notes and not self.verbose:
            told = f"{count(notes, 'note')} on how logs were read: -v, or --report FILE.html"
            yield from self._wrapped([("dim", told)], "")

    def _wrapped(self, spans: Sequence[Span], indent: str = _INDENT) -> Iterator[Line]:
        return paragraph(spans, self.width, indent)


def totals(report: Report) -> str:
    """What was found, read and judged, in one line: all that quiet mode does not say."""
    return _totals(count_all(report))


def _quiet(seen: ReportView) -> Iterator[Line]:
    for found in seen.findings:
        finding = found.finding
        rule, step = finding.rule, finding.evidence.start
        told = f"{found.run}:{step}: {rule.code} {rule.name}: {finding.message}"
        yield [("", one_line(told))]


def _where(finding: Finding, diagnosis: Diagnosis) -> str:
    evidence = finding.evidence
    place = span(evidence.start, evidence.stop, diagnosis.unit)
    if diagnosis.steps_per_epoch and diagnosis.steps_per_epoch != 1:
        place = f"{place}, from {position(evidence.start, diagnosis)}"
    group = f", param group {evidence.param_group}" if evidence.param_group else ""
    return f"{place}{group}; {finding.confidence.value} confidence"


def _reason(result: RuleResult) -> str:
    return f"{result.rule.code} {result.rule.name}: {result.reason or 'no reason given'}"


def _totals(counts: Counts) -> str:
    parts: tuple[str, ...] = (
        f"files found {counts.files_found:,}",
        f"runs read {counts.runs:,}",
        f"judged {counts.judged:,}",
        f"not judgeable {counts.not_judgeable:,}",
        f"not read {counts.unreadable:,}",
        f"checks failed {counts.failed_checks:,}",
        f"suppressed {counts.suppressed:,}",
    )
    if counts.known is not None:
        parts = (*parts, f"new findings {counts.findings:,}", f"known before {counts.known:,}")
    return " · ".join(parts)


def _row(run: RunView) -> str:
    found = [f.rule for f in run.diagnosis.findings]
    accepted = [r.rule for r in run.suppressed if r.finding is not None]
    codes = " ".join(dict.fromkeys(rule.code for rule in found or accepted))
    state = {"unjudged": "not judged", "info": "remark"}.get(run.state, run.state)
    return f"{state:<11}{_checks(run)}  {codes}".rstrip()


def _checks(run: RunView) -> str:
    made, all_rules = run.checks
    return f"{made} of {all_rules} checks"


def _unmade(run: RunView) -> str:
    made, all_rules = run.checks
    return "" if made == all_rules else f" ({_checks(run)})"


def _listed(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    shown = ", ".join(middle(name, 48) for name in names[:most])
    more = len(names) - most
    return f"{shown} and {more:,} more" if more > 0 else shown
