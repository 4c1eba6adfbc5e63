from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.errors import ConfigError
from lrdoctor.reports.json_v1 import JsonV1, read_json
from lrdoctor.types import Quantity, Role, Series, Status
from lrdoctor.verdict import Curve, Report
from tests.reports.json_schema import REPORT
from tests.reports.sample_report import late_peak, sample_report


def rendered(report: Report) -> Any:
    return json.loads(JsonV1().render(report))


def test_output_keeps_the_contract() -> None:
    jsonschema.validate(rendered(sample_report()), REPORT)


def test_empty_report_keeps_the_contract() -> None:
    jsonschema.validate(rendered(Report((), (), "0.1.0", "sha256:0", (), ())), REPORT)


def test_fields_mean_what_the_contract_says() -> None:
    run = rendered(sample_report())["runs"][0]
    assert run["path"] == "exp1/onecycle"
    assert run["steps"] == {
        "first": 0, "last": 8970, "unit": "optimizer_step", "planned": 9000,
        "finished": True, "per_epoch": 100.0,
    }  # fmt: skip
    assert run["roles"]["lr"] == ["lr/head", "lr/backbone"]
    assert run["roles"]["metric"] is None
    schedule = run["schedules"][0]
    assert (schedule["param_group"], schedule["name"]) == ("head", "onecycle")
    assert schedule["parameters"]["pct_start"] == 0.3
    result = run["results"][0]
    assert (result["code"], result["status"], result["severity"]) == ("LRD201", "found", "error")
    assert result["measured"]["peak_epoch"] == {"value": 27.0, "unit": "epochs"}
    assert run["candidates"][0]["for"] == ["LRD201"]
    assert run["candidates"][0]["schedules"]["head"]["parameters"]["pct_start"] == 0.2
    assert run["candidates"][0]["outcomes"][1]["gain_interval"] == [0.0046, 0.0211]


def test_summary_counts_findings_by_severity() -> None:
    summary = rendered(sample_report())["summary"]
    assert summary["findings"] == {"error": 1, "warning": 1, "info": 1}
    assert (summary["runs"], summary["suppressed"], summary["unreadable"]) == (5, 1, 1)


def test_round_trip_gives_the_same_text() -> None:
    text = JsonV1().render(sample_report())
    assert JsonV1().render(read_json(text)) == text


def test_reading_gives_the_values_back() -> None:
    report = sample_report()
    again = read_json(JsonV1().render(report))
    assert again.files_found == report.files_found
    assert again.unreadable == report.unreadable
    for one, other in zip(report.diagnoses, again.diagnoses, strict=True):
        assert one.roles == other.roles
        assert one.restarts == other.restarts
        assert one.notes == other.notes
        assert one.schedules == other.schedules
        assert [f.message for f in one.findings] == [f.message for f in other.findings]


values = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(values, min_size=1, max_size=20), values, st.text())
def test_round_trip_of_any_number_and_text(numbers: list[float], value: float, text: str) -> None:
    run = late_peak()
    result = run.results[0]
    assert result.finding is not None
    evidence = replace(result.finding.evidence, measured={text: Quantity(value, text)}, detail=text)
    finding = replace(result.finding, evidence=evidence, message=text)
    series = Series(text, np.arange(len(numbers)), np.array(numbers))
    changed = replace(
        run,
        run=text,
        results=(replace(result, finding=finding),),
        curves=(Curve(Role.TRAIN_LOSS, text, series),),
        hparams={text: value, "flag": True, "large": 2**70},
    )
    report = replace(sample_report(), diagnoses=(changed,))
    once = JsonV1().render(report)
    again = read_json(once)
    assert JsonV1().render(again) == once
    np.testing.assert_array_equal(again.diagnoses[0].curves[0].series.value, numbers)
    measured = again.diagnoses[0].findings[0].evidence.measured[text].value
    np.testing.assert_equal(measured, value)


def test_output_is_ascii_even_for_names_that_are_no_unicode() -> None:
    report = replace(sample_report(), diagnoses=(replace(late_peak(), run="a\udc80\u2028é"),))
    text = JsonV1().render(report)
    assert text.isascii()
    assert read_json(text).diagnoses[0].run == "a\udc80\u2028é"


def test_fields_of_later_minor_versions_are_ignored() -> None:
    document = rendered(sample_report())
    document["future"] = 1
    document["runs"][0]["results"][0]["future"] = {}
    assert read_json(json.dumps(document)).diagnoses[0].run == "exp1/onecycle"


def test_fields_that_version_1_gained_later_may_be_absent() -> None:
    document = rendered(sample_report())
    del document["rules"], document["notes"]
    del document["lrdoctor"]["fail_on"], document["lrdoctor"]["baseline"]
    for run in document["runs"]:
        for name in ("role_tags", "hparams", "curves"):
            del run[name]
        for result in run["results"]:
            for name in ("tags", "detail", "revision", "traceback", "known_since"):
                del result[name]
        for candidate in run["candidates"]:
            del candidate["curves"]
            for schedule in candidate["schedules"].values():
                for name in set(schedule) - {"name", "parameters"}:
                    del schedule[name]
    report = read_json(json.dumps(document))
    assert report.diagnoses[0].findings[0].rule.code == "LRD201"
    assert report.diagnoses[0].roles[Role.TRAIN_LOSS] == ("train/loss",)
    assert report.diagnoses[1].results[-1].status is Status.FAILED
    assert report.diagnoses[0].candidates[0].schedules["head"].named is not None


def put(*path: Any, value: Any) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


def drop(*path: Any) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return change


RUN = ("runs", 0)
SCHEDULE = (*RUN, "schedules", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("format", value="sarif"), "not a report of lrdoctor"),
        (put("lrdoctor", "fail_on", value="no"), "lrdoctor.fail_on: expected error | warning"),
        (put("format_version", value=2), "format_version is 2, and this lrdoctor reads 1"),
        (drop("format_version"), "format_version is missing"),
        (drop("runs"), "runs is missing"),
        (put("runs", value={}), "runs: expected a list of objects"),
        (put("runs", value=[1]), "runs: expected a list of objects"),
        (drop(*RUN, "path"), r"runs\[0\].path is missing"),
        (put(*RUN, "path", value=3), r"runs\[0\].path: expected a string, got 3"),
        (put(*RUN, "steps", "first", value="x"), r"runs\[0\].steps.first: expected a number"),
        (put(*RUN, "steps", "first", value=1.5), r"runs\[0\].steps.first: expected an integer"),
        (put(*RUN, "steps", "first", value="nan"), r"runs\[0\].steps.first: expected an integer"),
        (put(*RUN, "steps", "first", value=True), r"runs\[0\].steps.first: expected a number"),
        (put(*RUN, "steps", "unit", value="mile"), "expected optimizer_step | batch | epoch"),
        (put(*SCHEDULE, "name", value="zigzag"), "unknown schedule 'zigzag'; valid: "),
        (put(*SCHEDULE, "parameters", value={}), r"schedules\[0\].parameters: onecycle needs"),
        (put(*SCHEDULE, "parameters", "pct_start", value=7), "pct_start must lie between 0 and 1"),
        (put(*SCHEDULE, "parameters", "pct_start", value={}), "expected a plain value"),
        (put(*SCHEDULE, "segments", 0, "shape", value="spiral"), "expected .*constant"),
        (put(*SCHEDULE, "segments", 0, "parameters", value={"v": 1}), "unexpected keyword"),
        (put(*RUN, "results", 0, "status", value="maybe"), "status: expected passed"),
        (put(*RUN, "curves", 0, "step", value=[0, 1]), r"curves\[0\]: series .* differ in length"),
        (put(*RUN, "curves", 0, "step", value=[2**70]), "expected a list of integers"),
        (put(*RUN, "curves", 0, "value", value=["x"]), "expected a list of numbers"),
        (put(*RUN, "candidates", 0, "outcomes", 1, "interval", value=[1]), "expected two numbers"),
    ],
)
def test_broken_report_names_the_field(change: Callable[[Any], None], message: str) -> None:
    document = rendered(sample_report())
    change(document)
    with pytest.raises(ConfigError, match=message):
        read_json(json.dumps(document))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a report of lrdoctor"),
        ('{"format": NaN}', "NaN is not a JSON number"),
        ("[" * 100_000, "not JSON that can be read"),
        ("1" * 10_000, "not JSON that can be read"),
    ],
)
def test_text_that_is_no_report_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_json(text)
