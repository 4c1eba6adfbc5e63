"""The little Markdown that rule texts use, as HTML: paragraphs, lists, code, bold, links."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from lrdoctor.reports._format import visible

if TYPE_CHECKING:
    from markupsafe import Markup

# Applied to escaped text, so that nothing but these can become markup.
_INLINE = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\[([^\]]+)\]\((https?://[^\s)\"]+)\)"), r'<a href="\2" rel="noreferrer">\1</a>'),
)
_BULLETS = ("- ", "* ")


def prose(text: str) -> Markup:
    """HTML of a rule text; anything but the marks above is shown as it stands."""
    from markupsafe import Markup

    blocks = re.split(r"\n\s*\n", text.strip())
    return Markup("".join(_block(block) for block in blocks if block))


def _block(block: str) -> str:
    lines = [line.strip() for line in block.splitlines()]
    parts = []
    for bullet, group in groupby(lines, lambda line: line.startswith(_BULLETS)):
        if bullet:
            items = "".join(f"<li>{_inline(line[2:])}</li>" for line in group)
            parts.append(f"<ul>{items}</ul>")
        else:
            parts.append(f"<p>{_inline(' '.join(group))}</p>")
    return "".join(parts)


def _inline(text: str) -> str:
    from markupsafe import escape

    result = str(escape(visible(text)))
    for pattern, replacement in _INLINE:
        result = pattern.sub(replacement, result)
    return result


def ticked(text: str) -> Markup:
    """HTML of a message, whose only mark is code in backticks: names from a log may be in it."""
    from markupsafe import Markup, escape

    pattern, replacement = _INLINE[0]
    return Markup(pattern.sub(replacement, str(escape(visible(text)))))


def plain(text: str) -> str:
    """The text without its marks, for a terminal."""
    return re.sub(r"`([^`]+)`|\*\*([^*]+)\*\*", lambda m: m[1] or m[2], text)
