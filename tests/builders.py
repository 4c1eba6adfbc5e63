"""Builders that make runs and cases in a line: ``a_run().lr(cosine).loss(noise=0.01).case()``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from lrdoctor.types import Case, Restart, Run, Scalar, Series

Values = npt.ArrayLike | Callable[[npt.NDArray[np.float64]], npt.ArrayLike]


@dataclass(frozen=True)
class RunBuilder:
    """Accumulates series on one x axis; every method returns a new builder."""

    name: str = "run"
    step: npt.NDArray[np.int64] = field(default_factory=lambda: np.arange(1000))
    columns: Mapping[str, Series] = field(default_factory=dict)
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    went_back: tuple[Restart, ...] = ()
    axis: str = "step"
    format: str = "builder"

    def steps(self, first: int, stop: int, every: int = 1) -> Self:
        """The x axis of the series added from here on: ``range(first, stop, every)``."""
        return replace(self, step=np.arange(first, stop, every))

    def on_axis(self, axis: str) -> Self:
        """The x axis's name as a reader would report it ("step", "epoch", "row")."""
        return replace(self, axis=axis)

    def series(self, tag: str, values: Values, wall_time: npt.ArrayLike | None = None) -> Self:
        """A series under ``tag``: an array, a number, or a function of the steps."""
        raw = values(self.step.astype(float)) if callable(values) else values
        value = np.broadcast_to(np.asarray(raw, dtype=float), self.step.shape)
        wall = None if wall_time is None else np.asarray(wall_time, dtype=float)
        return replace(self, columns={**self.columns, tag: Series(tag, self.step, value, wall)})

    def lr(self, values: Values, tag: str = "lr") -> Self:
        """The LR of one param group."""
        return self.series(tag, values)

    def loss(
        self,
        values: Values | None = None,
        *,
        noise: float = 0.01,
        seed: int = 0,
        tag: str = "train/loss",
    ) -> Self:
        """A loss: ``values``, or a power law falling from 2 to about 0.5, plus Gaussian noise."""
        clean = (lambda t: 0.4 + 1.6 / np.sqrt(1 + t / 20)) if values is None else values
        raw = clean(self.step.astype(float)) if callable(clean) else clean
        jitter = np.random.default_rng(seed).normal(0, noise, len(self.step))
        return self.series(tag, np.broadcast_to(np.asarray(raw, float), self.step.shape) + jitter)

    def hparams(self, **settings: Scalar) -> Self:
        """Hyper-parameters as a log or a configuration file beside it would give them."""
        return replace(self, settings={**self.settings, **settings})

    def restart_at(self, step: int, discarded: int = 0) -> Self:
        """A resume from a checkpoint at ``step``."""
        return replace(self, went_back=(*self.went_back, Restart(step, discarded)))

    def build(self) -> Run:
        """The run."""
        sources = dict.fromkeys(self.settings, "hparams")
        return Run(
            name=self.name,
            files=(f"{self.name}.log",),
            format=self.format,
            axis=self.axis,
            series=self.columns,
            hparams=self.settings,
            hparam_sources=sources,
            restarts=self.went_back,
        )

    def case(self, expect: Mapping[str, str] | None = None) -> Case:
        """The run with its meaning, as ``build_case`` sees it."""
        from lrdoctor.case import build_case

        return build_case(self.build(), expect=expect or {})


def a_run(name: str = "run") -> RunBuilder:
    """An empty run of 1,000 steps."""
    return RunBuilder(name=name)
