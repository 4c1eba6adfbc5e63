"""What the benchmark and the sample runs are made of: scenes and injections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.lab import Recipe
from benchmarks.accuracy.symptoms import Symptom
from benchmarks.accuracy.tasks import Task

Draw = np.random.Generator


@dataclass(frozen=True)
class Scene:
    """A recipe on a task, and the writers a user of such a script would have."""

    task: Task
    recipe: Recipe
    writers: tuple[str, ...] = ("tensorboard", "lightning_csv", "json_lines", "epoch_csv")


@dataclass(frozen=True)
class Injection:
    """One mechanism of one fault. ``occurred`` compares the faulty run with its control.

    ``needs_intent`` says that the curve alone cannot show it: the configuration must be there.
    """

    code: str
    make: Callable[[Draw, bool], Scene]
    occurred: Symptom
    needs_intent: bool = False

    @property
    def mechanism(self) -> str:
        """The name of the function that makes it."""
        return self.make.__name__


def nearby(draw: Draw, lr: float, low: float = 0.7, high: float = 1.4) -> float:
    """A number of two digits near ``lr``, as people write them."""
    return float(f"{lr * draw.uniform(low, high):.2g}")
