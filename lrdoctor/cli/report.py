"""``lrdoctor report``: a saved diagnosis in another format."""

from __future__ import annotations

import click

from lrdoctor.cli._options import FAIL_ON, output_options


@click.command(short_help="Turn a saved JSON report into another format.")
@click.argument("saved", type=click.Path(exists=True, dir_okay=False))
@output_options
@click.option(
    "--fail-on", type=FAIL_ON, help="Exit with 1 from this severity on (default: always 0)."
)
def command(
    saved: str,
    report_files: tuple[str, ...],
    report_dir: str | None,
    formats: tuple[str, ...],
    quiet: bool,
    verbose: bool,
    fail_on: str | None,
) -> int:
    """Renders SAVED, written by lrdoctor analyze --format json:FILE, without reading logs."""
    from dataclasses import replace

    from lrdoctor.cli._output import deliver, destinations
    from lrdoctor.cli._saved import read_saved
    from lrdoctor.gate import exit_code

    wanted = destinations(formats, report_files, report_dir)
    report = read_saved(saved)
    if fail_on is not None:
        report = replace(report, fail_on=fail_on)
    deliver(report, wanted, quiet, verbose, announce=False)
    return 0 if fail_on is None else exit_code(report)
