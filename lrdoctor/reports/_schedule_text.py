"""Schedules on a terminal: a table of key points, their curves, what surprises about each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrdoctor.key_points import LETTERS, Row, remarks, rows_of, sampled
from lrdoctor.messages import schedule_text
from lrdoctor.protocols import NamedSchedule
from lrdoctor.reports._ansi import Line, emit, paragraph
from lrdoctor.reports._format import cells, lr_text, middle
from lrdoctor.reports._plot import GLYPHS, plot_all
from lrdoctor.types import Series

_WHAT, _STEP, _EPOCH, _LR = 24, 12, 10, 11  # columns of the table
_HEIGHT = 9


def show(
    schedules: Sequence[NamedSchedule],
    steps: int,
    per_epoch: float | None,
    width: int,
    *,
    log: bool = False,
    color: bool = False,
) -> str:
    """Up to six schedules over ``steps`` steps, the last of them ``steps - 1``, and beyond."""
    alone = len(schedules) == 1
    lines: list[Line] = []
    for letter, named in zip(LETTERS, schedules, strict=False):
        lead = "" if alone else f"{letter}  "
        lines += paragraph([("bold", lead), ("", schedule_text(named))], width)
    rows = rows_of(schedules, steps)
    per_table = max((width - _WHAT - _STEP - (_EPOCH if per_epoch else 0)) // _LR, 1)
    for first in range(0, len(schedules), per_table):
        shown = range(first, min(first + per_table, len(schedules)))
        lines += [[], *_table(rows, shown, steps, per_epoch, alone)]
    tags = ["learning rate"] if alone else LETTERS[: len(schedules)]
    curves = [sampled(n, t, steps) for n, t in zip(schedules, tags, strict=True)]
    lines += [[], *curves_plot(curves, width, log=log)]
    for letters, text in told(schedules, steps):
        lines += paragraph([("", text if alone else f"{letters}: {text}")], width)
    return emit(lines, color)


def told(schedules: Sequence[NamedSchedule], steps: int) -> list[tuple[str, str]]:
    """Remarks with the letters of the schedules each holds for."""
    found: dict[str, list[str]] = {}
    for letter, named in zip(LETTERS, schedules, strict=False):
        for text in remarks(named, steps):
            found.setdefault(text, []).append(letter)
    return [(", ".join(letters), text) for text, letters in found.items()]


def curves_plot(
    curves: Sequence[Series], width: int, height: int = _HEIGHT, *, log: bool, indent: str = ""
) -> Iterator[Line]:
    """The curves on one pair of axes with a legend; nothing where no value is finite."""
    drawn = plot_all(curves, None, width - len(indent), height, log=log)
    if drawn is None:
        return
    for label, canvas in drawn.rows:
        yield [("dim", f"{indent}{label}"), ("lr", canvas.rstrip())]
    yield [("dim", f"{indent}{drawn.axis}")]
    yield [("dim", f"{indent}{drawn.ends}")]
    marks = [f"{g} {c.tag}" for g, c in zip(f"⠤{GLYPHS}", curves, strict=False)]
    legend = f"{'  '.join(marks)} ({'log' if log else 'linear'} axis)"
    yield from paragraph([("dim", legend)], width, indent + " " * 10)


def _table(
    rows: Sequence[Row], shown: range, steps: int, per_epoch: float | None, alone: bool
) -> Iterator[Line]:
    """The rows with the columns of the schedules ``shown``, by index."""
    epoch = f"{'epoch':>{_EPOCH}}" if per_epoch else ""
    heads = "".join(f"{'LR' if alone else LETTERS[i]:>{_LR}}" for i in shown)
    yield [("dim", f"{'':{_WHAT}}{'step':>{_STEP}}{epoch}{heads}")]
    end = min(row.step for row in rows if row.step >= steps)
    for row in rows:
        if row.step == end:
            yield [("dim", "beyond the end")]
        label = middle(row.what, _WHAT)
        at = f"{row.step / per_epoch:>{_EPOCH},.4g}" if per_epoch else ""
        values = "".join(f"{lr_text(row.lr[i]):>{_LR}}" for i in shown)
        padding = " " * (_WHAT - cells(label))
        yield [("", f"{label}{padding}{row.step:>{_STEP},}{at}"), ("bold", values)]
