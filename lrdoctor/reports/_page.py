"""Style, script and security policy of every HTML page: inline, or in files beside the pages."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lrdoctor.resources import data_dir

if TYPE_CHECKING:
    from markupsafe import Markup

_REST = "img-src data:; base-uri 'none'; form-action 'none'"
STYLE, SCRIPT = "lrdoctor.css", "lrdoctor.js"


def page_parts() -> dict[str, Markup | str]:
    """``css``, ``js`` and ``policy``, a content security policy that admits these two alone: a
    name from a log that got past the escaping still could not run."""
    css, js = _asset("report.css"), _asset("report.js")
    policy = f"default-src 'none'; style-src {_source(css)}; script-src {_source(js)}; {_REST}"
    return {"css": css, "js": js, "policy": policy}


def linked_parts(assets: str) -> dict[str, str]:
    """``policy`` of a page whose style and script are files in the folder ``assets``, which is
    relative to the page and ends in a slash unless empty. Servers that forbid inline styles show
    such a page with its design. Pages opened from a disk have no 'self' in some browsers, but
    ``file:``, which a page from a server cannot load."""
    own = "'self' file:"
    policy = f"default-src 'none'; style-src {own}; script-src {own}; {_REST}"
    return {"assets": assets, "policy": policy}


def asset_files() -> dict[str, str]:
    """The files that linked pages need, by name."""
    return {STYLE: str(_asset("report.css")), SCRIPT: str(_asset("report.js"))}


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
