"""``lrdoctor replay``: what another schedule would have made of a logged run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from lrdoctor.cli._options import (
    config_option,
    meaning_options,
    pairs,
    role_tags,
    training_options,
)

if TYPE_CHECKING:
    from lrdoctor.replay.law.answer import Answer
    from lrdoctor.replay.law.path import LossRun, LrPath
    from lrdoctor.types import Run
    from lrdoctor.verdict import Outcome


@click.command(short_help="Predict the loss of a logged run under other schedules.")
@click.argument("runs", nargs=-1, type=click.Path(exists=True))
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
    from lrdoctor.cli._training import Options, path_trainer
    from lrdoctor.job import settings
    from lrdoctor.replay.law.answer import ask, consult
    from lrdoctor.replay.law.search import best_schedule

    if init is not None:
        return _init(init)
    if not runs:
        raise click.UsageError("Missing argument 'RUNS...'.")
    if not candidates and not search:
        raise click.UsageError("nothing to replay: give --candidate or --search")
    train = path_trainer(Options(level, task, device, seeds, budget))
    site = settings(config)
    sources, logged = read(
        runs, {**site.roles, **role_tags(roles)}, {**site.expect, **pairs(expect, "--expect")}
    )
    length = horizon or max(float(run.lr_step[-1]) for run in logged)
    baseline = logged[0].path()
    paths = {text: candidate_path(text, length) for text in candidates}
    oracle = consult(logged)
    answers = {text: ask(oracle, baseline, path) for text, path in paths.items()}
    if search and oracle.fitted is not None:
        from lrdoctor.messages import schedule_text
        from lrdoctor.replay.law.search import path_of

        found, _ = best_schedule(oracle.fitted, baseline.peak, length)
        answers[f"best: {schedule_text(found)}"] = ask(oracle, baseline, path_of(found, length))
    outcomes = {} if train is None else train(sources[0], logged[0], paths)
    if as_json:
        click.echo(to_json(answers, outcomes))
    else:
        click.echo(as_text(answers, oracle.refused, outcomes))
    return 0


def _init(path: str) -> int:
    from lrdoctor.replay.user.template import write_template

    write_template(path)
    click.echo(f"wrote {path}; try it with: lrdoctor analyze RUN --replay user --task {path}")
    return 0


def read(
    paths: Sequence[str], roles: Mapping[str, str], expect: Mapping[str, str]
) -> tuple[list[Run], list[LossRun]]:
    """All runs under the paths, and as the laws see them. Raises ``UsageError`` without any."""
    from lrdoctor.fleet.cases import cases_in
    from lrdoctor.readers._discover import find_runs
    from lrdoctor.replay.law.branches import joined
    from lrdoctor.replay.law.rehearse import logged_run
    from lrdoctor.verdict import ReadFailure

    sources, found = [], []
    for files in find_runs(list(paths), ()):
        for case in cases_in(files, roles, expect):
            if isinstance(case, ReadFailure):
                click.echo(f"{case.path}: not read: {case.reason}", err=True)
                continue
            run, reason = logged_run(case)
            if run is None:
                click.echo(f"{case.run.name}: left out: {reason}", err=True)
            else:
                sources.append(case.run)
                found.append(run)
    if not found:
        raise click.UsageError("no run with an LR and a loss that laws could be fitted to")
    return sources, joined(found)


def candidate_path(text: str, horizon: float) -> LrPath:
    """A candidate as an LR path: a CSV file's columns, or a schedule over the horizon."""

    from lrdoctor.replay.law.path import LrPath
    from lrdoctor.replay.law.search import path_of
    from lrdoctor.schedules._parse import parse_schedule

    if not text.endswith(".csv"):
        return path_of(parse_schedule(text), horizon)
    step, lr = read_columns(text)
    keep = step <= horizon
    step, lr = step[keep], lr[keep]
    before = float(step[0] * lr[0]) / 2.0 if len(step) else 0.0
    try:
        return LrPath(step, lr, before)
    except ValueError as error:
        raise click.UsageError(f"--candidate {text}: {error}") from error


def read_columns(path: str) -> Any:
    """The columns ``step`` and ``lr`` of a CSV file, float64[n] each."""
    import csv
    from pathlib import Path

    import numpy as np

    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        columns = [np.array([float(row[name]) for row in rows]) for name in ("step", "lr")]
    except OSError as error:
        raise click.UsageError(f"--candidate {path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        reason = "needs the columns step and lr, a number in each row"
        raise click.UsageError(f"--candidate {path}: {reason} ({error})") from error
    return columns


def as_text(
    answers: dict[str, Answer], refused: str | None, outcomes: Mapping[str, Outcome]
) -> str:
    """A paragraph per candidate, best first; refused ones last."""
    from lrdoctor.messages import number_text
    from lrdoctor.reports._format import LEVEL_TITLE, outcome_text

    trained = {
        text: f"  {LEVEL_TITLE[o.level].lower()}: {outcome_text(o)}" for text, o in outcomes.items()
    }
    if refused is not None:
        told = [line for text, said in trained.items() for line in (text, said)]
        return "\n".join([f"Refused: {refused}.", *told])
    lines = []
    ranked = sorted(answers.items(), key=lambda item: _rank(item[1]))
    for text, answer in ranked:
        lines.append(text)
        if answer.refused is not None:
            lines += [f"  refused: {answer.refused}", *_given(trained, text)]
            continue
        assert answer.interval is not None and answer.gain_interval is not None
        low, high = map(number_text, answer.interval)
        point = "no point estimate" if answer.loss is None else number_text(answer.loss)
        lines.append(f"  final loss {point}, between {low} and {high}; grade {answer.grade}")
        low, high = map(number_text, answer.gain_interval)
        verdict = "better" if answer.gains else "not surely better"
        lines.append(f"  gain over the logged run between {low} and {high}: {verdict}")
        lines += _given(trained, text)
    return "\n".join(lines)


def _given(lines: Mapping[str, str], text: str) -> list[str]:
    return [lines[text]] if text in lines else []


def _rank(answer: Answer) -> tuple[bool, float]:
    interval = answer.interval or (0.0, 0.0)
    return answer.refused is not None, sum(interval) / 2 if answer.loss is None else answer.loss


def to_json(answers: dict[str, Answer], outcomes: Mapping[str, Outcome]) -> str:
    """The answers with their predicted curves, and the trainings where there are any."""
    import json

    from lrdoctor.reports._json_write import outcome_json

    def curve(answer: Answer) -> dict[str, list[float]] | None:
        if answer.curve is None:
            return None
        names = ("step", "loss", "low", "high")
        return {name: getattr(answer.curve, name).tolist() for name in names}

    rows = [
        {
            "candidate": text,
            "grade": a.grade,
            "refused": a.refused,
            "loss": a.loss,
            "interval": a.interval,
            "baseline_loss": a.baseline_loss,
            "gain_interval": a.gain_interval,
            "curve": curve(a),
            "trained": outcome_json(outcomes[text]) if text in outcomes else None,
        }
        for text, a in answers.items()
    ]
    return json.dumps({"format": "lrdoctor-replay", "format_version": 1, "answers": rows}, indent=1)
