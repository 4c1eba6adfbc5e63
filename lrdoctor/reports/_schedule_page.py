"""Schedules as a picture (SVG) or as one HTML page: curves, key points and the code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lrdoctor.key_points import LETTERS, rows_of, sampled
from lrdoctor.messages import schedule_text
from lrdoctor.protocols import NamedSchedule
from lrdoctor.reports._charts import lr_figure
from lrdoctor.reports._format import lr_text
from lrdoctor.reports._page import page_parts
from lrdoctor.reports._schedule_text import told
from lrdoctor.reports._templates import html_environment
from lrdoctor.snippets import code_for
from lrdoctor.types import Role
from lrdoctor.verdict import Curve


@dataclass(frozen=True, slots=True)
class Entry:
    """One schedule as a page shows it; ``code`` by framework."""

    letter: str
    call: str
    code: dict[str, str]


def svg(
    schedules: Sequence[NamedSchedule], steps: int, per_epoch: float | None, *, log: bool = False
) -> str:
    """A picture of 860 pixels width that stands alone."""
    return _rendered("schedules.svg.j2", schedules, steps, per_epoch, log)


def page(
    schedules: Sequence[NamedSchedule], steps: int, per_epoch: float | None, *, log: bool = False
) -> str:
    """A page that needs neither network nor JavaScript."""
    return _rendered("schedules.html.j2", schedules, steps, per_epoch, log, **page_parts())


def _rendered(
    template: str,
    schedules: Sequence[NamedSchedule],
    steps: int,
    per_epoch: float | None,
    log: bool,
    **parts: Any,
) -> str:
    alone = len(schedules) == 1
    entries = [
        Entry(
            "" if alone else letter, schedule_text(named), code_for([("all param groups", named)])
        )
        for letter, named in zip(LETTERS, schedules, strict=False)
    ]
    tags = [f"{e.letter} {n.name}".strip() for e, n in zip(entries, schedules, strict=True)]
    curves = [Curve(Role.LR, t, sampled(n, t, steps)) for t, n in zip(tags, schedules, strict=True)]
    return str(
        html_environment()
        .get_template(template)
        .render(
            entries=entries,
            fig=lr_figure(curves, per_epoch, log=log),
            rows=rows_of(schedules, steps),
            remarks=[("" if alone else f"{who}: ", text) for who, text in told(schedules, steps)],
            steps=steps,
            per_epoch=per_epoch,
            lr_text=lr_text,
            **parts,
        )
    )
