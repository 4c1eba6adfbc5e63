"""Three laws of the loss under an LR path, each linear in its amplitudes.

A law maps its outer parameters, a path and steps to a basis ``float64[m, q]``; the loss is the
basis times q amplitudes that are not negative. Time is in units of the longest horizon ``span``
and LR in units of the largest LR ``top`` of the runs fitted, so that all parameters are
dimensionless and keep their meaning from one model to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lrdoctor.replay.law.path import LrPath
from lrdoctor.types import Array

# How fast the noise of past LRs is forgotten, and where its power of cumulative LR begins.
_MEMORY_POWER = 0.6
_SOFT = 0.01


@dataclass(frozen=True, slots=True)
class Scale:
    """What LR and time are measured in: ``top`` LR, ``span`` steps."""

    top: float
    span: float

    def spent(self, path: LrPath, at: Array) -> Array:
        """Cumulative LR, dimensionless, above 0."""
        return np.maximum(path.area(at) / (self.top * self.span), 1e-9)


Basis = Callable[[Mapping[str, float], Scale, LrPath, Array], Array]


@dataclass(frozen=True, slots=True)
class Law:
    """``priors``: per outer parameter mean and standard deviation, learned on other models by
    ``benchmarks/replay --priors``; ``starts``: values of some parameters from which to search."""

    name: str
    basis: Basis
    priors: Mapping[str, tuple[float, float]]
    starts: tuple[Mapping[str, float], ...] = ({},)


def reduced(q: Mapping[str, float], scale: Scale, path: LrPath, at: Array) -> Array:
    """Progress in cumulative LR plus the noise that the LRs of the recent past keep up.

    ``L0 + A [S^-a + rho a N (S + 0.01)^-z]``, N the LR convolved with ``(1 + u / tau)^-0.6`` in
    the clock ``R = integral (LR / top)^p dt``: a power law of annealing between step time (p = 0)
    and LR time (p = 1).
    """
    a, tau, rho = np.exp(q["log_a"]), np.exp(q["log_tau"]), np.exp(q["log_rho"])
    power = float(np.clip(q["p"], 0.0, 1.0))
    lr = path.lr / scale.top
    mean = (lr[1:] + lr[:-1]) / 2.0
    pace = np.power(np.maximum(mean, 1e-12), power) * np.diff(path.step) / scale.span
    clock = np.concatenate([[0.0], np.cumsum(pace)])
    now = np.interp(at, path.step, clock)
    lag = np.maximum(now[:, None] - clock[None, :], 0.0)
    kept = np.power(1.0 + lag / tau, -_MEMORY_POWER)
    noise = (kept[:, 1:] - kept[:, :-1]) @ mean
    spent = scale.spent(path, at)
    shape = spent**-a + rho * a * noise * (spent + _SOFT) ** -q["z"]
    return np.stack([np.ones_like(spent), shape], axis=1)


def multi_power(q: Mapping[str, float], scale: Scale, path: LrPath, at: Array) -> Array:
    """The multi-power law (Luo et al., arXiv 2503.12811): each fall of the LR pays off along the
    cumulative LR after it.

    ``L0 + A S^-a - B sum_k (lr_{k-1} - lr_k) [1 - (1 + C lr_k^-gamma (S - S_k))^-beta]``.
    """
    lr = path.lr / scale.top
    fall = lr[:-1] - lr[1:]
    spent, knots = scale.spent(path, at), scale.spent(path, path.step)[1:]
    speed = np.exp(q["log_c"]) * np.power(np.maximum(lr[1:], 1e-4), -q["gamma"])
    since = np.maximum(spent[:, None] - knots[None, :], 0.0)
    paid = 1.0 - np.power(1.0 + speed[None, :] * since, -np.exp(q["log_beta"]))
    paid = np.where(at[:, None] >= path.step[None, 1:], paid, 0.0)
    return np.stack([np.ones_like(spent), spent ** -np.exp(q["log_a"]), -(paid @ fall)], axis=1)


def annealing(q: Mapping[str, float], scale: Scale, path: LrPath, at: Array) -> Array:
    """The annealing law (Tissue et al., arXiv 2408.11029): falls of the LR pay off over steps.

    ``L0 + A S^-a - C S2``, S2 the sum over steps of the LR's falls with exponential memory.
    """
    lr = path.lr / scale.top
    top = int(np.argmax(lr >= 0.98 * lr.max()))
    fall = np.where(np.arange(len(lr) - 1) >= top, lr[:-1] - lr[1:], 0.0)
    tau = np.exp(q["log_tau"])
    since = np.maximum(at[:, None] - path.step[None, 1:], 0.0) / scale.span
    gained = tau * (1.0 - np.exp(-since / tau)) @ fall
    spent = scale.spent(path, at)
    return np.stack([np.ones_like(spent), spent ** -np.exp(q["log_a"]), -gained], axis=1)


LAWS = (
    Law(
        "reduced",
        reduced,
        {
            "log_a": (-0.6, 0.23),
            "log_tau": (-7.0, 2.34),
            "p": (0.14, 0.2),
            "z": (0.29, 0.15),
            "log_rho": (1.14, 0.59),
        },
        ({"log_tau": -4.0}, {"log_tau": -8.0}),
    ),
    Law(
        "multi_power",
        multi_power,
        {
            "log_a": (-0.79, 0.21),
            "log_c": (6.9, 3.4),
            "gamma": (0.67, 0.41),
            "log_beta": (0.61, 0.63),
        },
        ({"log_c": 4.0}, {"log_c": 8.0}),
    ),
    Law(
        "annealing",
        annealing,
        {"log_a": (-0.81, 0.18), "log_tau": (-5.6, 3.3)},
        ({"log_tau": -3.0}, {"log_tau": -6.0}, {"log_tau": -9.0}),
    ),
)
