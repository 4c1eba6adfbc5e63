"""Style, script and security policy that every HTML page of ours carries inline."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lrdoctor.resources import data_dir

if TYPE_CHECKING:
    from markupsafe import Markup


def page_parts() -> dict[str, Markup | str]:
    """``css``, ``js`` and ``policy``, a content security policy that admits these two alone."""
    css, js = _asset("report.css"), _asset("report.js")
    policy = (
        f"default-src 'none'; style-src {_source(css)}; script-src {_source(js)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return {"css": css, "js": js, "policy": policy}


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
