"""Styled lines of text: wrapped, cleaned of control characters, coloured or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from lrdoctor.reports._format import visible, wrap

Span: TypeAlias = tuple[str, str]  # style, text
Line: TypeAlias = list[Span]

_CODES = {
    "bold": "1",
    "dim": "2",
    "good": "1;32",
    "error": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "healthy": "32",
    "unjudged": "2",
    "suppressed": "2",
    "run": "1",
    "lr": "36",
    "added": "32",
    "removed": "31",
}


def paragraph(spans: Sequence[Span], width: int, indent: str = "") -> Iterator[Line]:
    """The spans as one paragraph of lines that fit ``width`` columns, each after ``indent``."""
    shown = [(style, visible(text)) for style, text in spans]
    styles = iter([style for style, text in shown for char in text if not char.isspace()])
    for text in wrap("".join(text for _, text in shown), width - len(indent)):
        style, styled = "", []
        for char in text:
            style = style if char == " " else next(styles)
            styled.append((style, char))
        line: Line = [("", indent)]
        line += [(s, "".join(c for _, c in same)) for s, same in groupby(styled, lambda p: p[0])]
        yield line


def emit(lines: Iterable[Line], color: bool) -> str:
    """The lines as text. No span can hold an escape sequence or a line break of its own."""
    return "".join(
        "".join(_styled(style, _flat(text), color) for style, text in line).rstrip() + "\n"
        for line in lines
    )


def _flat(text: str) -> str:
    return visible(text).replace("\n", "\\n").replace("\t", "    ")


def _styled(style: str, text: str, color: bool) -> str:
    code = _CODES.get(style) if color and text.strip() else None
    return f"\x1b[{code}m{text}\x1b[0m" if code else text
