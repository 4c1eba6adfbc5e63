"""The terminal of ``lrdoctor watch``: events on standard output, the rest on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from lrdoctor.cli import _watch_text as text
from lrdoctor.cli._output import terminal_width, wants_color
from lrdoctor.fleet.follow import Kind
from lrdoctor.fleet.live import Followed, Told


class Screen:
    """Prints each event once, and on a terminal a status line that is always the last one."""

    def __init__(self, paths: Sequence[str], *, as_json: bool) -> None:
        self._paths, self._json = paths, as_json
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._shown, self._withdrawn = "", 0
        self._awaited = ""

    def tell(self, told: Sequence[Told], runs: Sequence[Followed]) -> None:
        """Prints events."""
        diagnoses = {f.diagnosis.run: f.diagnosis for f in runs if f.diagnosis is not None}
        for one in told:
            self._withdrawn += one.event.kind is Kind.WITHDRAWN
            self._clear()
            at, diagnosis = datetime.now(), diagnoses[one.event.run]
            if self._json:
                click.echo(text.as_json(one, at))
            elif sys.stdout.isatty():
                width = terminal_width()
                click.echo(text.as_paragraph(one, diagnosis, at, width, wants_color()), nl=False)
            else:
                click.echo(text.as_line(one, diagnosis, at))
            sys.stdout.flush()

    def status(self, runs: Sequence[Followed]) -> None:
        """Says how far things are: what is waited for once, the rest on a terminal alone."""
        awaited = "" if runs else self._missing()
        if awaited != self._awaited:
            self._clear()
            if awaited:
                click.echo(awaited, err=True)
            self._awaited = awaited
        if self._live and not awaited:
            self._clear()
            self._shown = text.status(runs, terminal_width() - 1)
            click.echo(self._shown, err=True, nl=False)

    def sum_up(self, runs: Sequence[Followed], interrupted: bool) -> None:
        """Prints what the watch came to; on standard error beside JSON."""
        self._clear()
        for followed in runs if self._json else ():
            click.echo(text.end_as_json(followed, datetime.now()))
        lines = list(text.summary(runs, interrupted, self._withdrawn))
        for line in lines or [f"no training log appeared in {', '.join(self._paths)}"]:
            click.echo(line, err=self._json)

    def _missing(self) -> str:
        absent = [path for path in self._paths if not Path(path).exists()]
        if absent:
            return f"waiting for {', '.join(absent)}, which does not exist yet"
        return f"waiting for a training log in {', '.join(self._paths)}: nothing logged yet"

    def _clear(self) -> None:
        if self._shown:
            click.echo("\r\033[K", err=True, nl=False)
            self._shown = ""
