"""Schedules that look alike: what else a recognised schedule may be, to be fitted in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np

from lrdoctor.fit_numbers import further_digits
from lrdoctor.fit_segments import Curve
from lrdoctor.plugins import discover
from lrdoctor.shapes._solve import weighted_line

# Scheduler steps per x unit on an epoch axis: tens at least, and some hundreds hardly show.
_FINEST, _FINE, _COARSE = 1e-5, 1e-3, 0.1
_WHOLE = 0.02


def variants(named: Any, curve: Curve, origin: float) -> Iterator[Any]:
    """The same schedule with its other shapes, which few points do not tell apart by eye."""
    if named.name == "onecycle":
        if named.clamp:
            yield replace(named, clamp=False)
        yield from _straight(named) if named.anneal_strategy == "linear" else _per_batch(named)
    if named.name == "cosine":
        yield replace(named, clamp=not named.clamp)
        yield from _as_onecycle(named)
    if named.warmup is not None:
        yield _overlapping(named)
    if named.name == "wsd":
        yield replace(named, decay_shape="linear")
        yield replace(named, decay_shape="cosine")
        yield from _square_root(named, curve, origin)
        if named.end_lr > 0:
            yield replace(named, decay_shape="exponential")


def _per_batch(named: Any) -> Iterator[Any]:
    """A one-cycle advanced per batch on an epoch axis: its steps are a small part of a unit."""
    end = named.total_steps - named.interval
    left = float(np.ceil(end)) - end
    for interval in (left, _FINE) if _FINEST < left < _COARSE else (_FINE,):
        yield per_interval(named, interval)


def _straight(named: Any) -> Iterator[Any]:
    """A straight fall shows its slope, not where it would end: the usual ends, where a whole length
    and a short share say so."""
    top = named.peak_at
    begin, high = (2.0 * top, named.initial_lr) if named.three_phase else (top, named.max_lr)
    slope = (high - named.final_lr) / (named.total_steps - named.interval - begin)
    for factor in (1e4, 1e3, 1e2):
        end = begin + (high - named.initial_lr / factor) / slope
        left = float(np.ceil(end - _WHOLE)) - end
        for interval in (1.0, left, _FINE):
            total = end + interval
            share = (top + interval) / total
            fits = abs(total - round(total)) < _WHOLE and further_digits(float(f"{share:.4g}")) <= 1
            if fits and (interval == 1.0 or 0 < interval < _COARSE):
                ends = {"final_div_factor": factor, "interval": interval}
                yield replace(named, total_steps=total, pct_start=share, **ends)


def per_interval(named: Any, interval: float) -> Any:
    """The same curve as one whose scheduler steps take ``interval`` x units each.

    Only a one-cycle has its peak and end one such step before a round share of its length.
    """
    if named.name != "onecycle":
        return replace(named, interval=interval)
    total = named.total_steps - named.interval + interval
    share = (named.peak_at + interval) / total
    return replace(named, total_steps=total, pct_start=min(share, 1.0), interval=interval)


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
