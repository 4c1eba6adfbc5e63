"""The file by which ``lrdoctor watch`` asks a training to stop itself."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from lrdoctor.fleet.live import Followed
from lrdoctor.types import Severity


class StopFile:
    """There while a confirmed error stands, with a line per finding; taken away when none does.

    Raises ``UsageError`` at once where the file is there already, since it would stop a training
    that has not begun, and where it could not be written.
    """

    def __init__(self, path: str | None) -> None:
        self._path = None if path is None else Path(path)
        self._written = ""
        if self._path is None:
            return
        if self._path.exists():
            raise click.UsageError(
                f"--stop-file {path}: is there already, and a training that looks for it would "
                "stop at once; remove it first"
            )
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._path.parent):
                pass
        except OSError as error:
            raise click.UsageError(
                f"--stop-file {path}: cannot be written: {error.strerror}; choose another folder"
            ) from error

    def update(self, runs: Sequence[Followed]) -> None:
        """Writes, rewrites or removes the file; says so, and tries again next time, where the disk
        does not let it."""
        text = "".join(
            f"{followed.name}: {f.rule.code} {f.rule.name}: {f.message}\n"
            for followed in runs
            for f in followed.state.standing
            if f.severity is Severity.ERROR
        )
        if self._path is None or text == self._written:
            return
        try:
            if text:
                # Moved there whole: whoever looks finds all of it or nothing.
                part = self._path.with_name(f".{self._path.name}.part")
                part.write_text(text, encoding="utf-8")
                part.replace(self._path)
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            click.echo(f"--stop-file {self._path}: not written: {error.strerror}", err=True)
            return
        self._written = text
