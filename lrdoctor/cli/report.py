"""``lrdoctor report``: a saved diagnosis in another format."""

from __future__ import annotations

from pathlib import Path

import click

from lrdoctor.cli._options import output_options


@click.command(short_help="Turn a saved JSON report into another format.")
@click.argument("saved", type=click.Path(exists=True, dir_okay=False))
@output_options
def command(
    saved: str,
    report_files: tuple[str, ...],
    report_dir: str | None,
    formats: tuple[str, ...],
    quiet: bool,
    verbose: bool,
) -> int:
    """Renders SAVED, written by lrdoctor analyze --format json:FILE, without reading logs."""
    from lrdoctor.cli._output import deliver, destinations
    from lrdoctor.errors import ConfigError
    from lrdoctor.reports.json_v1 import read_json

    wanted = destinations(formats, report_files, report_dir)
    try:
        text = Path(saved).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"not a readable JSON report: {error}", saved) from error
    try:
        report = read_json(text)
    except ConfigError as error:
        raise ConfigError(error.reason, saved, error.line) from error
    deliver(report, wanted, quiet, verbose)
    return 0
