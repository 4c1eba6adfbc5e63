"""Writes the HTML report: one file, or a folder where there is too much for one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lrdoctor.cli._output import write_told, write_whole

if TYPE_CHECKING:
    from lrdoctor.verdict import Report


def write_html(report: Report, path: str) -> None:
    """One page at ``path``; beyond fifty runs with faults an index there and the pages of the runs
    in ``<name>_files`` beside it; all in the folder ``path`` where that ends in a slash.

    Raises ``ConfigError`` where the place cannot be written.
    """
    from lrdoctor.reports._site import site, wants_folder
    from lrdoctor.reports.html import Html

    target = Path(path)
    if path.endswith(("/", "\\")) or target.is_dir():
        files = site(report)
        folder, index = target, "index.html"
    elif wants_folder(report):
        folder, index = target.parent, target.name
        files = site(report, index, f"{target.stem}_files/")
    else:
        write_told(path, Html().render(report))
        return
    for name, text in files:
        write_whole(str(folder / name), text)
    pages = len(report.diagnoses)
    click.echo(f"wrote {folder / index} and the pages of {pages:,} runs beside it", err=True)
