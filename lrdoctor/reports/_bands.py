"""The loss a replay predicts for a candidate, as a curve with an area around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.reports._axes import Axis, tick_text
from lrdoctor.types import Array
from lrdoctor.verdict import Band, Candidate

_TITLES = {"law": "loss law", "proxy": "proxy training", "user": "your training"}


@dataclass(frozen=True, slots=True)
class Area:
    """The interval of a predicted loss: its legend and path data of the closed area."""

    label: str
    path: str


def predicted(fix: Candidate | None, highest: float) -> tuple[str, Band] | None:
    """The prediction for a candidate and who made it; None where no replay gave one.

    A proxy's loss is that of another model, so it has no place beside the logged one. Laws leave
    the warm-up out, so a prediction begins where it first is no higher than the ``highest`` loss.
    """
    for outcome in fix.outcomes if fix else ():
        band = outcome.band
        if band is None or outcome.refused or outcome.level == "proxy":
            continue
        start = int(np.argmax(band.loss <= highest))
        if band.loss[start] <= highest:
            cut = (column[start:] for column in (band.step, band.loss, band.low, band.high))
            return _TITLES.get(outcome.level, outcome.level), Band(*cut)
    return None


def area(title: str, band: Band, along: Axis, up: Axis, height: int, box: int) -> Area | None:
    """The area between the bounds, in whole units of a box ``box`` across; None without two
    finite points."""
    fine = np.isfinite(band.low) & np.isfinite(band.high)
    if fine.sum() < 2:
        return None
    across = np.round(along.place(band.step[fine]) * box).astype(int)
    top, bottom = (
        np.round((1 - up.place(bound[fine])) * 10 * height).astype(int)
        for bound in (band.high, band.low)
    )
    there = [f"{x} {y}" for x, y in zip(across, top, strict=True)]
    back = [f"{x} {y}" for x, y in zip(across[::-1], bottom[::-1], strict=True)]
    return Area(f"its 90 % interval ({title})", f"M{'L'.join(there + back)}Z")


def values(band: Band) -> tuple[Array, list[str]]:
    """Steps, and the prediction with its interval as a reader at the pointer sees it."""
    told = [
        f"{tick_text(loss)}({tick_text(low)}–{tick_text(high)})"
        for loss, low, high in zip(band.loss, band.low, band.high, strict=True)
    ]
    return band.step, told
