"""A curve in a few lines of text: braille dots on a log or linear axis, the span marked below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lrdoctor.reports._axes import Axis, overall, step_axis, tick_text, value_axis
from lrdoctor.types import Array, Series

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # rows of one braille cell
_LABEL = 8
GLYPHS = "·+x○*"  # of the second and later curves


@dataclass(frozen=True, slots=True)
class Plot:
    """Rows of (label, canvas) and the axis below, all of fixed width."""

    rows: tuple[tuple[str, str], ...]
    axis: str
    ends: str


def plot(
    actual: Series,
    corrected: Series | None,
    shade: tuple[float, float],
    width: int,
    height: int = 6,
    *,
    log: bool = True,
) -> Plot | None:
    """The LR as dots, the corrected LR as ``·`` where it differs, in ``width`` columns.

    None where no LR is finite.
    """
    both = [actual] if corrected is None else [actual, corrected]
    return plot_all(both, shade, width, height, log=log)


def plot_all(
    curves: Sequence[Series],
    shade: tuple[float, float] | None,
    width: int,
    height: int = 6,
    *,
    log: bool = True,
) -> Plot | None:
    """The first curve as dots, the others by ``GLYPHS`` where they differ, over all their steps.

    None where no value is finite.
    """
    values = overall([s.value for s in curves])
    up = value_axis(values, log=log, margin=0.0)
    if up is None:
        return None
    drawn = [curve.step for curve in curves if len(curve)]
    first, last = float(min(s[0] for s in drawn)), float(max(s[-1] for s in drawn))
    along = step_axis(first, last)
    columns = max(width - _LABEL - 2, 10)
    dots = _dots(curves[0], along, up, 2 * columns, 4 * height)
    canvas = [[_cell(dots, row, column) for column in range(columns)] for row in range(height)]
    for glyph, curve in zip(GLYPHS, curves[1:], strict=False):
        _overlay(canvas, _dots(curve, along, up, columns, height), glyph)
    lowest = "0" if up.log and np.any(values <= 0) else tick_text(up.low)
    labels = {0: tick_text(up.high), height - 1: lowest}
    return Plot(
        rows=tuple(
            (f"{labels.get(row, ''):>{_LABEL}} │", "".join(cells))
            for row, cells in enumerate(canvas)
        ),
        axis=f"{'':{_LABEL}} └{_marked(along, shade, columns)}",
        ends=_ends(tick_text(first), tick_text(last), columns),
    )


def _dots(series: Series, along: Axis, up: Axis, across: int, down: int) -> Array:
    """A bitmap ``bool[down, across]`` of the curve without holes, jumps drawn as vertical lines."""
    bitmap = np.zeros((down, across), dtype=bool)
    finite = series.finite()
    if not len(finite):
        return bitmap
    column = np.minimum((along.place(finite.step) * across).astype(int), across - 1)
    row = np.minimum(((1 - up.place(finite.value)) * down).astype(int), down - 1)
    bitmap[row[0], column[0]] = True
    for (here, start), (there, stop) in pairwise(zip(column, row, strict=True)):
        reached = np.linspace(start, stop, max(there - here, 1) + 1).round().astype(int)
        for index, (one, other) in enumerate(pairwise(reached), start=1):
            bitmap[min(one, other) : max(one, other) + 1, min(here + index, there)] = True
    return bitmap


def _cell(dots: Array, row: int, column: int) -> str:
    code = sum(
        bit
        for y, bits in enumerate(_DOTS)
        for x, bit in enumerate(bits)
        if dots[4 * row + y, 2 * column + x]
    )
    return chr(0x2800 + code) if code else " "


def _overlay(canvas: list[list[str]], coarse: Array, glyph: str) -> None:
    for row, cells in enumerate(canvas):
        for column, cell in enumerate(cells):
            if cell == " " and coarse[row, column]:
                cells[column] = glyph


def _marked(along: Axis, shade: tuple[float, float] | None, columns: int) -> str:
    if shade is None:
        return "─" * columns
    start, stop = (int(float(along.place(s)) * (columns - 1)) for s in shade)
    return "".join("━" if start <= column <= stop else "─" for column in range(columns))


def _ends(first: str, last: str, columns: int) -> str:
    room = max(columns - len(first), len(last) + 1)
    return f"{'':{_LABEL + 2}}{first}{last:>{room}}"
