"""The comparison of several runs on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lrdoctor.messages import number_text
from lrdoctor.reports._ansi import Line, emit, paragraph
from lrdoctor.reports._compare import Comparison, Row, loss_title
from lrdoctor.reports._format import cells, middle, one_line
from lrdoctor.reports._plot import GLYPHS
from lrdoctor.reports._schedule_text import curves_plot
from lrdoctor.types import Array, IntArray, Role, Series

_NAME = 26  # columns of a parameter's name
_VALUE = 13
_MOST_DRAWN = 1 + len(GLYPHS)
_CAUTION = "Runs of one seed each can differ by as much without any cause."


def text(comparison: Comparison, width: int = 80, color: bool = False) -> str:
    """Verdict, runs, LRs over each other, and what the runs differ in."""
    return emit(_lines(comparison, width), color)


def _lines(seen: Comparison, width: int) -> Iterator[Line]:
    yield from paragraph([("bold", seen.verdict)], width)
    yield []
    yield from _runs(seen, width)
    curves = [
        Series(m.letter, *_whole(m.lr[0], m.lr[1])) for m in seen.members[:_MOST_DRAWN] if m.lr
    ]
    if curves:
        yield []
        yield from curves_plot(curves, width, log=True)
    shown = max(1, (width - _NAME) // _VALUE)
    for start in range(0, len(seen.members) if seen.different else 0, shown):
        yield []
        yield from _table(seen, seen.different, range(start, start + shown))
    if seen.same:
        told = ", ".join(f"{row.name} {row.values[0]}" for row in seen.same)
        yield []
        yield from paragraph([("bold", "The same in all: "), ("dim", told)], width)
    for note in (*seen.notes, *([_CAUTION] if seen.judged_by else [])):
        yield from paragraph([("dim", note)], width)


def _runs(seen: Comparison, width: int) -> Iterator[Line]:
    roles = [r for r in (Role.VAL_LOSS, Role.TRAIN_LOSS) if any(r in m.ends for m in seen.members)]
    heads = "".join(
        f"{loss_title(r).removesuffix('idation loss').removesuffix('ing loss') + ' end':>12}"
        for r in roles
    )
    wide = width - 3 - 12 * len(roles) - 12
    yield [("dim", f"{'   run':{wide + 3}}{heads}{'LR sum':>12}")]
    for m in seen.members:
        name = middle(one_line(m.name), wide)
        ends = "".join(f"{number_text(m.ends[r]) if r in m.ends else '–':>12}" for r in roles)
        spent = "–" if m.spent is None else number_text(m.spent)
        yield [
            ("bold", f"{m.letter}  "),
            ("", f"{name}{' ' * (wide - cells(name))}{ends}{spent:>12}"),
        ]
        codes = " ".join(dict.fromkeys(f.rule.code for f in m.diagnosis.findings))
        yield from paragraph([("dim", f"{m.schedule} {codes}")], width, "   ")


def _table(seen: Comparison, rows: Sequence[Row], shown: range) -> Iterator[Line]:
    letters = [m.letter for m in seen.members][shown.start : shown.stop]
    yield [
        ("bold", f"{'They differ in':{_NAME}}"),
        ("dim", "".join(f"{c:>{_VALUE}}" for c in letters)),
    ]
    for row in rows:
        name = middle(one_line(row.name), _NAME - 1)
        values = "".join(
            f"{'':{max(0, _VALUE - cells(v))}}{v}"
            for v in (middle(one_line(v), _VALUE - 1) for v in row.values[shown.start : shown.stop])
        )
        yield [("", f"{name}{' ' * (_NAME - cells(name))}"), ("bold", values)]


def _whole(x: Array, y: Array) -> tuple[IntArray, Array]:
    """x in whole numbers, as a plot of a few columns needs it; the first of equal ones."""
    whole, first = np.unique(np.round(x).astype(np.int64), return_index=True)
    return whole, y[first]
