"""The report for pull requests and job summaries: verdict and table first, then the findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.reports._templates import markdown_environment
from lrdoctor.reports._view import view
from lrdoctor.verdict import Report


@dataclass(frozen=True, slots=True)
class Markdown:
    """GitHub-flavoured Markdown. At most ``findings`` are told in full and ``runs`` listed, which
    keeps the text below the 1 MiB that a job summary takes; what is left out is counted."""

    name: ClassVar[str] = "markdown"
    suffix: ClassVar[str] = ".md"
    findings: int = 50
    runs: int = 200

    def render(self, report: Report) -> str:
        """The whole document."""
        template = markdown_environment().get_template("report.md.j2")
        return template.render(seen=view(report), most_findings=self.findings, most_runs=self.runs)
