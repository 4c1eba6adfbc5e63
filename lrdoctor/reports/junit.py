"""JUnit XML as Jenkins (schema junit-10), GitLab and most other servers read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar
from xml.etree import ElementTree as Xml

from lrdoctor.gate import NOTHING_READ, exit_code, reaches
from lrdoctor.reports._ci import (
    Item,
    advice,
    failure_text,
    message,
    note_text,
    open_items,
    suppressed,
    title,
    totals,
)
from lrdoctor.reports._format import one_line, visible
from lrdoctor.reports._view import ReportView, RunView, view
from lrdoctor.verdict import Report, RuleResult

_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


_GRAVEST = ("error", "failure", "system-out", "skipped", "")


@dataclass(frozen=True, slots=True)
class _Told:
    """What a case holds: the kind of its element ("" for a check that passed), message, text."""

    kind: str = ""
    message: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Junit:
    """A suite per run with a case per rule, and one on the files.

    A finding that fails the build is a failure, one below ``--fail-on`` passes with its text as
    output; suppressed ones and checks that could not be made are skipped with the reason, a check
    that raised is an error. Names have no step or value in them, so that servers can tell what
    came and went.
    """

    name: ClassVar[str] = "junit"
    suffix: ClassVar[str] = ".xml"

    def render(self, report: Report) -> str:
        """The whole document."""
        seen = view(report)
        suites = [_suite_of_files(seen), *(_suite(run, report.fail_on) for run in seen.runs)]
        root = Xml.Element("testsuites", name="lrdoctor")
        for count in ("tests", "failures", "errors"):
            root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
        root.extend(suites)
        Xml.indent(root)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, "unicode")}\n'


def _suite(run: RunView, fail_on: str) -> Xml.Element:
    """What became of every rule on one run, by rule."""
    name = one_line(run.name)
    by_rule: dict[str, list[_Told]] = {}
    for rule_name, told in _told(run, fail_on):
        by_rule.setdefault(rule_name, []).append(told)
    return _counted(name, [_case(name, rule, by_rule[rule]) for rule in sorted(by_rule)])


def _told(run: RunView, fail_on: str) -> Iterator[tuple[str, _Told]]:
    """What is to be told of each rule; of some several times."""
    for item in open_items(run):
        kind = "failure" if reaches(item.finding.severity, fail_on) else "system-out"
        text = "\n".join([message(item), *advice(item)])
        yield title(item.finding), _Told(kind, message(item), text)
    for item in suppressed(run):
        reason = f"suppressed: {item.accepted}"
        yield title(item.finding), _Told("skipped", reason, message(item))
    for effect in run.diagnosis.effects:
        text = message(Item(run.diagnosis, effect))
        yield title(effect), _Told("skipped", f"explained by {effect.cause}", text)
    for result in run.failed:
        reason = one_line(result.reason or "the check failed")
        yield _rule_name(result), _Told("error", reason, visible(result.traceback or ""))
    for result in run.unjudged:
        reason = f"not judged: {one_line(result.reason or '')}"
        yield _rule_name(result), _Told("skipped", reason)
    for result in run.suppressed:
        if result.finding is None:
            yield _rule_name(result), _Told("skipped", one_line(result.reason or "off"))
    for result in run.passed:
        yield _rule_name(result), _Told()


def _rule_name(result: RuleResult) -> str:
    return f"{result.rule.code} {result.rule.name}"


def _suite_of_files(seen: ReportView) -> Xml.Element:
    """Whether anything could be analysed, the files that were not read, the notes."""
    report = seen.report
    text = "\n".join([seen.verdict, totals(seen), *map(note_text, report.notes)])
    empty = exit_code(report) == NOTHING_READ
    verdict = _Told("error", "no learning rate in any run", text)
    cases = [
        _case(
            "lrdoctor",
            "a learning rate to judge",
            [verdict if empty else _Told("system-out", "", text)],
        ),
        *(
            _case("lrdoctor", f"read {one_line(f.path)}", [_Told("skipped", failure_text(f))])
            for f in report.unreadable
        ),
    ]
    return _counted("lrdoctor", cases)


def _case(suite: str, name: str, told: list[_Told]) -> Xml.Element:
    """A case that holds the gravest of what is told, with the text of everything."""
    gravest = min(told, key=lambda one: _GRAVEST.index(one.kind))
    case = Xml.Element("testcase", classname=suite, name=name)
    if gravest.kind:
        child = Xml.SubElement(case, gravest.kind)
        if gravest.kind != "system-out":
            child.set("message", gravest.message)
        texts = [gravest.text, *(f"{t.message}\n{t.text}" for t in told if t is not gravest)]
        child.text = "\n\n".join(text.strip() for text in texts if text.strip()) or None
    return case


def _counted(name: str, cases: list[Xml.Element]) -> Xml.Element:
    kinds = Counter(_COUNTED.get(case[0].tag, "") for case in cases if len(case))
    suite = Xml.Element("testsuite", name=name, tests=str(len(cases)))
    for attribute in _COUNTED.values():
        suite.set(attribute, str(kinds[attribute]))
    suite.extend(cases)
    return suite
