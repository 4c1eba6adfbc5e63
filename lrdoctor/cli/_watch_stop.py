"""The file by which ``lrdoctor watch`` asks a training to stop itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from lrdoctor.cli._output import write_whole
from lrdoctor.fleet.live import Followed
from lrdoctor.types import Severity


class StopFile:
    """There while a confirmed error stands, with a line per finding; taken away when none does.

    Raises ``UsageError`` where the file is there already: it would stop a training at once.
    """

    def __init__(self, path: str | None) -> None:
        self._path, self._written = path, ""
        if path is not None and Path(path).exists():
            raise click.UsageError(
                f"--stop-file {path}: is there already, and a training that looks for it would "
                "stop at once; remove it first"
            )

    def update(self, runs: Sequence[Followed]) -> None:
        """Writes, rewrites or removes the file. Raises ``ConfigError`` where that is refused."""
        if self._path is None:
            return
        text = "".join(
            f"{followed.name}: {f.rule.code} {f.rule.name}: {f.message}\n"
            for followed in runs
            for f in followed.state.standing
            if f.severity is Severity.ERROR
        )
        if text and text != self._written:
            write_whole(self._path, text)
        elif self._written and not text:
            Path(self._path).unlink(missing_ok=True)
        self._written = text
