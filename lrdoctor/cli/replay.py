"""``lrdoctor replay``: what another schedule would have made of a logged run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import (
    Logs,
    config_option,
    meaning_options,
    pairs,
    role_tags,
    training_options,
)

if TYPE_CHECKING:
    from lrdoctor.replay.law.answer import Oracle
    from lrdoctor.replay.law.path import LrPath


@click.command(short_help="Predict the loss of a logged run under other schedules.")
@click.argument("runs", nargs=-1, type=Logs())
@click.option(
    "--candidate",
    "candidates",
    multiple=True,
    metavar="SCHEDULE|FILE.csv",
    help="A schedule, 'cosine(lr=0.1, T_max=900)', or a CSV file with columns step, lr (repeat).",
)
@click.option(
    "--horizon",
    type=click.FloatRange(min=0, min_open=True),
    help="Length of the candidates in steps (default: that of the longest run).",
)
@click.option("--search", is_flag=True, help="Also look for the best schedule under the laws.")
@click.option(
    "--replay",
    "level",
    type=click.Choice(["user", "proxy", "law"]),
    default="law",
    show_default=True,
    help="Also train each candidate and the logged LR: your own task, or a small built-in proxy.",
)
@training_options
@click.option(
    "--init",
    metavar="FILE.py",
    help="Write a documented task file for --replay user, and do nothing else.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, predicted curves included.")
@meaning_options
@config_option
def command(
    runs: tuple[str, ...],
    candidates: tuple[str, ...],
    horizon: float | None,
    search: bool,
    level: str,
    task: str | None,
    device: str,
    seeds: int | None,
    budget: float | None,
    init: str | None,
    as_json: bool,
    roles: tuple[str, ...],
    expect: tuple[str, ...],
    config: str | None,
) -> int:
    """Fits loss laws to RUNS, which are trainings of one model, and predicts the final loss of each
    candidate with an interval that holds in nine of ten cases. What the log cannot tell is
    refused, with the reason; the first run is the baseline that gains are measured against."""
    from lrdoctor.cli import _replay_text
    from lrdoctor.cli._replay_input import candidate_path, read
    from lrdoctor.cli._training import Options, path_trainer
    from lrdoctor.job import settings
    from lrdoctor.replay.law.answer import Answer, ask, consult
    from lrdoctor.replay.law.propose import cooldown_probe

    if init is not None:
        return _init(init)
    if not runs:
        raise click.UsageError("Missing argument 'RUNS...'.")
    if not candidates and not search:
        raise click.UsageError("nothing to replay: give --candidate or --search")
    train = path_trainer(Options(level, task, device, seeds, budget))
    site = settings(config)
    cases, logged = read(
        runs, {**site.roles, **role_tags(roles)}, {**site.expect, **pairs(expect, "--expect")}
    )
    length = horizon or max(float(run.lr_step[-1]) for run in logged)
    baseline = logged[0].path()
    paths = {text: candidate_path(text, length) for text in candidates}
    oracle = consult(logged)
    if search:
        paths |= _best(oracle, baseline.peak, length)
    answers = {text: ask(oracle, baseline, path) for text, path in paths.items()}
    if search and oracle.refused is not None:
        answers["best schedule"] = Answer("D", oracle.refused)
    outcomes = {} if train is None else train(cases[0].run, logged[0], paths)
    probe = cooldown_probe(cases[0]) if oracle.grade == "C" else ""
    show = _replay_text.to_json if as_json else _replay_text.as_text
    click.echo(show(answers, outcomes, probe))
    return 0


def _best(oracle: Oracle, peak: float, length: float) -> dict[str, LrPath]:
    """The best schedule that the laws know of; none where a constant LR is all that was logged."""
    from lrdoctor.messages import schedule_text
    from lrdoctor.replay.law.search import best_schedule, path_of

    if oracle.fitted is None or oracle.grade == "C":
        return {}
    found, _ = best_schedule(oracle.fitted, peak, length)
    return {f"best: {schedule_text(found)}": path_of(found, length)}


def _init(path: str) -> int:
    from lrdoctor.replay.user.template import write_template

    write_template(path)
    click.echo(f"wrote {path}; try it with: lrdoctor analyze RUN --replay user --task {path}")
    return 0
