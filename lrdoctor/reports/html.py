"""The report people open: one file, no network, readable without JavaScript and without CSS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.reports._page import page_parts
from lrdoctor.reports._panels import COLUMNS
from lrdoctor.reports._templates import html_environment
from lrdoctor.reports._view import view
from lrdoctor.verdict import Report

# Curves of more runs than this on one page are drawn in fewer columns, or it would be slow to open.
_IN_DETAIL = 100
_COARSE = 160


@dataclass(frozen=True, slots=True)
class Html:
    """A self-contained page, however many runs there are; see ``_site`` for a folder of pages."""

    name: ClassVar[str] = "html"
    suffix: ClassVar[str] = ".html"

    def render(self, report: Report) -> str:
        """The whole page."""
        template = html_environment().get_template("report.html.j2")
        seen = view(report)
        columns = COLUMNS if len(seen.runs) <= _IN_DETAIL else _COARSE
        return template.render(seen=seen, link=_within, columns=columns, **page_parts())


def _within(_run: str, anchor: str) -> str:
    return f"#{anchor}"
