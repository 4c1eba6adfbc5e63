"""The warm-up of ultralytics' trainers: a ramp per batch under a schedule per epoch, one LR twice.

Their ramp goes from batch to batch towards the LR of each epoch, and the log has one value per
epoch, of its last batch. Where the epoch in which the ramp ends is set by the ramp and once more by
the scheduler, the schedule goes on one epoch late.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from lrdoctor.fit_numbers import short_decimals
from lrdoctor.fit_origin import natural_share
from lrdoctor.fit_refine import ORIGIN, Match, matched, no_worse, solved
from lrdoctor.fit_segments import Curve

# The pair lies where the warm-up ends, which takes at most this share of a run.
_LATEST = 0.5
_BLUR = 1e-5
_WHOLE = 0.01  # how far from a whole number a length of whole steps may be found
_LONGEST_WARMUP = 7  # digits: 1000 batches in epochs


def without_echo(curve: Curve) -> Curve | None:
    """The curve with its one repeated LR taken out and what follows moved up; None without one."""
    if len(curve) < 6:
        return None
    equal = np.abs(np.diff(curve.y)) <= 2.0 * curve.resolution[1:]
    at = int(np.argmax(equal))
    if not 0 < at < _LATEST * len(curve) or equal.sum() != 1:
        return None
    x = curve.x.copy()
    x[at + 1 :] -= x[at + 1] - x[at]
    keep = np.delete(np.arange(len(curve)), at)
    return replace(curve, x=x).take(keep)


def with_echo(match: Match, curve: Curve) -> Match | None:
    """A schedule found without the repeated LR laid over the curve that has it; None if it is not
    one that the trainer would make."""
    ramp = match.named.warmup
    if ramp is None or not match.exact:
        return None
    late = replace(match.named, warmup=replace(ramp, overlap=True, echo=True))
    found = matched(late, match.origin, curve, fixed_origin=match.fixed_origin)
    return found if found.exact else None


def per_batch(match: Match, curve: Curve) -> Match:
    """The same warm-up counted from its first batch, where that makes its length a short number.

    A ramp that is at ``start_lr`` on the first logged value began up to one epoch before.
    """
    ramp = match.named.warmup
    if ramp is None or not ramp.overlap or ramp.shape != "linear" or ramp.start_lr <= 0:
        return match
    proper = replace(match.named, warmup=None)
    first = float(proper.lr(np.zeros(1))[0])
    done = ramp.start_lr / first if first > 0 else 1.0
    if not done < 1.0 or float(ramp.length).is_integer():
        return match
    whole = ramp.length / (1.0 - done)
    for length in short_decimals(whole, _LONGEST_WARMUP):
        began = replace(match.named, warmup=replace(ramp, length=length, start_lr=0.0))
        trial = matched(began, match.origin - done * length, curve, fixed_origin=True)
        trial = trial if no_worse(trial, match) else solved(trial, curve, [ORIGIN])
        if done * length <= 1.0 and no_worse(trial, match):
            return trial
    return match


def from_a_short_share(match: Match, curve: Curve) -> Match:
    """The same product of a ramp and an exponential, counted from 0, 1 or -1, where that lets the
    ramp start from a short share: such a product looks alike from any time on."""
    named, ramp = match.named, match.named.warmup
    if named.name != "exponential" or ramp is None or not ramp.overlap or ramp.echo:
        return match
    share = ramp.start_lr / named.peak_lr
    # A hair past a whole step the exponential is one step late.
    if natural_share(share, _BLUR) and float(match.origin).is_integer():
        return match
    for origin in (0.0, 1.0, -1.0):
        later = match.origin - origin
        begins = share - (1.0 - share) * later / ramp.length
        if origin > curve.x[0] or not natural_share(begins, _BLUR):
            continue
        # The exponential advances at whole steps, the ramp at every time.
        top = float(f"{named.peak_lr * named.gamma ** -(math.ceil(match.origin) - origin):.5g}")
        begins = float(f"{begins:.2g}")
        length = ramp.length + later
        for steps in (float(round(length)), length):
            if abs(steps - length) > _WHOLE:
                continue
            longer = replace(ramp, length=steps, start_lr=begins * top)
            whole = replace(named, peak_lr=top, warmup=longer)
            trial = matched(whole, origin, curve, fixed_origin=True)
            if trial.exact:
                return trial
    return match
