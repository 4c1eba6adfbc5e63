"""The best schedule that the fitted laws know of, within the logged peak LR and a horizon."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lrdoctor.protocols import NamedSchedule
from lrdoctor.replay.law.ensemble import Fitted, final_loss
from lrdoctor.replay.law.path import LrPath
from lrdoctor.schedules._build import from_parameters

# Two schedules whose losses differ by less than this share are equal; the plainer one is taken.
_EQUAL = 5e-4
_POINTS = 400
_FLOORS = (0.0, 0.01, 0.1)
_COOLDOWNS = (0.1, 0.2, 0.3, 0.4, 0.6, 0.8)
_SHAPES = ("linear", "cosine", "1-sqrt")
_SECOND_STAGES = ((0.5, 0.1), (0.7, 0.1), (0.8, 0.1), (0.8, 0.3), (0.9, 0.1))


def best_schedule(
    fitted: Fitted, peak: float, horizon: float, warmup: float = 0.0
) -> tuple[NamedSchedule, float]:
    """The schedule of lowest predicted final loss, and that loss.

    ``horizon`` and ``warmup`` are in steps; plain families come first, so that a cosine wins
    against a two-stage schedule that is no better.
    """
    best: tuple[NamedSchedule, float] | None = None
    for schedule in families(peak, horizon, warmup):
        loss = final_loss(fitted, path_of(schedule, horizon))
        if best is None or loss < best[1] - _EQUAL * abs(best[1]):
            best = (schedule, loss)
    assert best is not None  # there always is a linear decay
    return best


def families(peak: float, horizon: float, warmup: float) -> Iterator[NamedSchedule]:
    """Cosine, linear, warm-up-stable-decay of any cooldown, two stages: plain ones first."""
    ramp = {"warmup": warmup, "warmup_start_lr": 0.0} if warmup > 0 else {}
    rest = horizon - warmup
    yield from_parameters("linear", {"lr": peak, "total_steps": rest, "end_lr": 0.0, **ramp})
    for floor in _FLOORS:
        yield from_parameters(
            "cosine", {"lr": peak, "T_max": rest, "eta_min": floor * peak, **ramp}
        )
    for share in _COOLDOWNS:
        for shape in _SHAPES:
            decay = {"decay_start": horizon * (1 - share), "decay_steps": horizon * share}
            yield from_parameters(
                "wsd", {"lr": peak, **decay, "decay_shape": shape, "end_lr": 0.0, **ramp}
            )
    for at, gamma in _SECOND_STAGES:
        yield from_parameters(
            "multistep", {"lr": peak, "milestones": [horizon * at], "gamma": gamma, **ramp}
        )


def path_of(schedule: NamedSchedule, horizon: float) -> LrPath:
    """A named schedule as an LR path of ``horizon`` steps; its cosine does not rise again."""
    step = np.linspace(0.0, horizon, _POINTS)
    return LrPath(step, np.maximum(schedule.lr(step), 0.0))
