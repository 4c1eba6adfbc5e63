"""JUnit read back by junitparser, and held to what Jenkins' schema junit-10 allows."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as Xml

import junitparser
import pytest

from lrdoctor.reports.junit import Junit
from lrdoctor.verdict import Report
from tests.reports.cases import empty, many_findings, with_baseline
from tests.reports.hostile import NAMES, hostile_report
from tests.reports.sample_report import late_peak, sample_report

# Elements of junit-10 with their attributes (those in capitals are required) and children.
JUNIT_10: dict[str, tuple[set[str], set[str]]] = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {
            "NAME", "TESTS", "FAILURES", "ERRORS", "group", "time", "skipped", "timestamp",
            "hostname", "id", "package", "file", "log", "url", "version",
        },
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "testcase": (
        {"NAME", "time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "skipped": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}  # fmt: skip


def root_of(report: Report) -> Xml.Element:
    """The document, which must keep the schema and count itself rightly."""
    root = Xml.fromstring(Junit().render(report).encode())
    _check(root)
    suites = root.findall("testsuite")
    for suite in suites:
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(cases)
        names = [(case.get("classname"), case.get("name")) for case in cases]
        assert len(set(names)) == len(names)
        for kind, attribute in (("failure", "failures"), ("error", "errors"), ("skipped",) * 2):
            assert int(suite.get(attribute, "")) == len(suite.findall(f"testcase/{kind}"))
    for attribute in ("tests", "failures", "errors"):
        assert int(root.get(attribute, "")) == sum(int(s.get(attribute, "")) for s in suites)
    return root


def _check(element: Xml.Element) -> None:
    attributes, children = JUNIT_10[element.tag]
    required = {a.lower() for a in attributes if a.isupper()}
    assert required <= set(element.keys()) <= {a.lower() for a in attributes}
    for child in element:
        assert child.tag in children
        _check(child)


def case_of(report: Report, run: str, code: str) -> Xml.Element:
    """The case of one rule on one run."""
    (found,) = [
        case
        for case in root_of(report).iter("testcase")
        if case.get("classname") == run and case.get("name", "").startswith(code)
    ]
    return found


def test_junitparser_reads_it_back() -> None:
    suites = junitparser.JUnitXml.fromstring(Junit().render(sample_report()).encode())
    assert [suite.name for suite in suites] == [
        "lrdoctor", "exp1/onecycle", "exp1/multistep", "exp2/constant", "exp3/no-lr",
        "exp2/cosine",
    ]  # fmt: skip
    assert (suites.failures, suites.errors) == (1, 1)
    (failed,) = [case for suite in suites for case in suite if case.is_failure]
    assert failed.classname == "exp1/onecycle"
    assert failed.name == "LRD201 onecycle-peak-misplaced"
    assert "Set pct_start to 0.2" in failed.result[0].text


@pytest.mark.parametrize(
    ("fail_on", "failures"), [("error", 1), ("warning", 2), ("info", 3), ("never", 0)]
)
def test_failures_are_what_fails_the_build(fail_on: str, failures: int) -> None:
    root = root_of(replace(sample_report(), fail_on=fail_on))
    assert root.get("failures") == str(failures)


def test_finding_below_the_limit_passes_with_its_text() -> None:
    case = case_of(sample_report(), "exp1/multistep", "LRD401")
    assert [child.tag for child in case] == ["system-out"]
    assert "rises from 0.672 to 1.143" in (case[0].text or "")


def test_suppressed_known_and_explained_findings_are_skipped_with_the_reason() -> None:
    case = case_of(sample_report(), "exp1/multistep", "LRD301")
    assert case[0].tag == "skipped"
    assert case[0].get("message", "").startswith("suppressed: short run, accepted by the team")
    known = case_of(with_baseline(), "exp1/onecycle", "LRD201")
    assert known[0].get("message") == "suppressed: known since 2026-01-31: being rewritten"
    effect = case_of(sample_report(), "exp1/multistep", "LRD402")
    assert effect[0].get("message") == "explained by LRD401"


def test_unmade_and_failed_checks_are_told_apart() -> None:
    unmade = case_of(sample_report(), "exp1/onecycle", "LRD601")
    assert unmade[0].get("message") == "not judged: no param group joins or moves"
    failed = case_of(sample_report(), "exp1/multistep", "LRD601")
    assert failed[0].tag == "error" and "ZeroDivisionError" in (failed[0].text or "")


def test_several_findings_of_a_rule_share_its_case() -> None:
    run = late_peak()
    twice = replace(run, results=(run.results[0], *run.results))
    case = case_of(replace(sample_report(), diagnoses=(twice,)), "exp1/onecycle", "LRD201")
    assert [child.tag for child in case] == ["failure"]
    assert (case[0].text or "").count("The LR peaks at epoch 27") == 3  # text, message and text


def test_nothing_to_judge_is_an_error() -> None:
    root = root_of(empty())
    assert (root.get("tests"), root.get("errors")) == ("1", "1")


def test_names_do_not_change_with_the_outcome() -> None:
    def names(report: Report) -> set[str]:
        return {c.get("name", "") for c in root_of(report).iter("testcase")}

    assert names(many_findings(1)) == names(replace(many_findings(1), fail_on="never"))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_give_xml_that_parses(name: str) -> None:
    root = root_of(hostile_report(name))
    junitparser.JUnitXml.fromstring(Junit().render(hostile_report(name)).encode())
    assert not {tag.tag for tag in root.iter()} - set(JUNIT_10)
    assert not any(
        "\n::" in value for case in root.iter("testcase") for value in case.attrib.values()
    )
