"""``lrdoctor schedule``: schedules before and after a training, as names, numbers and code."""

from __future__ import annotations

from collections.abc import Mapping

import click

from lrdoctor.cli._options import (
    Logs,
    config_option,
    exclude_option,
    fail_on_option,
    meaning_options,
    pairs,
    role_tags,
)


@click.group(short_help="Name the schedule in a log; show, plan and check one before training.")
def command() -> None:
    """Schedules by themselves: the one that a log followed, one written as an expression such as
    'onecycle(max_lr=0.1, total_steps=90*1251, pct_start=0.2)', the one that fits a data set, or
    the one that your own code makes."""


@command.command(short_help="Name and parameters of the schedule that a log followed.")
@click.argument("paths", nargs=-1, required=True, type=Logs())
@click.option("--log", is_flag=True, help="Log axis for the LR.")
@meaning_options
@config_option
@exclude_option
def fit(
    paths: tuple[str, ...],
    log: bool,
    roles: tuple[str, ...],
    expect: tuple[str, ...],
    config: str | None,
    exclude: tuple[str, ...],
) -> int:
    """Recovers the schedule of every param group in the logs under PATHS: parameters, curve,
    residual, what else it could be, and the code that makes it. Nothing is judged."""
    from lrdoctor.cli._output import terminal_width, wants_color
    from lrdoctor.fleet.cases import cases
    from lrdoctor.job import settings
    from lrdoctor.reports._fit_text import fit_text
    from lrdoctor.types import Case

    site = settings(config)
    tags = {**site.roles, **role_tags(roles)}
    intent = {**site.expect, **pairs(expect, "--expect")}
    found = False
    for item in cases(paths, (*site.exclude, *exclude), tags, intent):
        if isinstance(item, Case):
            found = found or bool(item.param_groups)
            width = terminal_width()
            click.echo(fit_text(item, width, log=log, color=wants_color()))
        else:
            click.echo(f"lrdoctor: {item.path}: not read: {item.reason}", err=True)
    return 0 if found else 3


@command.command(short_help="Key points and curve of one or several schedules.")
@click.argument("expressions", nargs=-1, required=True, metavar="EXPRESSION...")
@click.option("--steps", type=click.IntRange(min=2), help="Length of the run (default: theirs).")
@click.option(
    "--steps-per-epoch",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Also show epochs of so many steps.",
)
@click.option("--log", is_flag=True, help="Log axis for the LR.")
@click.option("--svg", metavar="FILE", help="Also write the curves as an SVG picture.")
@click.option("--html", metavar="FILE", help="Also write curves, key points and code as a page.")
def show(
    expressions: tuple[str, ...],
    steps: int | None,
    steps_per_epoch: float | None,
    log: bool,
    svg: str | None,
    html: str | None,
) -> int:
    """Shows the LR of up to six EXPRESSIONs side by side: first, end of warm-up, peak, quarters,
    last step, and what comes beyond the end.

    \b
    lrdoctor schedule show 'cosine(lr=0.1, T_max=100, eta_min=1e-5)'
    lrdoctor schedule show --steps 10000 \\
        'cosine(lr=1e-3, T_max=9500, warmup=500)' \\
        'cosine(lr=1e-3, T_max=9000, warmup=1000)'
    """
    from lrdoctor.cli._output import terminal_width, wants_color, write_told
    from lrdoctor.key_points import LETTERS, checked_steps, length_of
    from lrdoctor.reports import _schedule_page
    from lrdoctor.reports._schedule_text import show as as_text
    from lrdoctor.schedules._parse import parse_schedule

    if len(expressions) > len(LETTERS):
        raise click.UsageError(f"at most {len(LETTERS)} schedules fit beside each other")
    schedules = [parse_schedule(text) for text in expressions]
    length = checked_steps(steps or max(map(length_of, schedules)))
    text = as_text(
        schedules, length, steps_per_epoch, terminal_width(), log=log, color=wants_color()
    )
    click.echo(text, nl=False)
    if svg:
        write_told(svg, _schedule_page.svg(schedules, length, steps_per_epoch, log=log))
    if html:
        write_told(html, _schedule_page.page(schedules, length, steps_per_epoch, log=log))
    return 0


@command.command(short_help="Steps, peak, LRs and constructor call for a data set.")
@click.option("--dataset", metavar="N", help="Training samples.")
@click.option("--batch", metavar="N", help="Batch size of one device.")
@click.option("--epochs", metavar="N", help="Epochs.")
@click.option("--accumulate", metavar="N", help="Batches per optimizer step (default: 1).")
@click.option(
    "--devices", metavar="N", help="Devices, each with its share of the data (default: 1)."
)
@click.option(
    "--schedule",
    metavar="NAME",
    help="Schedule to plan: a name, or an expression without its length, such as "
    "'onecycle(div_factor=100)'.",
)
@click.option("--max-lr", "--lr", "lr", metavar="LR", help="Largest LR.")
@click.option("--pct-start", metavar="SHARE", help="Where onecycle has its peak.")
@click.option("--warmup", metavar="STEPS|%", help="Warm-up: 500 steps, or 10%.")
@click.option("--drop-last", is_flag=True, help="Code for a loader that drops its last batch.")
@click.option(
    "--observed-peak-epoch", metavar="EPOCH", help="Explain a peak that was seen elsewhere."
)
@config_option
def plan(
    dataset: str | None,
    batch: str | None,
    epochs: str | None,
    accumulate: str | None,
    devices: str | None,
    schedule: str | None,
    lr: str | None,
    pct_start: str | None,
    warmup: str | None,
    drop_last: bool,
    observed_peak_epoch: str | None,
    config: str | None,
) -> int:
    """Works out a training before it starts. Numbers that no option gives are taken from [expect]
    of the configuration file, such as dataset_size, batch_size, epochs and accumulation.

    \b
    lrdoctor schedule plan --dataset 1281167 --batch 128 --accumulate 2 \\
        --devices 4 --epochs 90 --schedule onecycle --pct-start 0.2
    """
    from lrdoctor.cli._output import terminal_width, wants_color
    from lrdoctor.job import settings
    from lrdoctor.planning import explain_peak, make_plan
    from lrdoctor.reports._plan_text import plan_text

    flags = {
        "dataset_size": dataset, "batch_size": batch, "epochs": epochs, "accumulation": accumulate,
        "devices": devices, "lr": lr, "pct_start": pct_start, **_warmup(warmup),
    }  # fmt: skip
    given = {key: value for key, value in flags.items() if value is not None}
    site = settings(config).expect
    made = make_plan(given, site, schedule)
    reasons = None
    if observed_peak_epoch is not None:
        chosen = made.drop_last if drop_last else made.keep_last
        reasons = explain_peak(chosen, made.intent, observed_peak_epoch)
    text = plan_text(
        made,
        drop_last=drop_last,
        from_config={k: v for k, v in site.items() if k not in given},
        observed=observed_peak_epoch,
        reasons=reasons,
        width=terminal_width(),
        color=wants_color(),
    )
    click.echo(text, nl=False)
    return 0


def _warmup(text: str | None) -> Mapping[str, str | None]:
    """``--warmup`` as an expectation: a share where it has a percent sign, else steps."""
    if text is None or not text.endswith("%"):
        return {"warmup_steps": text}
    try:
        return {"warmup_ratio": repr(float(text[:-1]) / 100)}
    except ValueError:
        raise click.UsageError(f"--warmup takes steps or a percentage, got {text!r}") from None


@command.command(short_help="Dry-run the scheduler of your own code and judge it.")
@click.argument("target", metavar="FILE.py:FUNCTION")
@click.option("--steps", type=click.IntRange(min=2), help="Optimizer steps of the training.")
@click.option("--epochs", type=click.FloatRange(min=0, min_open=True), help="Epochs of it.")
@click.option(
    "--steps-per-epoch",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Optimizer steps of one epoch.",
)
@click.option(
    "--per",
    type=click.Choice(["step", "epoch"]),
    help="How often your loop calls scheduler.step() (default: step).",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="Give up after this time.",
)
@fail_on_option
@click.option(
    "--report", "report_files", multiple=True, metavar="FILE", help="Also write a report."
)
@click.option("--expect", multiple=True, metavar="KEY=VALUE", help="What was intended (repeat).")
@config_option
def check(
    target: str,
    steps: int | None,
    epochs: float | None,
    steps_per_epoch: float | None,
    per: str | None,
    timeout: float,
    fail_on: str | None,
    report_files: tuple[str, ...],
    expect: tuple[str, ...],
    config: str | None,
) -> int:
    """Calls FUNCTION in FILE.py, steps the scheduler it returns for as long as the training will
    take, and applies every rule that needs no loss.

    FUNCTION returns (optimizer, scheduler). It may take total_steps, steps_per_epoch and epochs as
    arguments of these names. Your file is imported and run in a process of its own.

    \b
    lrdoctor schedule check train.py:make --epochs 90 --steps-per-epoch 1251 \\
        --expect pct_start=0.2
    """
    import sys

    from lrdoctor.cli._output import deliver, destinations, terminal_width, wants_color
    from lrdoctor.gate import exit_code
    from lrdoctor.job import make_job, settings
    from lrdoctor.preflight import check as dry_run
    from lrdoctor.reports._fit_text import preflight_text

    wanted = destinations((), report_files)
    site = settings(config)
    checked = dry_run(
        target,
        make_job(site, expect=pairs(expect, "--expect")),
        steps=steps,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        per=per,
        timeout=timeout,
        arguments=sys.argv[1:],
        fail_on=fail_on or site.fail_on,
    )
    deliver(checked.report, wanted, quiet=False, verbose=False)
    results = [r for d in checked.report.diagnoses for r in d.results]
    text = preflight_text(checked.case, results, terminal_width(), color=wants_color())
    click.echo(text, nl=False)
    if checked.stopped is not None:
        click.echo(f"lrdoctor: {target} raised an error:\n{checked.stopped}", err=True)
        return 2
    return exit_code(checked.report)
