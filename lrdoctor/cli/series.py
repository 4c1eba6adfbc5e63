"""``lrdoctor series``: what was found in each run, and what it was taken for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import (
    Logs,
    config_option,
    exclude_option,
    meaning_options,
    pairs,
    role_tags,
)

if TYPE_CHECKING:
    from lrdoctor.types import Case, Series


@click.command(short_help="Show the series of each run, the role each got, and why.")
@click.argument("paths", nargs=-1, required=True, type=Logs())
@meaning_options
@config_option
@exclude_option
def command(
    paths: tuple[str, ...],
    roles: tuple[str, ...],
    expect: tuple[str, ...],
    config: str | None,
    exclude: tuple[str, ...],
) -> int:
    """Lists what the logs under PATHS hold: every series with its range, the role it was given
    and the reason. A wrong role is corrected with --role, for example --role lr=my/tag."""
    from lrdoctor.fleet.cases import cases_in
    from lrdoctor.fleet.worker import check_hints
    from lrdoctor.job import settings
    from lrdoctor.readers._discover import find_runs
    from lrdoctor.verdict import ReadFailure

    site = settings(config)
    tag_roles = {**site.roles, **role_tags(roles)}
    intent = {**site.expect, **pairs(expect, "--expect")}
    check_hints(tag_roles, intent)
    files = read = failed = 0
    search = find_runs(list(paths), (*site.exclude, *exclude))
    for found in search:
        files += 1 if isinstance(found, ReadFailure) else len(found.all_files)
        for item in cases_in(found, tag_roles, intent):
            if isinstance(item, ReadFailure):
                failed += 1
                click.echo(f"{item.path}: not read: {item.reason}\n")
            else:
                read += 1
                click.echo("\n".join(describe(item)) + "\n")
    for note in search.notes:
        click.echo(f"Note: {note.message}")
    click.echo(f"files found {files} · runs read {read} · not read {failed}")
    return 0 if read else 3


def describe(case: Case) -> Iterator[str]:
    """The run's series, clock, schedules, restarts and notes, line by line."""
    from lrdoctor.messages import schedule_text

    run = case.run
    yield f"{run.name}  ({run.format}, {', '.join(run.files[:3])}{' …' * (len(run.files) > 3)})"
    yield f"  x axis: {run.axis!r}, read as {case.clock.unit}, {case.first:,} to {case.last:,}"
    if case.clock.steps_per_epoch:
        yield f"  one epoch is {case.clock.steps_per_epoch:,.6g} of these"
    if case.total_steps is not None:
        yield f"  planned length: {case.total_steps:,}"
    width = max((len(tag) for tag in run.series), default=0)
    for tag, series in run.series.items():
        role, reason = case.role_reasons.get(tag, ("-", "not recognised"))
        yield f"  {tag:<{width}}  {_extent(series):<42}  {role:<10}  {reason}"
    for group in case.param_groups:
        for schedule in group.schedules:
            span = f"{schedule.start:,} to {schedule.stop:,}"
            yield f"  param group {group.name}, {span}: {schedule_text(schedule.named)}"
    for field, source in case.intent.sources.items():
        yield f"  intended {field}: from {source}"
    for restart in run.restarts:
        yield f"  restart at {restart.step:,}: {restart.discarded:,} steps trained again"
    for note in run.notes:
        yield f"  note: {note.message}"


def _extent(series: Series) -> str:
    if not len(series):
        return "empty"
    finite = series.finite().value
    odd = len(series) - len(finite)
    bounds = f"{finite.min():.4g} … {finite.max():.4g}" if len(finite) else "no finite value"
    return f"{len(series):,} points, {bounds}" + (f", {odd:,} not finite" if odd else "")
