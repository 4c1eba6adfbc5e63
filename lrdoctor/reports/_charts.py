"""The charts of a run: its LR and loss over one x axis, around a finding and its correction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrdoctor.messages import UNIT_NOUN
from lrdoctor.reports import _bands
from lrdoctor.reports._axes import Axis, overall, step_axis, value_axis
from lrdoctor.reports._format import count, span
from lrdoctor.reports._panels import (
    COLUMNS,
    MOST_MARKS,
    Figure,
    figure_over,
    panel,
    path,
    trace,
)
from lrdoctor.reports._view import corrected_curves, lr_curves, on_log_axis
from lrdoctor.types import ClockUnit, Role
from lrdoctor.verdict import Candidate, Curve, Diagnosis, Finding

_MOST_GROUPS = 6
_LR_KINDS = ("lr", *(f"other{index}" for index in range(1, _MOST_GROUPS)))
_LOSS_KIND = {Role.TRAIN_LOSS: "train", Role.VAL_LOSS: "val"}


def figure(
    diagnosis: Diagnosis,
    finding: Finding | None = None,
    fix: Candidate | None = None,
    columns: int = COLUMNS,
) -> Figure | None:
    """The panels of a run, around one finding and its correction; None without any point.

    Curves are drawn with the extremes of so many ``columns``.
    """
    groups, hidden = _different(lr_curves(diagnosis, finding))
    rates = [trace(kind, curve) for kind, curve in zip(_LR_KINDS, groups, strict=False)]
    fixed = [
        trace("fix2" if index else "fix", curve, f"corrected {curve.tag}")
        for index, curve in enumerate(corrected_curves(fix, groups)[:_MOST_GROUPS])
    ]
    losses = [
        trace(kind, curve)
        for role, kind in _LOSS_KIND.items()
        for curve in diagnosis.curves
        if curve.role is role and len(curve.series)
    ]
    drawn = [*rates, *fixed, *losses]
    if not drawn:
        return None
    along = step_axis(min(t.x[0] for t in drawn), max(t.x[-1] for t in drawn))
    notes = list(hidden)
    logged = overall([t.y for t in losses])
    told = _bands.predicted(fix, float(np.max(logged, initial=-np.inf, where=np.isfinite(logged))))
    shade, label = _shade(finding, along, diagnosis.unit)
    return figure_over(
        along,
        [
            panel("lr", [*rates, *fixed], along, notes, log=on_log_axis(finding), columns=columns),
            panel("loss", losses, along, notes, told=told, columns=columns),
        ],
        UNIT_NOUN[diagnosis.unit],
        span(along.low, along.high, diagnosis.unit),
        per_epoch=diagnosis.steps_per_epoch if diagnosis.unit is not ClockUnit.EPOCH else None,
        shade=shade,
        shade_label=label,
        restarts=tuple(
            round(100 * float(along.place(r.step)), 2) for r in diagnosis.restarts[:MOST_MARKS]
        ),
        notes=notes,
    )


def lr_figure(curves: Sequence[Curve], per_epoch: float | None, *, log: bool) -> Figure | None:
    """One panel of LR curves over optimizer steps, the first six; None without any point."""
    traces = [trace(kind, curve) for kind, curve in zip(_LR_KINDS, curves, strict=False)]
    if not traces:
        return None
    notes: list[str] = []
    along = step_axis(min(t.x[0] for t in traces), max(t.x[-1] for t in traces))
    unit = ClockUnit.OPTIMIZER_STEP
    return figure_over(
        along,
        [panel("lr", traces, along, notes, log=log)],
        UNIT_NOUN[unit],
        span(along.low, along.high, unit),
        per_epoch=per_epoch,
        notes=notes,
    )


def _different(rates: Sequence[Curve]) -> tuple[list[Curve], tuple[str, ...]]:
    """The LR curves to draw, and notes on those left out."""
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
    return different[:_MOST_GROUPS], tuple(notes)


def _equal(one: Curve, other: Curve) -> bool:
    a, b = one.series, other.series
    return np.array_equal(a.step, b.step) and np.array_equal(a.value, b.value, equal_nan=True)


def _shade(
    finding: Finding | None, along: Axis, unit: ClockUnit
) -> tuple[tuple[float, float] | None, str]:
    if finding is None:
        return None, ""
    start, stop = finding.evidence.start, finding.evidence.stop
    left, right = along.place([start, stop]) * 100
    return (round(float(left), 2), round(float(right - left), 2)), span(start, stop, unit)


def sparkline(diagnosis: Diagnosis) -> str:
    """Path data of the first LR curve for a table cell, 120 by 24 pixels; empty without one."""
    curve = next((c for c in diagnosis.curves if c.role is Role.LR and len(c.series)), None)
    up = None if curve is None else value_axis(curve.series.value, log=True)
    if curve is None or up is None:
        return ""
    drawn = trace("lr", curve)
    along = step_axis(drawn.x[0], drawn.x[-1])
    return path(drawn.x, drawn.y, along, up, 24, 60)
