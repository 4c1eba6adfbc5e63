"""The report for pull requests and job summaries: verdict and table first, then the findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.reports._templates import markdown_environment
from lrdoctor.reports._view import view
from lrdoctor.verdict import Report

# Findings told in full and runs listed: what is tried until the text is short enough.
_SIZES = ((50, 200), (10, 50), (3, 10), (0, 0))


@dataclass(frozen=True, slots=True)
class Markdown:
    """GitHub-flavoured Markdown of at most ``limit`` bytes. What is left out is counted; there is
    no text at all where not even the verdict fits."""

    name: ClassVar[str] = "markdown"
    suffix: ClassVar[str] = ".md"
    MOST_BYTES: ClassVar[int] = 900_000  # a job summary takes 1 MiB
    limit: int = MOST_BYTES

    def render(self, report: Report) -> str:
        """The whole document."""
        template = markdown_environment().get_template("report.md.j2")
        seen = view(report)
        for findings, runs in _SIZES:
            text = template.render(seen=seen, most_findings=findings, most_runs=runs)
            if len(text.encode("utf-8", "replace")) <= self.limit:
                return text
        return ""
