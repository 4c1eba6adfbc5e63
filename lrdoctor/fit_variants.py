"""Schedules that look alike: what else a recognised schedule may be, to be fitted in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np

from lrdoctor.fit_onecycle import spellings
from lrdoctor.fit_segments import Curve
from lrdoctor.plugins import discover
from lrdoctor.shapes._solve import weighted_line


def variants(named: Any, curve: Curve, origin: float) -> Iterator[tuple[Any, float]]:
    """The same schedule with its other shapes, which few points do not tell apart by eye, and the
    time 0 of each."""
    if named.name == "onecycle":
        yield from spellings(named, curve, origin)
    yield from ((other, origin) for other in _others(named, curve, origin))


def _others(named: Any, curve: Curve, origin: float) -> Iterator[Any]:
    """The variants that begin where the schedule does."""
    if named.name == "onecycle" and named.clamp:
        yield replace(named, clamp=False)
    if named.name == "cosine":
        yield replace(named, clamp=not named.clamp)
        yield from _as_onecycle(named)
    if named.warmup is not None:
        yield _overlapping(named)
        yield from _bent(named)
    if named.name == "wsd":
        yield replace(named, decay_shape="linear")
        yield replace(named, decay_shape="cosine")
        yield from _square_root(named, curve, origin)
        if named.end_lr > 0:
            yield replace(named, decay_shape="exponential")


def _bent(named: Any) -> Iterator[Any]:
    """A straight ramp of so few points that its bend did not show, from 0."""
    if named.warmup.shape == "linear" and not named.warmup.overlap:
        for shape in ("log", "cosine"):
            bent = replace(named.warmup, shape=shape, start_lr=0.0)
            yield replace(named, warmup=bent)


def _overlapping(named: Any) -> Any:
    """The same schedule begun together with its warm-up, as ultralytics does it."""
    ramp = replace(named.warmup, shape="linear", overlap=True)
    longer = {
        f.name: getattr(named, f.name) + ramp.length
        for f in fields(named)
        if f.name in ("T_max", "total_steps")
    }
    return replace(named, warmup=ramp, **({} if named.name == "onecycle" else longer))


def _as_onecycle(named: Any) -> Iterator[Any]:
    """A rise of so few points that its shape did not show, as the first phase of a one-cycle."""
    ramp = named.warmup
    if ramp is not None and ramp.start_lr > named.eta_min >= 0:
        total = ramp.length + named.T_max + 1.0
        ratios = named.peak_lr / ramp.start_lr, ramp.start_lr / max(named.eta_min, 1e-9)
        one_cycle = discover("schedules")["onecycle"]
        yield one_cycle(named.peak_lr, total, (ramp.length + 1.0) / total, *ratios)


def _square_root(named: Any, curve: Curve, origin: float) -> Iterator[Any]:
    """A decay by 1 - sqrt(p) to 0: the square of what is gone is a line."""
    time = curve.x - origin
    use = (time > named.decay_start) & (curve.y < named.peak_lr) & (curve.y > 0)
    if use.sum() < 3:
        return
    gone = (1.0 - curve.y[use] / named.peak_lr) ** 2
    start, slope = weighted_line(time[use], gone, np.ones(int(use.sum())))
    if slope > 0 and start < 0:
        steps = 1.0 / slope
        yield replace(
            named, decay_shape="1-sqrt", decay_start=-start * steps, decay_steps=steps, end_lr=0.0
        )
