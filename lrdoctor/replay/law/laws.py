"""Three laws of the loss under an LR path, each linear in its amplitudes.

A law maps its outer parameters and a course to a basis ``[.., m, q]``; the loss is the basis times
q amplitudes that are not negative. Time is in units of the longest horizon ``span`` and LR in
units of the largest LR ``top`` of the runs fitted, so that all parameters are dimensionless and
keep their meaning from one model to the next.

What the laws differ in is their ``memory``: how much of each past change of the LR has come to
bear. It is the costly part, m x k terms, and depends on some of the parameters only. Parameters
are arrays ``[.., 1]`` with the leading dimensions of the course.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from lrdoctor.replay.law._arrays import Values, namespace, past, settled, weighed
from lrdoctor.replay.law.course import Course, course_of
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

    def course(self, path: LrPath, at: Array) -> Course:
        """A path and steps ``at: float64[m]`` on it in these units."""
        return course_of(path, at, self.top, self.span)


Parameters: TypeAlias = Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Law:
    """``memory`` gives ``[.., m]`` and depends on the parameters ``remembers``; ``terms`` gives the
    terms of the loss beside the constant, ``[.., m]`` each.

    ``priors``: per outer parameter mean and standard deviation, learned on other models by
    ``benchmarks/replay/priors.py``; ``starts``: values of some parameters from which to search, of
    which one or another finds the best fit of 238 in 240 curves; ``limits``: the least and largest
    value of those that have such.
    """

    name: str
    memory: Callable[[Parameters, Course], Values]
    remembers: tuple[str, ...]
    terms: Callable[[Parameters, Course, Values], tuple[Values, ...]]
    priors: Mapping[str, tuple[float, float]]
    starts: tuple[Mapping[str, float], ...] = ({},)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def prior(self) -> tuple[Array, Array]:
        """Mean and standard deviation of all outer parameters: float64[p] each."""
        mean, spread = np.array(list(self.priors.values()), dtype=np.float64).T
        return mean, spread

    @property
    def range(self) -> tuple[Array, Array]:
        """The least and the largest value of all outer parameters: float64[p] each."""
        low, high = np.array([self.limits.get(n, (-np.inf, np.inf)) for n in self.priors]).T
        return low, high

    @property
    def begins(self) -> Array:
        """Outer parameters from which to search: float64[s, p]."""
        means = {name: mean for name, (mean, _) in self.priors.items()}
        return np.array([list({**means, **start}.values()) for start in self.starts])

    def named(self, outer: Values) -> Parameters:
        """Parameters ``[.., p]`` by name."""
        return {name: outer[..., i : i + 1] for i, name in enumerate(self.priors)}

    def basis(self, outer: Values, course: Course, memory: Values) -> Values:
        """What the amplitudes are multiplied with: ``[.., m, q]``, the constant first."""
        terms = self.terms(self.named(outer), course, memory)
        xp = namespace(terms[0])
        return xp.stack((xp.ones_like(terms[0]), *terms), -1)


def reduced_memory(q: Parameters, c: Course) -> Values:
    """The LR convolved with ``(1 + u / tau)^-0.6`` in the clock ``R = integral (LR / top)^p dt``: a
    power law of annealing between step time (p = 0) and LR time (p = 1)."""
    xp = namespace(q["p"])
    pace = c.mean.clip(1e-12, None) ** q["p"]
    clock = (pace * c.length).cumsum(-1)
    lag = past(c.now(clock), clock)
    lag /= xp.exp(q["log_tau"])[..., None]
    return weighed(settled(lag, _MEMORY_POWER), c.bend)


def reduced(q: Parameters, c: Course, noise: Values) -> tuple[Values, ...]:
    """Progress in cumulative LR plus the noise that the LRs of the recent past keep up.

    ``L0 + A [S^-a + rho a N (S + 0.01)^-z]``, N the LR remembered.
    """
    xp = namespace(noise)
    a, rho = xp.exp(q["log_a"]), xp.exp(q["log_rho"])
    return (c.at_spent**-a + rho * a * noise * (c.at_spent + _SOFT) ** -q["z"],)


def multi_power_memory(q: Parameters, c: Course) -> Values:
    """``sum_k (lr_{k-1} - lr_k) [1 - (1 + C lr_k^-gamma (S - S_k))^-beta]``."""
    xp = namespace(q["gamma"])
    speed = xp.exp(q["log_c"]) * c.lr.clip(1e-4, None) ** -q["gamma"]
    since = past(c.at_spent, c.spent) * speed[..., None, :]
    return weighed(settled(since, xp.exp(q["log_beta"])[..., None]), c.fall)


def multi_power(q: Parameters, c: Course, paid: Values) -> tuple[Values, ...]:
    """The multi-power law (Luo et al., arXiv 2503.12811): each fall of the LR pays off along the
    cumulative LR after it, ``L0 + A S^-a - B sum_k (...)``."""
    return c.at_spent ** -namespace(paid).exp(q["log_a"]), -paid


def annealing_memory(q: Parameters, c: Course) -> Values:
    """S2: the sum over steps of the LR's falls with exponential memory, warm-up left out."""
    xp = namespace(q["log_tau"])
    tau = xp.exp(q["log_tau"])[..., None]
    return weighed(tau * (1.0 - xp.exp(past(c.at_time, c.time) / -tau)), c.annealed)


def annealing(q: Parameters, c: Course, gained: Values) -> tuple[Values, ...]:
    """The annealing law (Tissue et al., arXiv 2408.11029): falls of the LR pay off over steps,
    ``L0 + A S^-a - C S2``."""
    return c.at_spent ** -namespace(gained).exp(q["log_a"]), -gained


LAWS = (
    Law(
        "reduced",
        reduced_memory,
        ("log_tau", "p"),
        reduced,
        {
            "log_a": (-0.6, 0.23),
            "log_tau": (-7.0, 2.34),
            "p": (0.14, 0.2),
            "z": (0.29, 0.15),
            "log_rho": (1.14, 0.59),
        },
        ({"log_tau": -2.0}, {"log_tau": -6.0}, {"log_tau": -8.0}),
        {"p": (0.0, 1.0)},
    ),
    Law(
        "multi_power",
        multi_power_memory,
        ("log_c", "gamma", "log_beta"),
        multi_power,
        {
            "log_a": (-0.79, 0.21),
            "log_c": (6.9, 3.4),
            "gamma": (0.67, 0.41),
            "log_beta": (0.61, 0.63),
        },
        ({"log_c": 2.0}, {"log_c": 4.0}, {"log_c": 8.0}),
    ),
    Law(
        "annealing",
        annealing_memory,
        ("log_tau",),
        annealing,
        {"log_a": (-0.81, 0.18), "log_tau": (-5.6, 3.3)},
        ({"log_tau": -1.5}, {"log_tau": -3.0}, {"log_tau": -9.0}),
    ),
)
