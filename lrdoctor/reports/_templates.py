"""Jinja environments for the templates, and what every template can call."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from lrdoctor.messages import UNIT_NOUN, number_text, quantity_text, schedule_text
from lrdoctor.protocols import NamedSchedule
from lrdoctor.reports import _format, _outcomes
from lrdoctor.reports._charts import figure, sparkline
from lrdoctor.reports._panels import KINDS
from lrdoctor.reports._prose import prose, ticked
from lrdoctor.reports._view import first_fix
from lrdoctor.resources import data_dir
from lrdoctor.types import Quantity
from lrdoctor.verdict import Threshold

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def html_environment() -> Environment:
    """Escapes whatever a template puts out, and spells out control and bidi characters."""
    return _environment(autoescape=True, finalize=_visible)


@cache
def markdown_environment() -> Environment:
    """Like the HTML one, with Markdown's own escapes."""
    return _environment(autoescape=False, finalize=_markdown)


class Raw(str):
    """Text that is Markdown already, such as a fenced block."""


def _environment(**options: Any) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(data_dir("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
    environment.filters.update(
        number=number_text,
        quantity=quantity_text,
        threshold=_threshold_text,
        call=schedule_text,
        words=_format.words,
        scalar=_format.scalar,
        middle=_format.middle,
        sentence=_format.sentence,
        stopped=_format.stopped,
        one_line=_format.one_line,
        kind=_kind,
        claims=_outcomes.claims,
        first_fix=first_fix,
        rehearsal=_outcomes.rehearsal,
        prose=prose,
        ticked=ticked,
        fence=fence,
    )
    environment.globals.update(
        KINDS=KINDS,
        UNITS=UNIT_NOUN,
        count=_format.count,
        position=_format.position,
        span=_format.span,
        figure=figure,
        sparkline=sparkline,
    )
    return environment


def _visible(value: Any) -> Any:
    """Markup has passed here before; everything else is made visible, then escaped by Jinja."""
    return value if hasattr(value, "__html__") or value is None else _format.visible(str(value))


# The comment keeps a name such as @team from notifying anybody.
_SPECIAL = str.maketrans(
    {c: f"\\{c}" for c in "\\`*_[]|#~$"} | {"<": "&lt;", "&": "&amp;", "@": "@<!-- -->"}
)


def _markdown(value: Any) -> Any:
    if isinstance(value, Raw):
        return str(value)
    return _format.one_line(str(value)).translate(_SPECIAL)


def fence(text: str, language: str = "") -> Raw:
    """A fenced code block whose fence is longer than any within the text."""
    body = _format.visible(text).rstrip("\n")
    ticks = "```"
    while ticks in body:
        ticks += "`"
    return Raw(f"{ticks}{language}\n{body}\n{ticks}")


def _threshold_text(threshold: Threshold) -> str:
    return quantity_text(Quantity(threshold.value, threshold.unit))


def _kind(named: NamedSchedule | None) -> str:
    return "unnamed" if named is None else named.name
