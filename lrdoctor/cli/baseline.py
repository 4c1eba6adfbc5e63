"""``lrdoctor baseline``: the file of known findings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lrdoctor.cli._options import (
    Logs,
    config_option,
    exclude_option,
    meaning_options,
    pairs,
    role_tags,
    rules_option,
)

if TYPE_CHECKING:
    from lrdoctor.config import Config
    from lrdoctor.verdict import Report

Command = TypeVar("Command", bound=Callable[..., Any])
DEFAULT_REASON = "there when the baseline was written"


@click.group(short_help="Write or prune the file of known findings.")
def command() -> None:
    """Known findings do not fail a build: write them to a file once, keep the file with the code,
    and give it to lrdoctor analyze --baseline FILE, or name it in lrdoctor.toml.

    A finding is recognised by its rule, run and param group, not by steps or values. The paths
    must therefore be the same as those that analyze gets.
    """


def source_options(function: Command) -> Command:
    """Where the findings come from: logs, or a saved report."""
    paths = click.argument("paths", nargs=-1, type=Logs())
    saved = click.option(
        "--saved",
        type=click.Path(exists=True, dir_okay=False),
        help="Take the findings from a saved JSON report instead of logs.",
    )
    file = click.option(
        "--baseline",
        metavar="FILE",
        help="The file (default: that of the configuration, or lrdoctor-baseline.json).",
    )
    options = (saved, file, meaning_options, config_option, rules_option, exclude_option)
    for option in reversed(options):
        function = option(function)
    return paths(function)


@command.command(short_help="Add today's findings to the file.")
@source_options
@click.option("--reason", default=DEFAULT_REASON, show_default=True, help="Why they are accepted.")
@click.option("--until", metavar="DATE", help="Day from which they count as new again.")
def write(baseline: str | None, reason: str, until: str | None, **source: Any) -> int:
    """Adds every finding of the logs under PATHS that is not in the file yet. Entries that are
    there keep their date and reason."""
    from datetime import date
    from pathlib import Path

    from lrdoctor.baseline import baseline_text, extended, read_baseline
    from lrdoctor.cli._output import write_whole
    from lrdoctor.reports._format import count

    if not reason.strip():
        raise click.UsageError("--reason must say why the findings are accepted")
    site, report = _findings(**source)
    path = _file(baseline, site)
    entries = read_baseline(path).entries if Path(path).exists() else ()
    if not report.diagnoses:
        return _nothing_read()
    known = extended(entries, report, date.today(), reason, _day(until))
    write_whole(path, baseline_text(known))
    new = len(known) - len(set(known) & set(entries))
    click.echo(f"wrote {path}: {count(len(known), 'known finding')}, {new:,} added")
    return 0


@command.command(short_help="Remove entries whose finding is gone.")
@source_options
@click.option("--missing", "runs_too", is_flag=True, help="Also remove entries of absent runs.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed.")
def prune(baseline: str | None, runs_too: bool, dry_run: bool, **source: Any) -> int:
    """Removes the entries whose finding is no longer there in the logs under PATHS. Entries of
    runs that were not found, and of rules that could not be judged this time, stay."""
    from lrdoctor.baseline import baseline_text, listed, missing, read_baseline, stale
    from lrdoctor.cli._output import write_whole
    from lrdoctor.reports._format import count

    site, report = _findings(**source)
    path = _file(baseline, site)
    entries = read_baseline(path).entries
    if not report.diagnoses:
        return _nothing_read()
    absent = missing(entries, report)
    gone = (*stale(entries, report), *(absent if runs_too else ()))
    if gone and not dry_run:
        write_whole(path, baseline_text(set(entries) - set(gone)))
    verb = "would remove" if dry_run else "removed"
    told = f": {listed(gone)}" if gone else ""
    click.echo(f"{path}: {verb} {len(gone):,} of {len(entries):,} known findings{told}")
    if absent and not runs_too:
        left = count(len(absent), "entry", "entries")
        click.echo(f"{left} of runs that were not found: --missing removes such, too")
    return 0


def _findings(
    paths: tuple[str, ...],
    saved: str | None,
    config: str | None,
    roles: tuple[str, ...],
    expect: tuple[str, ...],
    rule_dirs: tuple[str, ...],
    exclude: tuple[str, ...],
) -> tuple[Config, Report]:
    """The configuration, and the report on the logs or the saved one."""
    from lrdoctor.api import analyze
    from lrdoctor.cli._saved import read_saved
    from lrdoctor.job import make_job, settings

    site = settings(config)
    if bool(paths) == bool(saved):
        raise click.UsageError("give either PATHS or --saved FILE")
    if saved:
        return site, read_saved(saved)
    job = make_job(site, rule_dirs, role_tags(roles), pairs(expect, "--expect"), replay="none")
    return site, analyze(paths, job, jobs=site.jobs, exclude=(*site.exclude, *exclude))


def _file(chosen: str | None, site: Config) -> str:
    from lrdoctor.baseline import FILE_NAME
    from lrdoctor.job import baseline_path

    return chosen or baseline_path(site) or FILE_NAME


def _day(text: str | None) -> str | None:
    from datetime import date

    try:
        return None if text is None else date.fromisoformat(text).isoformat()
    except ValueError:
        raise click.UsageError(f"--until {text}: not a date such as 2030-01-31") from None


def _nothing_read() -> int:
    from lrdoctor.gate import NOTHING_READ

    click.echo("lrdoctor: no run could be read, the baseline is as it was", err=True)
    return NOTHING_READ
