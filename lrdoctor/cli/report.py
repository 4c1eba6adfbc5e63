"""``lrdoctor report``: a saved diagnosis in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import FAIL_ON, output_options

if TYPE_CHECKING:
    from lrdoctor.verdict import Report


@click.command(short_help="Turn a saved JSON report into another format.")
@click.argument("saved", type=click.Path(exists=True, dir_okay=False))
@output_options
@click.option(
    "--fail-on", type=FAIL_ON, help="Exit with 1 from this severity on (default: always 0)."
)
def command(
    saved: str,
    report_files: tuple[str, ...],
    formats: tuple[str, ...],
    quiet: bool,
    verbose: bool,
    fail_on: str | None,
) -> int:
    """Renders SAVED, written by lrdoctor analyze --format json:FILE, without reading logs."""
    from dataclasses import replace

    from lrdoctor.cli._output import deliver, destinations
    from lrdoctor.gate import exit_code

    wanted = destinations(formats, report_files)
    report = load_saved(saved)
    if fail_on is not None:
        report = replace(report, fail_on=fail_on)
    deliver(report, wanted, quiet, verbose, announce=False)
    return 0 if fail_on is None else exit_code(report)


def load_saved(path: str) -> Report:
    """The report in a JSON file. Raises ``ConfigError`` with the file's name."""
    from lrdoctor.errors import ConfigError
    from lrdoctor.reports.json_v1 import read_json

    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"not a readable JSON report: {error}", path) from error
    try:
        return read_json(text)
    except ConfigError as error:
        raise ConfigError(error.reason, path, error.line) from error
