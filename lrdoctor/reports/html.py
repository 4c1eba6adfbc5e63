"""The report people open: one file, no network, readable without JavaScript and without CSS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from lrdoctor.reports._templates import html_environment
from lrdoctor.reports._view import view
from lrdoctor.resources import data_dir
from lrdoctor.verdict import Report

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Html:
    """A self-contained page under a content security policy that admits only its own style and
    script by their hashes: a name from a log that got past the escaping still could not run."""

    name: ClassVar[str] = "html"
    suffix: ClassVar[str] = ".html"

    def render(self, report: Report) -> str:
        """The whole page."""
        css, js = _asset("report.css"), _asset("report.js")
        policy = (
            f"default-src 'none'; style-src {_source(css)}; script-src {_source(js)}; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        )
        template = html_environment().get_template("report.html.j2")
        return template.render(seen=view(report), css=css, js=js, policy=policy)


@cache
def _asset(name: str) -> Markup:
    from markupsafe import Markup

    return Markup((data_dir("templates") / "partials" / name).read_text(encoding="utf-8"))


def _source(content: str) -> str:
    """The CSP source expression of an inline style or script with exactly this content."""
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha256(content.encode()).digest())
    return f"'sha256-{digest.decode()}'"
