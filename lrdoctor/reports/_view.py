"""A report in reading order: what is most costly comes first, effects stand under their cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lrdoctor.reports._format import count
from lrdoctor.reports._outcomes import worth
from lrdoctor.types import Role, Severity, Status
from lrdoctor.verdict import Candidate, Curve, Diagnosis, Finding, Report, Rule, RuleResult

Cost: TypeAlias = tuple[int, int, float]
_STATES = ("error", "warning", "info", "unjudged", "suppressed", "healthy")


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding, the findings it explains, and the corrections offered for it, best first.

    ``run_anchor`` is that of its run, ``number`` counts the findings of that run.
    """

    run_anchor: str
    number: int
    diagnosis: Diagnosis
    finding: Finding
    cost: Cost
    effects: tuple[Finding, ...]
    candidates: tuple[Candidate, ...]

    @property
    def anchor(self) -> str:
        """Where the finding stands on its page."""
        return f"{self.run_anchor}-finding-{self.number}"

    @property
    def run(self) -> str:
        """The path of its run."""
        return self.diagnosis.run

    @property
    def is_remark(self) -> bool:
        """Whether it asks for no action."""
        return self.finding.severity is Severity.INFO

    @property
    def fix(self) -> Candidate | None:
        """The correction to try first."""
        return self.candidates[0] if self.candidates else None


@dataclass(frozen=True, slots=True)
class RunView:
    """One run with its findings and with what became of every other check.

    ``state`` is the severity of its worst finding, "suppressed" where all are accepted, "healthy",
    or "unjudged" where no check could be made; ``checks`` counts (made, all) rules.
    """

    anchor: str
    diagnosis: Diagnosis
    state: str
    findings: tuple[FindingView, ...]
    passed: tuple[RuleResult, ...]
    unjudged: tuple[RuleResult, ...]
    failed: tuple[RuleResult, ...]
    suppressed: tuple[RuleResult, ...]

    @property
    def name(self) -> str:
        """The run's path."""
        return self.diagnosis.run

    @property
    def tone(self) -> str:
        """``state`` as it looks: a run with nothing but remarks has no fault, if most checks were
        made."""
        made, all_rules = self.checks
        return "healthy" if self.state == "info" and 2 * made >= all_rules else self.state

    @property
    def verdict(self) -> str:
        """One sentence on this run alone."""
        made, all_rules = self.checks
        if self.state == "unjudged":
            return "Nothing could be judged on this run."
        if not self.faults:
            return f"No learning-rate fault in this run; {made} of {all_rules} checks made."
        return f"This run has {count(len(self.faults), 'learning-rate fault')}."

    @property
    def faults(self) -> tuple[FindingView, ...]:
        """Findings that ask for action."""
        return tuple(f for f in self.findings if not f.is_remark)

    @property
    def remarks(self) -> tuple[FindingView, ...]:
        """Findings that ask for none."""
        return tuple(f for f in self.findings if f.is_remark)

    @property
    def checks(self) -> tuple[int, int]:
        """How many rules could be judged, of how many."""
        judged = {Status.PASSED, Status.FOUND, Status.SUPPRESSED}
        results = self.diagnosis.results
        made = {r.rule.code for r in results if r.status in judged}
        return len(made), len({r.rule.code for r in results})


@dataclass(frozen=True, slots=True)
class Counts:
    """What was looked at and what came of it; every run and file is in here.

    ``suppressed`` are findings and checks that the configuration accepts, ``known`` findings that
    the baseline has; None where there is no baseline.
    """

    files_found: int
    runs: int
    judged: int
    not_judgeable: int
    unreadable: int
    failed_checks: int
    suppressed: int
    known: int | None
    error: int
    warning: int
    info: int

    @property
    def findings(self) -> int:
        """Findings of every severity, without suppressed ones."""
        return self.error + self.warning + self.info


@dataclass(frozen=True, slots=True)
class ReportView:
    """The report as templates get it: ``runs`` worst first, ``findings`` most costly first."""

    report: Report
    counts: Counts
    runs: tuple[RunView, ...]
    findings: tuple[FindingView, ...]
    verdict: str

    @property
    def faults(self) -> tuple[FindingView, ...]:
        """Findings that ask for action; with remarks they are ``findings``."""
        return tuple(f for f in self.findings if not f.is_remark)

    @property
    def remarks(self) -> tuple[tuple[FindingView, ...], ...]:
        """Findings that ask for none, those of one rule together."""
        groups: dict[str, list[FindingView]] = {}
        for one in self.findings:
            if one.is_remark:
                groups.setdefault(one.finding.rule.code, []).append(one)
        return tuple(map(tuple, groups.values()))


def view(report: Report) -> ReportView:
    """The reading order of a report."""
    runs = [_run_view(index, d) for index, d in enumerate(report.diagnoses, start=1)]
    findings = sorted((f for run in runs for f in run.findings), key=lambda f: f.cost)
    runs.sort(key=lambda run: (_STATES.index(run.state), [f.cost for f in run.findings][:1]))
    counts = count_all(report)
    return ReportView(report, counts, tuple(runs), tuple(findings), _verdict(counts, runs))


def first_fix(faults: Sequence[FindingView]) -> FindingView | None:
    """The first fault that a correction is ready for."""
    return next((fault for fault in faults if fault.fix is not None), None)


def cost(finding: Finding, length: int) -> Cost:
    """Sort key, most costly first: severity, confidence, share of the run."""
    confidence = ("high", "medium", "low").index(finding.confidence)
    share = (finding.evidence.stop - finding.evidence.start) / length
    return -finding.severity.rank, confidence, -share


def count_all(report: Report) -> Counts:
    """The figures of the last line."""
    results = [r for d in report.diagnoses for r in d.results]
    found = [f.severity for d in report.diagnoses for f in d.findings]
    judged = sum(d.judged for d in report.diagnoses)
    return Counts(
        files_found=report.files_found,
        runs=len(report.diagnoses),
        judged=judged,
        not_judgeable=len(report.diagnoses) - judged,
        unreadable=len(report.unreadable),
        failed_checks=sum(r.status is Status.FAILED for r in results),
        suppressed=sum(_accepted(r) and not _known(r) for r in results),
        known=None if report.baseline is None else sum(map(_known, results)),
        error=found.count(Severity.ERROR),
        warning=found.count(Severity.WARNING),
        info=found.count(Severity.INFO),
    )


def all_rules(report: Report) -> list[Rule]:
    """The rulebook, and any rule of a result that is not in it, by code."""
    used = (r.rule for d in report.diagnoses for r in d.results)
    rules = {rule.code: rule for rule in (*used, *report.rules)}
    return [rules[code] for code in sorted(rules)]


def _run_view(index: int, diagnosis: Diagnosis) -> RunView:
    findings = tuple(_findings(f"run-{index}", diagnosis))
    accepted = tuple(filter(_accepted, diagnosis.results))
    state = "healthy" if diagnosis.judged else "unjudged"
    if diagnosis.findings:
        state = diagnosis.findings[0].severity.value
    elif any(result.finding for result in accepted):
        state = "suppressed"
    by_status = {s: tuple(r for r in diagnosis.results if r.status is s) for s in Status}
    return RunView(
        anchor=f"run-{index}",
        diagnosis=diagnosis,
        state=state,
        findings=findings,
        passed=by_status[Status.PASSED],
        unjudged=by_status[Status.NOT_APPLICABLE],
        failed=by_status[Status.FAILED],
        suppressed=accepted,
    )


def _accepted(result: RuleResult) -> bool:
    """Whether the user switched a check off or accepted its finding; effects have a cause."""
    effect = result.finding is not None and result.finding.cause is not None
    return result.status is Status.SUPPRESSED and not effect


def _known(result: RuleResult) -> bool:
    return result.known_since is not None


def _findings(anchor: str, diagnosis: Diagnosis) -> Iterator[FindingView]:
    length = max(diagnosis.last - diagnosis.first, 1)
    ordered = sorted(diagnosis.findings, key=lambda f: cost(f, length))
    explained: set[str] = set()
    for number, finding in enumerate(ordered, start=1):
        code = finding.rule.code
        own = () if code in explained else tuple(f for f in diagnosis.effects if f.cause == code)
        explained.add(code)
        yield FindingView(
            run_anchor=anchor,
            number=number,
            diagnosis=diagnosis,
            finding=finding,
            cost=cost(finding, length),
            effects=own,
            candidates=_answers(diagnosis, finding),
        )


def _answers(diagnosis: Diagnosis, finding: Finding) -> tuple[Candidate, ...]:
    """Candidates for the finding: those the dry run proves first, then those that gain most by
    what replays can tell, then as the fixes proposed them."""
    code, group = finding.rule.code, finding.evidence.param_group
    fitting = [c for c in diagnosis.candidates if code in c.answers]
    return tuple(
        sorted(
            fitting,
            key=lambda c: (
                bool(c.introduces),
                code not in c.resolves,
                group is not None and group not in c.schedules,
                worth(c),
            ),
        )
    )


def lr_curves(diagnosis: Diagnosis, finding: Finding | None) -> list[Curve]:
    """LR curves with points, that of the finding's param group first."""
    rates = [c for c in diagnosis.curves if c.role is Role.LR and len(c.series)]
    if finding is None:
        return rates
    group, tags = finding.evidence.param_group, finding.evidence.tags
    return sorted(rates, key=lambda c: (c.param_group != group, c.tag not in tags))


def subject(found: FindingView) -> Curve | None:
    """The curve that shows a finding best where there is room for one: the LR, or the loss where
    the finding is about that first and no correction of the LR is at hand."""
    rates = lr_curves(found.diagnosis, found.finding)
    tags = found.finding.evidence.tags[:1]
    losses = (Role.TRAIN_LOSS, Role.VAL_LOSS)
    about = [c for c in found.diagnosis.curves if c.role in losses and c.tag in tags]
    chosen = about if about and found.fix is None else rates
    return chosen[0] if chosen else None


def on_log_axis(finding: Finding | None) -> bool:
    """Whether the LR is best seen on a log axis: all but peaks, which it flattens."""
    return finding is None or finding.rule.category != "peak"


def corrected_curves(fix: Candidate | None, drawn: Sequence[Curve]) -> list[Curve]:
    """Corrected LR curves of the groups drawn, in their order; of any group where none fits."""
    curves = [c for c in (fix.curves if fix else ()) if c.role is Role.LR and len(c.series)]
    groups = [c.param_group for c in drawn]
    fitting = [c for c in curves if c.param_group in groups]
    return sorted(fitting, key=lambda c: groups.index(c.param_group)) or curves


def _verdict(counts: Counts, runs: Sequence[RunView]) -> str:
    """One sentence: whether something is wrong, and how much could be looked at."""
    if not counts.runs:
        return f"Nothing was analysed: no run {'could be read' if counts.unreadable else 'found'}."
    everything = count(counts.runs, "run")
    if not counts.judged:
        return f"Nothing was judged: no check could be made on {everything}."
    new = "" if counts.known is None else "new "
    known = "" if not counts.known else f"; {count(counts.known, 'finding')} known before"
    faulty = sum(run.state in ("error", "warning") for run in runs)
    if faulty:
        verb = "has" if faulty == 1 else "have"
        return f"{faulty:,} of {everything} {verb} a {new}learning-rate fault{known}."
    remarks = f"; {count(counts.info, 'remark')}" if counts.info else ""
    left = counts.not_judgeable + counts.unreadable
    rest = f"; {left:,} more could not be read or judged" if left else ""
    return f"No {new}learning-rate fault in {count(counts.judged, 'run')}{remarks}{known}{rest}."
