"""The pytest plugin: a test that fails where the learning rate of a training is at fault.

Installed with the package; a test takes the fixture ``assert_healthy`` or imports the function.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lrdoctor.fleet.worker import Job
    from lrdoctor.types import Run
    from lrdoctor.verdict import Diagnosis, Report

    Judged = str | os.PathLike[str] | Run | Diagnosis | Report

__all__ = ["assert_healthy"]


def assert_healthy(
    run: Judged,
    fail_on: str | None = None,
    *,
    expect: Mapping[str, str] | None = None,
    roles: Mapping[str, str] | None = None,
    baseline: str | None = None,
    allow_empty: bool = False,
) -> Report:
    """Fails with the findings at or above ``fail_on``, and where there is no LR to judge.

    ``run`` is the path of a log or of a folder of logs, or what ``lrdoctor.read_runs``,
    ``diagnose`` and ``analyze`` return. ``fail_on`` ("error", "warning", "info" or "never"),
    rules, suppressions and baseline come from ``lrdoctor.toml`` where they are not given.
    ``expect`` and ``roles`` (tag to role) are as for ``lrdoctor.analyze``. Returns the report, for
    further checks.

    Raises ``AssertionError`` with the text report, ``ConfigError`` for a wrong argument or
    configuration.
    """
    __tracebackhide__ = True
    from lrdoctor.gate import NOTHING_READ, PASSED, exit_code

    report = _report(run, fail_on, expect or {}, roles or {}, baseline)
    code = exit_code(report, allow_empty)
    if code == NOTHING_READ:
        raise AssertionError(f"no learning rate to judge in {_named(run)}\n{_text(report)}")
    if code != PASSED:
        raise AssertionError(_text(report))
    return report


@pytest.fixture(name="assert_healthy", scope="session")
def _assert_healthy() -> Callable[..., Any]:
    """``assert_healthy(path, fail_on="error")``: fails where a run's learning rate is at fault."""
    return assert_healthy


def _report(
    run: Judged,
    fail_on: str | None,
    expect: Mapping[str, str],
    roles: Mapping[str, str],
    baseline: str | None,
) -> Report:
    """What is known of ``run``, under the configuration from the current folder upward."""
    from dataclasses import replace
    from datetime import date

    from lrdoctor.api import analyze
    from lrdoctor.baseline import accept
    from lrdoctor.errors import ConfigError
    from lrdoctor.gate import FAIL_ON
    from lrdoctor.job import expired, known_findings, make_job, settings
    from lrdoctor.verdict import Report

    site = settings(None)
    limit = fail_on or site.fail_on
    if limit not in FAIL_ON:
        raise ConfigError(f"fail_on = {limit!r} must be one of {', '.join(FAIL_ON)}")
    job = make_job(site, roles=roles, expect=expect)
    if isinstance(run, str | os.PathLike):
        report = analyze(run, job, exclude=site.exclude, notes=expired(site))
    else:
        report = run if isinstance(run, Report) else _report_on(run, job)
    known = known_findings(site, baseline)
    if known is not None:
        report = accept(report, known, date.today())
    return replace(report, fail_on=limit)


def _report_on(run: Run | Diagnosis, job: Job) -> Report:
    """A report on one run, judged here unless it was before."""
    from lrdoctor._version import __version__
    from lrdoctor.fleet.worker import case_of, diagnose_case
    from lrdoctor.types import Case, Run
    from lrdoctor.verdict import Diagnosis, ReadFailure, Report

    judged: Diagnosis | ReadFailure | Case
    judged = case_of(run, job.roles, job.expect) if isinstance(run, Run) else run
    if isinstance(judged, Case):
        judged = diagnose_case(judged, job)
    return Report(
        diagnoses=(judged,) if isinstance(judged, Diagnosis) else (),
        unreadable=(judged,) if isinstance(judged, ReadFailure) else (),
        version=__version__,
        rulebook_digest=job.rulebook.digest,
        arguments=(),
        rules=job.rulebook.rules,
        files_found=len(judged.files) if isinstance(judged, Diagnosis) else 0,
    )


def _text(report: Report) -> str:
    """The report as on a terminal."""
    from lrdoctor.reports.text import Text

    return Text().render(report)


def _named(run: Judged) -> str:
    if isinstance(run, str | os.PathLike):
        return os.fspath(run)
    return str(getattr(run, "name", None) or getattr(run, "run", None) or "the report")
