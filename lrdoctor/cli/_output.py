"""Where reports go: the terminal, or files written whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lrdoctor.errors import ConfigError

if TYPE_CHECKING:
    from lrdoctor.verdict import Report


def destinations(
    formats: tuple[str, ...], report_files: tuple[str, ...], report_dir: str | None = None
) -> list[tuple[str, str | None]]:
    """Format and file (None: standard output) of each report; a folder ends in a slash.

    Text goes to standard output unless another format does.
    """
    wanted = [parse_format(text) for text in formats]
    wanted += [(format_of_file(path), path) for path in report_files]
    wanted += [("html", f"{report_dir}/")] if report_dir else []
    if all(path is not None for _, path in wanted):
        wanted.insert(0, ("text", None))
    return wanted


def deliver(
    report: Report, wanted: list[tuple[str, str | None]], quiet: bool, verbose: bool
) -> None:
    """Standard output first: findings are shown even where a report file cannot be written.

    One file that cannot be written costs none of the others; the first such error is raised.
    """
    from lrdoctor.plugins import discover

    failures = []
    for kind, path in sorted(wanted, key=lambda pair: pair[1] is not None):
        if kind == "text" and path is None:
            click.echo(terminal_text(report, quiet, verbose), nl=False)
            continue
        try:
            if kind == "html" and path is not None:
                from lrdoctor.cli._pages import write_html

                write_html(report, path)
                continue
            text = discover("reports")[kind]().render(report)
            if path is None:
                click.echo(text, nl=not text.endswith("\n"))
            else:
                write_told(path, text)
        except ConfigError as error:
            failures.append(error)
    if quiet:
        from lrdoctor.reports.text import totals

        click.echo(totals(report), err=True)
    if failures:
        raise failures[0]


def terminal_text(report: Report, quiet: bool, verbose: bool) -> str:
    """The text report, as wide as the terminal, coloured only where colour can be seen."""
    from lrdoctor.reports.text import Text

    return Text(width=terminal_width(), color=wants_color(), quiet=quiet, verbose=verbose).render(
        report
    )


def terminal_width() -> int:
    """Columns to fill: those of the terminal within 60 to 120, 80 where there is none."""
    return max(60, min(shutil.get_terminal_size((80, 24)).columns, 120))


def parse_format(text: str) -> tuple[str, str | None]:
    """``kind`` or ``kind:file`` as a pair. Raises ``UsageError`` for an unknown kind."""
    from lrdoctor.plugins import discover

    kind, _, path = text.partition(":")
    known = discover("reports")
    if kind not in known:
        raise click.UsageError(f"unknown format {kind!r}; choose from {', '.join(known)}")
    return kind, path or None


def format_of_file(path: str) -> str:
    """The report format that a file name asks for by its suffix."""
    from lrdoctor.plugins import discover

    kinds = {renderer.suffix: name for name, renderer in discover("reports").items()}
    suffix = Path(path).suffix
    if suffix not in kinds:
        known = ", ".join(sorted(kinds))
        raise click.UsageError(f"--report {path}: the file name must end in one of {known}")
    return kinds[suffix]


def write_told(path: str, text: str) -> None:
    """Writes as ``write_whole`` does and says so on standard error."""
    write_whole(path, text)
    click.echo(f"wrote {path}", err=True)


def write_whole(path: str, text: str) -> None:
    """Writes to a temporary file beside ``path`` and moves it there: never half a report.

    Raises ``ConfigError`` where the place cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            # mkstemp makes private files; a report gets the permissions of any new file.
            Path(temporary).chmod(0o666 & ~_umask())
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"cannot write the report: {error.strerror or error}", path) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def wants_color() -> bool:
    """Whether standard output is a terminal and NO_COLOR is unset (https://no-color.org)."""
    seen = sys.stdout is not None and sys.stdout.isatty()
    return seen and not os.environ.get("NO_COLOR")


class Progress:
    """A counter on standard error, shown only on a terminal and only for long work."""

    FEWEST = 20

    def __init__(self) -> None:
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        if total < self.FEWEST or sys.stderr is None or not sys.stderr.isatty():
            return
        width = 30
        filled = width * done // total
        bar = "█" * filled + "·" * (width - filled)
        click.echo(f"\r{bar} {done}/{total} logs", err=True, nl=False)
        self._shown = True

    def close(self) -> None:
        """Clears the line."""
        if self._shown:
            click.echo("\r\033[K", err=True, nl=False)
