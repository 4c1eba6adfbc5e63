"""The report people open: one file, no network, readable without JavaScript and without CSS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.reports._page import page_parts
from lrdoctor.reports._templates import html_environment
from lrdoctor.reports._view import view
from lrdoctor.verdict import Report


@dataclass(frozen=True, slots=True)
class Html:
    """A self-contained page under a content security policy that admits only its own style and
    script by their hashes: a name from a log that got past the escaping still could not run."""

    name: ClassVar[str] = "html"
    suffix: ClassVar[str] = ".html"

    def render(self, report: Report) -> str:
        """The whole page."""
        template = html_environment().get_template("report.html.j2")
        return template.render(seen=view(report), **page_parts())
