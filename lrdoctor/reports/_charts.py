"""Geometry of the charts: plain numbers and path data that a template turns into inline SVG.

Horizontal places are percent of the width, vertical ones pixels, so that text keeps its size at
every width. Curves live in a box of ``BOX`` units across and ten units per pixel down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.messages import UNIT_NOUN, number_text
from lrdoctor.reports import _bands
from lrdoctor.reports._axes import Axis, Tick, epoch_ticks, overall, step_axis, value_axis
from lrdoctor.reports._format import count, span
from lrdoctor.reports._sampling import gaps, min_max, pieces, thin
from lrdoctor.reports._view import corrected_curves, lr_curves, on_log_axis
from lrdoctor.types import Array, ClockUnit, Role
from lrdoctor.verdict import Band, Candidate, Curve, Diagnosis, Finding

BOX = 10_000
_COLUMNS = 480  # pixel columns of a curve as drawn
_HOVER_COLUMNS = 90  # of the values shown under the pointer
_TOLERANCE = 0.35  # pixels a drawn curve may be off
_MOST_GROUPS = 6
_MOST_MARKS = 40
_HEIGHTS = {"lr": 190, "loss": 150}


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
}


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: its kind (colour and dashes), label, path and the points shown under a pointer."""

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


@dataclass(frozen=True, slots=True)
class Figure:
    """LR and loss over one x axis; ``shade`` is (left, width) of the finding in percent."""

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


def figure(
    diagnosis: Diagnosis, finding: Finding | None = None, fix: Candidate | None = None
) -> Figure | None:
    """The panels of a run, around one finding and its correction; None without any point."""
    rates, hidden = _rates(lr_curves(diagnosis, finding))
    corrected = corrected_curves(fix, [c for _, c in rates])[:_MOST_GROUPS]
    fixed = [("fix" if i == 0 else "fix2", c) for i, c in enumerate(corrected)]
    losses = [c for r in _LOSS_KIND for c in diagnosis.curves if c.role is r and len(c.series)]
    drawn = [c for _, c in (*rates, *fixed)] + losses
    if not drawn:
        return None
    first = min(float(c.series.step[0]) for c in drawn)
    along = step_axis(first, max(float(c.series.step[-1]) for c in drawn))
    last = along.high
    notes = list(hidden)
    logged = overall([c.series.value for c in losses])
    told = _bands.predicted(fix, float(np.max(logged, initial=-np.inf, where=np.isfinite(logged))))
    panels = [
        _panel("lr", [*rates, *fixed], along, notes, log=on_log_axis(finding)),
        _panel("loss", [(_LOSS_KIND[c.role], c) for c in losses], along, notes, told=told),
    ]
    per_epoch = diagnosis.steps_per_epoch if diagnosis.unit is not ClockUnit.EPOCH else None
    shade, label = _shade(finding, along, diagnosis.unit)
    return Figure(
        panels=tuple(p for p in panels if p is not None),
        first=first,
        last=last,
        noun=UNIT_NOUN[diagnosis.unit],
        per_epoch=per_epoch,
        ticks=along.ticks(5),
        epochs=epoch_ticks(first, last, per_epoch, 5) if per_epoch else (),
        shade=shade,
        shade_label=label,
        restarts=tuple(
            round(100 * float(along.place(r.step)), 2) for r in diagnosis.restarts[:_MOST_MARKS]
        ),
        summary=_summary(panels, first, last, diagnosis.unit, label),
        notes=tuple(notes),
    )


def lr_figure(curves: Sequence[Curve], per_epoch: float | None, *, log: bool) -> Figure | None:
    """One panel of LR curves over optimizer steps, the first six; None without any point."""
    labelled = list(zip(_LR_KINDS, curves, strict=False))
    notes: list[str] = []
    first = min((float(c.series.step[0]) for _, c in labelled), default=0.0)
    last = max((float(c.series.step[-1]) for _, c in labelled), default=0.0)
    along = step_axis(first, last)
    panel = _panel("lr", labelled, along, notes, log=log)
    if panel is None:
        return None
    unit = ClockUnit.OPTIMIZER_STEP
    return Figure(
        panels=(panel,),
        first=along.low,
        last=along.high,
        noun=UNIT_NOUN[unit],
        per_epoch=per_epoch,
        ticks=along.ticks(5),
        epochs=epoch_ticks(along.low, along.high, per_epoch, 5) if per_epoch else (),
        shade=None,
        shade_label="",
        restarts=(),
        summary=_summary([panel], along.low, along.high, unit, ""),
        notes=tuple(notes),
    )


_LR_KINDS = ("lr", *(f"other{index}" for index in range(1, _MOST_GROUPS)))
_TITLES = {"lr": "learning rate", "loss": "loss"}
_LOSS_KIND = {Role.TRAIN_LOSS: "train", Role.VAL_LOSS: "val"}
Labelled = tuple[str, Curve]


def _rates(rates: Sequence[Curve]) -> tuple[list[Labelled], tuple[str, ...]]:
    """The LR curves to draw with their kinds, and notes on those left out."""
    different: list[Curve] = []
    same = 0
    for curve in rates:
        if any(_equal(curve, other) for other in different):
            same += 1
        else:
            different.append(curve)
    notes = []
    if same:
        notes.append(f"{count(same, 'param group')} with the same LR as one drawn.")
    if len(different) > _MOST_GROUPS:
        notes.append(f"{count(len(different) - _MOST_GROUPS, 'more param group')} not drawn.")
    return list(zip(_LR_KINDS, different, strict=False)), tuple(notes)


def _equal(one: Curve, other: Curve) -> bool:
    a, b = one.series, other.series
    return np.array_equal(a.step, b.step) and np.array_equal(a.value, b.value, equal_nan=True)


def _panel(
    name: str,
    curves: Sequence[Labelled],
    along: Axis,
    notes: list[str],
    *,
    log: bool = True,
    told: tuple[str, Band] | None = None,
) -> Panel | None:
    """A chart of ``curves``, and of a prediction with the title of who made it. A log axis is for
    values of which none is negative."""
    if not curves:
        return None
    title = _TITLES[name]
    band = told[1] if told else None
    values = overall([*(c.series.value for _, c in curves), *([band.loss] if band else [])])
    finite = values[np.isfinite(values)]
    up = value_axis(values, log=log and not np.any(finite < 0))
    if up is None:
        up = Axis(0.0, 1.0, log=False)
        notes.append(f"No value of {title} is finite.")
    zero = up.log & (finite <= 0)
    outside = int(np.sum(~zero & ((finite < up.low) | (finite > up.high))))
    if outside:
        notes.append(f"{count(outside, 'value')} of {title} beyond the axis drawn at its edge.")
    height = _HEIGHTS[name]
    marks = [m for _, c in curves for m in _marks(c, along, notes)]
    lines = [_line(kind, c, along, up, height) for kind, c in curves]
    return Panel(
        title=f"{title}, {'log' if up.log else 'linear'} axis",
        height=height,
        ticks=((Tick(0.0, "0"),) if np.any(zero) else ()) + up.ticks(4),
        lines=(*lines, *([_predicted(band, along, up, height)] if band else [])),
        marks=tuple(marks[:_MOST_MARKS]),
        area=_bands.area(*told, along, up, height, BOX) if told else None,
    )


def _predicted(band: Band, along: Axis, up: Axis, height: int) -> Line:
    steps, told = _bands.values(band)
    return Line(
        kind="predicted",
        label="predicted loss",
        path=path(band.step, band.loss, along, up, height, _COLUMNS),
        steps=" ".join(f"{s:.0f}" for s in steps),
        values=" ".join(told),
    )


def _line(kind: str, curve: Curve, along: Axis, up: Axis, height: int) -> Line:
    step, value = curve.series.step.astype(np.float64), curve.series.value
    shown = min_max(step, value, _HOVER_COLUMNS)
    holes = [first for first, _ in gaps(value)[:_MOST_MARKS]]
    hover = np.unique(np.concatenate((shown, np.asarray(holes, dtype=np.int64))))
    prefix = "corrected " if kind.startswith("fix") else ""
    return Line(
        kind=kind,
        label=f"{prefix}{curve.tag}",
        path=path(step, value, along, up, height, _COLUMNS),
        steps=" ".join(str(int(s)) for s in step[hover]),
        values=" ".join(_value(v) for v in value[hover]),
    )


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


def _marks(curve: Curve, along: Axis, notes: list[str]) -> list[Mark]:
    step, value = curve.series.step, curve.series.value
    found = gaps(value)
    if not found:
        return []
    bad = sum(last - first + 1 for first, last in found)
    verb = "is" if bad == 1 else "are"
    where = number_text(float(step[found[0][0]]))
    kinds = sorted({_value(v) for v in value[~np.isfinite(value)]})
    notes.append(
        f"{curve.tag}: {count(bad, 'shown value')} {verb} {' or '.join(kinds)}, first at {where}."
    )
    places = [along.place(step[[first, last]]) * 100 for first, last in found]
    return [
        Mark(round(float(left), 2), round(float(right - left), 2), _value(value[first]))
        for (left, right), (first, _) in zip(places, found, strict=True)
    ]


def _shade(
    finding: Finding | None, along: Axis, unit: ClockUnit
) -> tuple[tuple[float, float] | None, str]:
    if finding is None:
        return None, ""
    start, stop = finding.evidence.start, finding.evidence.stop
    left, right = along.place([start, stop]) * 100
    return (round(float(left), 2), round(float(right - left), 2)), span(start, stop, unit)


def _summary(
    panels: Sequence[Panel | None], first: float, last: float, unit: ClockUnit, shade: str
) -> str:
    """What a reader who cannot see the charts is told."""
    shown = "; ".join(
        f"{p.title}: {', '.join(line.label for line in p.lines)}" for p in panels if p is not None
    )
    shaded = f" Shaded: {shade}." if shade else ""
    return f"Charts over {span(first, last, unit)}. {shown}.{shaded}"


def _value(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else {True: "NaN"}.get(np.isnan(value), str(value))


def sparkline(diagnosis: Diagnosis) -> str:
    """Path data of the first LR curve for a table cell, 120 by 24 pixels; empty without one."""
    curve = next((c for c in diagnosis.curves if c.role is Role.LR and len(c.series)), None)
    up = None if curve is None else value_axis(curve.series.value, log=True)
    if curve is None or up is None:
        return ""
    step = curve.series.step.astype(np.float64)
    along = step_axis(float(step[0]), float(step[-1]))
    return path(step, curve.series.value, along, up, 24, 60)
