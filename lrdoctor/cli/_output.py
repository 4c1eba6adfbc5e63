"""Where reports go: the terminal, or files written whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lrdoctor.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from lrdoctor.verdict import Report


def destinations(
    formats: tuple[str, ...], report_files: tuple[str, ...], report_dir: str | None = None
) -> list[tuple[str, str | None]]:
    """Format and file (None: standard output) of each report; a folder ends in a slash.

    Text goes to standard output unless another format does. Raises ``UsageError`` for a wrong
    format, and for two that would end up in one place.
    """
    wanted = [parse_format(text) for text in formats]
    wanted += [(format_of_file(path), path) for path in report_files]
    wanted += [("html", f"{report_dir}/")] if report_dir else []
    if all(path is not None for _, path in wanted):
        wanted.insert(0, ("text", None))
    taken: dict[str | None, str] = {}
    for kind, path in wanted:
        place = path and os.path.realpath(path)
        if place in taken:
            where = path or f"standard output; give one a file: --format {kind}:FILE"
            raise click.UsageError(f"{taken[place]} and {kind} both go to {where}")
        taken[place] = kind
    return wanted


def deliver(
    report: Report,
    wanted: list[tuple[str, str | None]],
    quiet: bool,
    verbose: bool,
    announce: bool = True,
) -> None:
    """Standard output first: findings are shown even where a report file cannot be written.

    Where ``announce``, a GitHub job also gets annotations and its summary. Raises ``ConfigError``
    for a file that could not be written, after all others were.
    """
    from lrdoctor.cli import _github

    actions = _github.is_action()
    for kind in (kind for kind, path in wanted if path is None):
        text = _printed(kind, report, quiet, verbose)
        if actions and kind in ("text", "markdown"):
            text = _github.defused(text)
        click.echo(text, nl=bool(text) and not text.endswith("\n"))
    problems: list[ConfigError] = []
    for kind, path in wanted:
        if path is not None:
            _try(problems, _write, kind, path, report)
    if actions and announce:
        if ("github", None) not in wanted:
            click.echo(_rendered("github", report), err=True, nl=False)
        _try(problems, _github.summarise, report)
    if quiet:
        from lrdoctor.reports.text import totals

        click.echo(totals(report), err=True)
    for problem in problems[:-1]:
        click.echo(f"lrdoctor: {problem}", err=True)
    if problems:
        raise problems[-1]


def _try(problems: list[ConfigError], action: Callable[..., None], *arguments: Any) -> None:
    try:
        action(*arguments)
    except ConfigError as error:
        problems.append(error)


def _write(kind: str, path: str, report: Report) -> None:
    if kind == "html":
        from lrdoctor.cli._pages import write_html

        write_html(report, path)
    else:
        write_told(path, _rendered(kind, report))


def _printed(kind: str, report: Report, quiet: bool, verbose: bool) -> str:
    is_text = kind == "text"
    return terminal_text(report, quiet, verbose) if is_text else _rendered(kind, report)


def _rendered(kind: str, report: Report) -> str:
    from lrdoctor.plugins import discover

    return str(discover("reports")[kind]().render(report))


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
    """``kind`` or ``kind:file`` as a pair; ``-`` and ``/dev/stdout`` are standard output.

    Raises ``UsageError`` for an unknown kind.
    """
    from lrdoctor.plugins import discover

    kind, _, path = text.partition(":")
    known = discover("reports")
    if kind not in known:
        hint = did_you_mean(kind, known) or f"; choose from {', '.join(known)}"
        raise click.UsageError(f"unknown format {kind!r}{hint}")
    return kind, None if path in ("", "-", "/dev/stdout") else path


def format_of_file(path: str) -> str:
    """The report format that a file name asks for by its end, the longest that fits."""
    from lrdoctor.plugins import discover

    kinds = {r.suffix: name for name, r in discover("reports").items() if r.suffix}
    fitting = [suffix for suffix in kinds if Path(path).name.endswith(suffix)]
    if not fitting:
        known = ", ".join(sorted(kinds))
        raise click.UsageError(f"--report {path}: the file name must end in one of {known}")
    return kinds[max(fitting, key=len)]


def write_told(path: str, text: str) -> None:
    """Writes as ``write_whole`` does and says so on standard error."""
    write_whole(path, text)
    click.echo(f"wrote {path}", err=True)


def write_whole(path: str, text: str) -> None:
    """Writes to a temporary file beside ``path`` and moves it there: never half a report.

    Pipes and devices are written to as they are, and what a link points at is replaced, not the
    link. Raises ``ConfigError`` where the place cannot be written.
    """
    try:
        given = Path(path)
        if path.startswith("/dev/") or (given.exists() and not given.is_file()):
            given.write_text(text, encoding="utf-8", newline="\n")
            return
        target = Path(os.path.realpath(path))  # resolve() fails at a loop of links
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, text)
    except (FileExistsError, NotADirectoryError) as error:
        reason = "cannot be written: a part of the path is a file, not a folder"
        raise ConfigError(reason, path) from error
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror or error}", path) from error


def _replace(target: Path, text: str) -> None:
    # A name as long as the file system allows leaves no room for more in front of it.
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".lrdoctor-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        # mkstemp makes private files; a report gets the permissions of any new file.
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def wants_color() -> bool:
    """Whether standard output is a terminal and NO_COLOR is unset (https://no-color.org)."""
    seen = sys.stdout is not None and sys.stdout.isatty()
    return seen and not os.environ.get("NO_COLOR")


class Progress:
    """A bar on standard error, shown only on a terminal and only for long work."""

    FEWEST = 20
    OFTEN = 0.1  # seconds between two states of a training

    def __init__(self) -> None:
        self._shown = False
        self._last = -self.OFTEN

    def __call__(self, done: int, total: int) -> None:
        if total >= self.FEWEST:
            self._draw(done / total, f"{done}/{total} logs")

    def training(self, share: float, run: int, runs: int) -> None:
        """The share done of the trainings for run ``run`` of ``runs``."""
        now = time.monotonic()
        if now - self._last >= self.OFTEN:
            self._last = now
            self._draw(share, f"training for run {run}/{runs}")

    def _draw(self, share: float, text: str) -> None:
        if sys.stderr is None or not sys.stderr.isatty():
            return
        width = 30
        filled = int(width * share)
        bar = "█" * filled + "·" * (width - filled)
        click.echo(f"\r{bar} {text}", err=True, nl=False)
        self._shown = True

    def close(self) -> None:
        """Clears the line."""
        if self._shown:
            click.echo("\r\033[K", err=True, nl=False)
