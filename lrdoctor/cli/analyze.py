"""``lrdoctor analyze``: from log files to findings, fixes and reports."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import (
    config_option,
    exclude_option,
    fail_on_option,
    meaning_options,
    output_options,
    pairs,
    role_tags,
    rules_option,
)

if TYPE_CHECKING:
    from lrdoctor.verdict import Report


@click.command(short_help="Find what is wrong with the learning rate of every run.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@output_options
@fail_on_option
@click.option(
    "--replay",
    type=click.Choice(["law", "dry-run", "none"]),
    default="law",
    show_default=True,
    help="How far to check the proposed fixes: predicted losses, the LR alone, or not at all.",
)
@click.option(
    "--torch-check", is_flag=True, help="Step torch's own schedulers in the dry run and compare."
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes (default: by number of logs).")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Give up a log that takes longer.",
)
@click.option("--allow-empty", is_flag=True, help="Exit with 0 where no run could be read.")
@meaning_options
@config_option
@rules_option
@exclude_option
def command(
    paths: tuple[str, ...],
    report_files: tuple[str, ...],
    report_dir: str | None,
    formats: tuple[str, ...],
    fail_on: str | None,
    replay: str,
    torch_check: bool,
    jobs: int | None,
    timeout: float | None,
    allow_empty: bool,
    quiet: bool,
    verbose: bool,
    roles: tuple[str, ...],
    expect: tuple[str, ...],
    config: str | None,
    rule_dirs: tuple[str, ...],
    exclude: tuple[str, ...],
) -> int:
    """Reads every training log under PATHS (files or folders), works out the learning-rate
    schedule each run followed, and says what is wrong, why, and what to change.

    Logs are only read: nothing is written beside them and nothing in them is executed.
    """
    from lrdoctor.api import analyze
    from lrdoctor.cli._job import expired, make_job, settings
    from lrdoctor.cli._output import Progress, deliver, destinations

    wanted = destinations(formats, report_files, report_dir)
    site = settings(config)
    job = make_job(
        site, rule_dirs, role_tags(roles), pairs(expect, "--expect"), replay, torch_check
    )
    progress = Progress()
    report = analyze(
        paths,
        job,
        jobs=jobs or site.jobs,
        timeout=timeout,
        exclude=(*site.exclude, *exclude),
        arguments=sys.argv[1:],
        notes=expired(site),
        progress=progress,
    )
    progress.close()
    deliver(report, wanted, quiet, verbose)
    return exit_code(report, fail_on or site.fail_on, allow_empty)


def exit_code(report: Report, fail_on: str, allow_empty: bool) -> int:
    """3 where nothing was judged, 1 for findings at or above ``fail_on``, else 0."""
    from lrdoctor.types import Role, Severity

    if not any(diagnosis.roles.get(Role.LR) for diagnosis in report.diagnoses) and not allow_empty:
        return 3
    if fail_on == "never":
        return 0
    limit = Severity(fail_on).rank
    worst = [f.severity.rank for d in report.diagnoses for f in d.findings]
    return int(any(rank >= limit for rank in worst))
