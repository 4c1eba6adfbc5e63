from __future__ import annotations

from dataclasses import replace

import pytest

from lrdoctor.gate import FAIL_ON, exit_code, failing
from tests.reports.sample_report import (
    diverged,
    healthy,
    late_peak,
    loss_jump,
    sample_report,
    without_lr,
)


@pytest.mark.parametrize(
    ("worst", "codes"),
    [  # exit codes for fail_on error, warning, info, never
        (late_peak(), (1, 1, 1, 0)),
        (loss_jump(), (0, 1, 1, 0)),
        (diverged(), (0, 0, 1, 0)),
        (healthy(), (0, 0, 0, 0)),
    ],
)
def test_exit_code_follows_the_worst_finding(worst: object, codes: tuple[int, ...]) -> None:
    report = replace(sample_report(), diagnoses=(healthy(), worst))  # type: ignore[arg-type]
    assert FAIL_ON == ("error", "warning", "info", "never")
    assert tuple(exit_code(replace(report, fail_on=f)) for f in FAIL_ON) == codes


def test_suppressed_and_explained_findings_do_not_fail() -> None:
    report = replace(sample_report(), diagnoses=(loss_jump(),), fail_on="info")
    assert [f.rule.code for f in failing(report)] == ["LRD401"]


@pytest.mark.parametrize("diagnoses", [(), (without_lr(),)])
def test_nothing_readable_is_neither_green_nor_a_finding(diagnoses: tuple[()]) -> None:
    report = replace(sample_report(), diagnoses=diagnoses, fail_on="never")
    assert exit_code(report) == 3
    assert exit_code(report, allow_empty=True) == 0
