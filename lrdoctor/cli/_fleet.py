"""What a scan or a merge says at its end, and with which exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lrdoctor.fleet.pages import Pages
    from lrdoctor.fleet.store import Store


class View:
    """A state against the last scan before ``scan`` that came to its end."""

    def __init__(self, store: Store, scan: int) -> None:
        from lrdoctor.fleet import trends

        before = store.last_finished(scan)
        self.new = trends.new_since(store, before)
        self.fixed = trends.fixed_since(store, before)
        self.found = trends.still_open(store)
        self.by_rule = trends.by_rule(store, before)
        self.unjudged = trends.unjudged(store)
        self.any_judged = bool(store.rows("SELECT 1 FROM run WHERE judged LIMIT 1"))

    @property
    def counts(self) -> str:
        """The end of the last line."""
        from lrdoctor.reports._format import count

        found = count(len(self.found), "open finding")
        return f"{found}, {len(self.new)} new, {len(self.fixed)} fixed"

    def tell(self) -> None:
        """New and fixed findings, and how many are open by rule."""
        from lrdoctor.cli._output import terminal_width
        from lrdoctor.fleet import summary

        width = terminal_width()
        lines = [
            *summary.findings("NEW", self.new, width),
            *summary.findings("FIXED", self.fixed, width),
            *summary.rules(self.by_rule),
        ]
        click.echo("".join(f"{line}\n" for line in lines), nl=False)

    def exit_code(self, *, only_new: bool, fail_on: str, allow_empty: bool) -> int:
        """3 where nothing could be judged, 1 for findings at or above ``fail_on``, else 0."""
        from lrdoctor.gate import FAILED, NOTHING_READ, PASSED, reaches
        from lrdoctor.types import Severity

        if not self.any_judged and not allow_empty:
            return NOTHING_READ
        counted = self.new if only_new else self.found
        return FAILED if any(reaches(Severity(f.severity), fail_on) for f in counted) else PASSED


def report_pages(folder: str | None, store: Store) -> Pages | None:
    """The report folder, made where there is none. Raises ``ConfigError`` where it cannot be."""
    if folder is None:
        return None
    from lrdoctor.cli._output import write_whole
    from lrdoctor.errors import ConfigError
    from lrdoctor.fleet.pages import Pages

    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"no folder can be made here: {error.strerror or error}"
        raise ConfigError(reason, folder) from error
    return Pages(folder, store, write_whole)
