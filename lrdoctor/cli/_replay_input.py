"""What ``lrdoctor replay`` reads: runs as the laws see them, candidates as LR paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lrdoctor.replay.law.path import LossRun, LrPath
    from lrdoctor.types import Case


def read(
    paths: Sequence[str], roles: Mapping[str, str], expect: Mapping[str, str]
) -> tuple[list[Case], list[LossRun]]:
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
                sources.append(case)
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
