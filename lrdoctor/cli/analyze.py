"""``lrdoctor analyze``: from log files to findings, fixes and reports."""

from __future__ import annotations

import sys

import click

from lrdoctor.cli._options import (
    baseline_option,
    config_option,
    exclude_option,
    fail_on_option,
    meaning_options,
    output_options,
    pairs,
    role_tags,
    rules_option,
    training_options,
)


@click.command(short_help="Find what is wrong with the learning rate of every run.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@output_options
@fail_on_option
@baseline_option
@click.option(
    "--replay",
    type=click.Choice(["user", "proxy", "law", "dry-run", "none"]),
    default="law",
    show_default=True,
    help="How far to check the proposed fixes, by training your own task or a small built-in one "
    "(proxy), each after law; by predicted losses after dry-run; by the LR alone; or not at all.",
)
@training_options
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
    baseline: str | None,
    replay: str,
    task: str | None,
    device: str,
    seeds: int | None,
    budget: float | None,
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
    from lrdoctor.cli._output import Progress, deliver, destinations
    from lrdoctor.cli._training import Options, predicted, trainer_for
    from lrdoctor.gate import exit_code
    from lrdoctor.job import expired, known_findings, make_job, settings

    wanted = destinations(formats, report_files, report_dir)
    trainer = trainer_for(Options(replay, task, device, seeds, budget))
    site = settings(config)
    job = make_job(
        site, rule_dirs, role_tags(roles), pairs(expect, "--expect"), predicted(replay), torch_check
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
        fail_on=fail_on or site.fail_on,
        baseline=known_findings(site, baseline),
        progress=progress,
        trainer=trainer,
        training=progress.training,
    )
    progress.close()
    deliver(report, wanted, quiet, verbose)
    return exit_code(report, allow_empty)
