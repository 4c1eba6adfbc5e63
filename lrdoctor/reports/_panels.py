"""One chart as plain numbers and path data: curves on a value axis over a common x axis.

Horizontal places are percent of the width, vertical ones pixels, so that text keeps its size at
every width. Curves live in a box of ``BOX`` units across and ten units per pixel down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.messages import number_text
from lrdoctor.reports import _bands
from lrdoctor.reports._axes import Axis, Tick, epoch_ticks, loss_in_sight, overall, value_axis
from lrdoctor.reports._format import count
from lrdoctor.reports._sampling import gaps, min_max, pieces, thin
from lrdoctor.types import Array
from lrdoctor.verdict import Band, Curve

BOX = 10_000
MOST_MARKS = 40
COLUMNS = 480  # pixel columns of a curve as drawn
_HOVER_SHARE = 8  # of the columns whose values are shown under the pointer: one in as many
_TOLERANCE = 0.35  # pixels a drawn curve may be off
_HEIGHTS = {"lr": 190, "loss": 150, "open": 150}
_TICK_ROOM = 0.08  # share of an axis that one label takes
_TITLES = {"lr": "learning rate", "loss": "loss", "open": "open findings"}


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a kind of curve is drawn where no style sheet applies: Okabe and Ito's palette darkened
    to a contrast of 3 on white, and dashes, so that colour is never alone."""

    color: str
    width: float
    dashes: str = ""


KINDS = {
    "lr": Stroke("#0072b2", 2.2),
    "other1": Stroke("#5b5f66", 1.6, "7 4"),
    "other2": Stroke("#8a5a9e", 1.6, "3 3"),
    "other3": Stroke("#5b5f66", 1.6, "10 3 2 3"),
    "other4": Stroke("#8a5a9e", 1.6, "12 5"),
    "other5": Stroke("#5b5f66", 1.6, "2 5"),
    "fix": Stroke("#c14a00", 2.6, "1 5"),
    "fix2": Stroke("#c14a00", 1.6, "1 5"),
    "predicted": Stroke("#c14a00", 2.2, "1 5"),
    "train": Stroke("#00795a", 1.5),
    "val": Stroke("#a83f79", 1.8, "6 3"),
    "run1": Stroke("#0072b2", 1.8),
    "run2": Stroke("#c14a00", 1.8, "7 4"),
    "run3": Stroke("#00795a", 1.8, "3 3"),
    "run4": Stroke("#a83f79", 1.8, "10 3 2 3"),
    "run5": Stroke("#7a6200", 1.8, "12 5"),
    "run6": Stroke("#5b5f66", 1.8, "2 5"),
    "run7": Stroke("#0072b2", 1.8, "10 3 2 3 2 3"),
    "run8": Stroke("#c14a00", 1.8, "16 4"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """Panels over one x axis; ``shade`` is (left, width) of the finding in percent."""

    panels: tuple[Panel, ...]
    first: float
    last: float
    noun: str
    per_epoch: float | None
    ticks: tuple[Tick, ...]
    epochs: tuple[Tick, ...]
    shade: tuple[float, float] | None
    shade_label: str
    restarts: tuple[float, ...]
    summary: str
    notes: tuple[str, ...]

    @property
    def legend(self) -> tuple[Line, ...]:
        """Each curve once, though it may be in several panels."""
        lines = {(line.kind, line.label): line for p in self.panels for line in p.lines}
        return tuple(lines.values())

    @property
    def areas(self) -> tuple[_bands.Area, ...]:
        """The intervals drawn."""
        return tuple(p.area for p in self.panels if p.area is not None)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What is to be drawn: ``x`` ascending and ``y``, float64[n] each; y may be not finite."""

    kind: str
    label: str
    x: Array
    y: Array


def trace(kind: str, curve: Curve, label: str = "") -> Trace:
    """A series to be drawn over its own steps."""
    step = curve.series.step.astype(np.float64)
    return Trace(kind, label or curve.tag, step, curve.series.value)


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: its kind (colour and dashes), label, path and the points shown under a pointer,
    whose ``steps`` are the first one and the differences to the next."""

    kind: str
    label: str
    path: str
    steps: str
    values: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch without finite values: place and width in percent, what stands there."""

    left: float
    width: float
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: curves on one value axis, over the interval of a predicted one."""

    title: str
    height: int
    ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    area: _bands.Area | None = None


def panel(
    name: str,
    traces: Sequence[Trace],
    along: Axis,
    notes: list[str],
    *,
    log: bool = True,
    told: tuple[str, Band] | None = None,
    columns: int = COLUMNS,
) -> Panel | None:
    """A chart of ``traces``, drawn in so many columns, and of a prediction with the title of who
    made it. A log axis is for values of which none is negative."""
    if not traces:
        return None
    title = _TITLES[name]
    band = told[1] if told else None
    values = overall([*(t.y for t in traces), *([band.loss] if band else [])])
    finite = values[np.isfinite(values)]
    log = log and not np.any(finite < 0)
    if name == "loss" and log:
        in_sight = [loss_in_sight(t.y) for t in traces]
        up = value_axis(overall([*in_sight, *([band.loss] if band else [])]), log=True)
    else:
        up = value_axis(values, log=log)
    if up is None:
        up = Axis(0.0, 1.0, log=False)
        notes.append(f"No value of {title} is finite.")
    zero = up.log & (finite <= 0)
    outside = int(np.sum(~zero & ((finite < up.low) | (finite > up.high))))
    if outside:
        notes.append(f"{count(outside, 'value')} of {title} beyond the axis drawn at its edge.")
    height = _HEIGHTS[name]
    marks = [m for t in traces for m in _marks(t, along, notes)]
    lines = [_line(t, along, up, height, columns) for t in traces]
    return Panel(
        title=f"{title}, {'log' if up.log else 'linear'} axis",
        height=height,
        ticks=_with_zero(up.ticks(4)) if np.any(zero) else up.ticks(4),
        lines=(*lines, *([_predicted(band, along, up, height)] if band else [])),
        marks=tuple(marks[:MOST_MARKS]),
        area=_bands.area(*told, along, up, height, BOX) if told else None,
    )


def _with_zero(ticks: tuple[Tick, ...]) -> tuple[Tick, ...]:
    """The ticks of a log axis whose lower edge stands for 0, none in the way of that label."""
    return (Tick(0.0, "0"), *(tick for tick in ticks if tick.at > _TICK_ROOM))


def figure_over(
    along: Axis,
    panels: Sequence[Panel | None],
    noun: str,
    covered: str,
    *,
    per_epoch: float | None = None,
    shade: tuple[float, float] | None = None,
    shade_label: str = "",
    restarts: tuple[float, ...] = (),
    notes: Sequence[str] = (),
) -> Figure | None:
    """The panels over an axis that counts ``noun`` and covers ``covered`` ("steps 0–900"), with a
    row of epochs where ``per_epoch`` is given; None without any panel."""
    shown = tuple(p for p in panels if p is not None)
    if not shown:
        return None
    told = "; ".join(f"{p.title}: {', '.join(line.label for line in p.lines)}" for p in shown)
    shaded = f" Shaded: {shade_label}." if shade_label else ""
    return Figure(
        panels=shown,
        first=along.low,
        last=along.high,
        noun=noun,
        per_epoch=per_epoch,
        ticks=along.ticks(5),
        epochs=epoch_ticks(along.low, along.high, per_epoch, 5) if per_epoch else (),
        shade=shade,
        shade_label=shade_label,
        restarts=restarts,
        summary=f"Charts over {covered}. {told}.{shaded}",
        notes=tuple(notes),
    )


def _predicted(band: Band, along: Axis, up: Axis, height: int) -> Line:
    steps, told = _bands.values(band)
    return Line(
        kind="predicted",
        label="predicted loss",
        path=path(band.step, band.loss, along, up, height, COLUMNS),
        steps=differences(np.round(steps)),
        values=" ".join(told),
    )


def _line(shown: Trace, along: Axis, up: Axis, height: int, columns: int) -> Line:
    kept = min_max(shown.x, shown.y, columns // _HOVER_SHARE)
    holes = [first for first, _ in gaps(shown.y)[:MOST_MARKS]]
    hover = np.unique(np.concatenate((kept, np.asarray(holes, dtype=np.int64))))
    return Line(
        kind=shown.kind,
        label=shown.label,
        path=path(shown.x, shown.y, along, up, height, columns),
        steps=differences(shown.x[hover]),
        values=" ".join(_value(y) for y in shown.y[hover]),
    )


def differences(x: Array) -> str:
    """The first number and the differences to the next, which are shorter: "9000 30 30"."""
    return " ".join(f"{step:.8g}" for step in np.diff(x, prepend=0.0))


def path(step: Array, value: Array, along: Axis, up: Axis, height: float, columns: int) -> str:
    """SVG path data in whole units, relative, cut where values are not finite."""
    parts = []
    for piece in pieces(min_max(step, value, columns), value):
        across = along.place(step[piece]) * BOX
        down = (1 - up.place(value[piece])) * height
        points = thin(list(zip(across.tolist(), down.tolist(), strict=True)), _TOLERANCE)
        parts.append(_subpath([(round(x), round(10 * y)) for x, y in points]))
    return "".join(parts)


def _subpath(points: Sequence[tuple[int, int]]) -> str:
    (x0, y0), *rest = points
    text = f"M{x0} {y0}"
    if not rest:
        return f"{text}h1"
    for x, y in rest:
        text += f"l{x - x0} {y - y0}"
        x0, y0 = x, y
    return text


def _marks(shown: Trace, along: Axis, notes: list[str]) -> list[Mark]:
    step, value = shown.x, shown.y
    found = gaps(value)
    if not found:
        return []
    bad = sum(last - first + 1 for first, last in found)
    verb = "is" if bad == 1 else "are"
    where = number_text(float(step[found[0][0]]))
    kinds = sorted({_value(v) for v in value[~np.isfinite(value)]})
    notes.append(
        f"{shown.label}: {count(bad, 'shown value')} {verb} {' or '.join(kinds)}, first at {where}."
    )
    places = [along.place(step[[first, last]]) * 100 for first, last in found]
    return [
        Mark(round(float(left), 2), round(float(right - left), 2), _value(value[first]))
        for (left, right), (first, _) in zip(places, found, strict=True)
    ]


def _value(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else {True: "NaN"}.get(np.isnan(value), str(value))
