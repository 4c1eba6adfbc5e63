"""``lrdoctor scan``: thousands of runs, again and again, of which only the changed are read."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from lrdoctor.cli._alerts import Alerts, alert_options
from lrdoctor.cli._options import (
    config_option,
    exclude_option,
    fail_on_option,
    meaning_options,
    pairs,
    role_tags,
    rules_option,
)
from lrdoctor.readers._url import is_remote

if TYPE_CHECKING:
    from lrdoctor.fleet.scan import Progress

_SHOWN_EVERY = 0.2  # seconds on a terminal,
_TOLD_EVERY = 60.0  # in a file


@click.command(short_help="Scan thousands of runs again and again; only changed ones are read.")
@click.argument("roots", nargs=-1, required=True, type=click.Path())
@click.option(
    "--state",
    default="lrdoctor.sqlite",
    show_default=True,
    type=click.Path(dir_okay=False),
    help="File that remembers what earlier scans found.",
)
@click.option("--only-new", is_flag=True, help="Show, and fail on, new findings alone.")
@click.option("--since", metavar="TIME", help="Only logs changed since: 36h, 7d, 2030-01-31.")
@click.option("--include", multiple=True, metavar="GLOB", help="Only paths that match (repeat).")
@exclude_option
@click.option("--jobs", type=click.IntRange(min=1), help="Processes (default: one per core).")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="Give up a log that takes longer.",
)
@click.option("--shard", metavar="I/N", help="Scan the I-th of N parts; lrdoctor merge joins them.")
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    show_default=True,
    help="Processes here, or the workers of a Dask cluster.",
)
@click.option("--scheduler-address", metavar="URL", help="Of the Dask cluster: tcp://host:8786.")
@click.option(
    "--replay",
    type=click.Choice(["law", "dry-run", "none"]),
    default="dry-run",
    show_default=True,
    help="How far to check proposed fixes: predicted losses, the LR alone, or not at all.",
)
@fail_on_option
@click.option("--allow-empty", is_flag=True, help="Exit with 0 where no run could be read.")
@click.option("-q", "--quiet", is_flag=True, help="The last line only.")
@alert_options
@click.option("--report-dir", metavar="DIR", help="Also write a page of all runs, one per fault.")
@meaning_options
@config_option
@rules_option
def command(
    roots: tuple[str, ...],
    state: str,
    only_new: bool,
    since: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    jobs: int | None,
    timeout: float,
    shard: str | None,
    engine: str,
    scheduler_address: str | None,
    replay: str,
    fail_on: str | None,
    allow_empty: bool,
    quiet: bool,
    webhook: str | None,
    webhook_every: str,
    prometheus: str | None,
    report_dir: str | None,
    roles: tuple[str, ...],
    expect: tuple[str, ...],
    config: str | None,
    rule_dirs: tuple[str, ...],
) -> int:
    """Finds every training log under ROOTS, diagnoses those that changed since the last scan, and
    says what is new. What was found stays in the state file, for lrdoctor history.

    It can be stopped at any time: what was finished stays, and the next scan continues. Logs are
    only read.
    """
    from functools import partial

    from lrdoctor.cli._fleet import View, report_pages
    from lrdoctor.fleet.engines import open_engine, usable_cores
    from lrdoctor.fleet.files import roots_exist
    from lrdoctor.fleet.records import job_digest, judge_log
    from lrdoctor.fleet.scan import Scope, scan
    from lrdoctor.fleet.shards import Shard, parse_shard
    from lrdoctor.fleet.state_file import open_store
    from lrdoctor.fleet.summary import totals
    from lrdoctor.fleet.when import moment
    from lrdoctor.gate import NOTHING_READ
    from lrdoctor.job import make_job, settings

    if scheduler_address and engine != "dask":
        raise click.UsageError("--scheduler-address is for --engine dask")
    alerts = Alerts.of(webhook, webhook_every, prometheus)
    roots_exist(roots)
    site = settings(config)
    job = make_job(site, rule_dirs, role_tags(roles), pairs(expect, "--expect"), replay)
    scope = Scope(
        roots=roots,
        include=include,
        exclude=(*site.exclude, *exclude),
        shard=parse_shard(shard) if shard else Shard(),
        since=moment(since, time.time()) if since else None,
    )
    progress = _Progress()
    with open_store(state) as (store, warning):
        if warning:
            click.echo(f"lrdoctor: {warning}", err=True)
        pages = report_pages(report_dir, store)
        with open_engine(
            engine,
            partial(judge_log, job=job, pages=pages is not None),
            jobs=jobs or site.jobs or usable_cores(),
            timeout=timeout,
            address=scheduler_address,
            spawn=any(map(is_remote, roots)),
        ) as workers:
            number, tally = scan(store, scope, workers, job_digest(job), progress, pages)
        progress.close()
        view = View(store, number)
        if not quiet:
            view.tell()
            for failure in tally.failures:
                click.echo(f"unreadable: {failure.path}: {failure.reason}", err=True)
            if tally.unreadable > len(tally.failures):
                click.echo(f"… {tally.unreadable - len(tally.failures)} more", err=True)
        try:
            alerts.tell(store, number, state)
            if pages is not None:
                pages.remove_old()
                click.echo(pages.finish(), err=True)
        finally:
            click.echo(f"{totals(tally, view.unjudged)}; {view.counts}")
    if tally.unlisted and not tally.found and not allow_empty:
        return NOTHING_READ  # what an earlier scan found says nothing about today
    return view.exit_code(
        only_new=only_new, fail_on=fail_on or site.fail_on, allow_empty=allow_empty
    )


class _Progress:
    """Rate and time left on standard error: a line that changes, or one a minute in a file."""

    def __init__(self) -> None:
        self._next, self._shown = time.monotonic() + _SHOWN_EVERY, False

    def __call__(self, progress: Progress) -> None:
        from lrdoctor.fleet.summary import progress_line

        if sys.stderr is None or time.monotonic() < self._next:
            return
        if sys.stderr.isatty():
            click.echo(f"\r\033[K{progress_line(progress)}", err=True, nl=False)
            self._shown, wait = True, _SHOWN_EVERY
        else:
            wait = _TOLD_EVERY
            if self._shown or progress.seconds >= _TOLD_EVERY:
                click.echo(progress_line(progress), err=True)
        self._next = time.monotonic() + wait

    def close(self) -> None:
        """Clears the line."""
        if self._shown and sys.stderr.isatty():
            click.echo("\r\033[K", err=True, nl=False)
