"""``lrdoctor compare``: several runs of one experiment side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import (
    config_option,
    exclude_option,
    meaning_options,
    pairs,
    role_tags,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lrdoctor.fleet.worker import Job
    from lrdoctor.verdict import Diagnosis


@click.command(short_help="Compare runs of one experiment: schedules, settings, losses.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--html", "html_file", metavar="FILE", help="Also write the comparison as a page.")
@meaning_options
@config_option
@exclude_option
def command(
    paths: tuple[str, ...],
    html_file: str | None,
    roles: tuple[str, ...],
    expect: tuple[str, ...],
    config: str | None,
    exclude: tuple[str, ...],
) -> int:
    """Compares the runs under PATHS, or in reports saved by lrdoctor analyze --format json:FILE:
    which ends with the lowest loss, what schedules they followed, and what they differ in."""
    from lrdoctor.cli._output import terminal_width, wants_color, write_told
    from lrdoctor.job import make_job, settings
    from lrdoctor.reports import _compare, _compare_page, _compare_text

    site = settings(config)
    job = make_job(site, (), role_tags(roles), pairs(expect, "--expect"), replay="none")
    runs = gather(paths, job, (*site.exclude, *exclude))
    if len(runs) < 2:
        found = f"one run, {runs[0].run}" if runs else "no run"
        raise click.UsageError(f"a comparison needs two runs or more; found {found}")
    seen = _compare.compare(runs)
    click.echo(_compare_text.text(seen, terminal_width(), wants_color()), nl=False)
    if html_file:
        write_told(html_file, _compare_page.page(seen))
    return 0


def gather(paths: Sequence[str], job: Job, exclude: Sequence[str]) -> list[Diagnosis]:
    """The diagnoses of saved reports and of the logs under the other paths, in this order."""
    from lrdoctor.api import analyze
    from lrdoctor.cli._saved import is_saved, read_saved

    saved = [path for path in paths if is_saved(path)]
    logs = [path for path in paths if path not in saved]
    runs = [run for path in saved for run in read_saved(path).diagnoses]
    if logs:
        report = analyze(logs, job, exclude=exclude)
        runs += report.diagnoses
        for failure in report.unreadable:
            click.echo(f"{failure.path}: not read: {failure.reason}", err=True)
    return runs
