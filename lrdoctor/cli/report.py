"""``lrdoctor report``: a saved diagnosis in another format."""

from __future__ import annotations

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
    from lrdoctor.cli._saved import read_saved

    wanted = destinations(formats, report_files, report_dir)
    deliver(read_saved(saved), wanted, quiet, verbose)
    return 0
