"""What the benchmark and the sample runs are made of: scenes, injections and samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.lab import History, Recipe, train
from benchmarks.accuracy.places import Place, anywhere
from benchmarks.accuracy.symptoms import Symptom
from benchmarks.accuracy.tasks import Task

Draw = np.random.Generator


@dataclass(frozen=True)
class Scene:
    """A recipe on a task, the writers a user of such a script would have, and how it is trained
    where that takes more than one process."""

    task: Task
    recipe: Recipe
    writers: tuple[str, ...] = ("tensorboard", "lightning_csv", "json_lines", "epoch_csv")
    trainer: Callable[[Task, Recipe, int], History] = train

    def trained(self, seed: int) -> History:
        """What the training does with this seed."""
        return self.trainer(self.task, self.recipe, seed)


Mechanism = Callable[[Draw, bool], Scene]


@dataclass(frozen=True)
class Injection:
    """One mechanism of one fault. ``occurred`` compares the faulty run with its control.

    ``needs_intent`` says that the curve alone cannot show it: the configuration must be there.
    ``place`` gives the step at which the fault begins to show. ``also`` are codes of other rules
    that are true of the faulty run as well, so that finding them is no false alarm.
    """

    code: str
    make: Mechanism
    occurred: Symptom
    needs_intent: bool = False
    place: Place = anywhere
    also: tuple[str, ...] = ()

    @property
    def mechanism(self) -> str:
        """The name of the function that makes it."""
        return self.make.__name__


@dataclass(frozen=True)
class Sample:
    """One folder of ``sample_runs/``: the scene to train, the seed of draw and training, the writer
    of the log. ``shows`` is its line in the README; a fault has a ``code`` and its ``control``."""

    name: str
    scene: Callable[[Draw], Scene]
    writer: str
    seed: int = 1
    intent: bool = True
    shows: str = ""
    code: str = ""
    control: str = ""


def sample_pair(
    names: tuple[str, str],
    mechanism: Mechanism,
    writer: str,
    code: str,
    shows: str,
    *,
    seed: int = 1,
    intent: bool = True,
) -> tuple[Sample, Sample]:
    """A fault and its control; ``shows`` tells what is wrong in the faulty one."""
    wrong, right = names
    return (
        Sample(wrong, lambda d: mechanism(d, True), writer, seed, intent, shows, code, right),
        Sample(right, lambda d: mechanism(d, False), writer, seed, intent),
    )


def nearby(draw: Draw, lr: float, low: float = 0.7, high: float = 1.4) -> float:
    """A number of two digits near ``lr``, as people write them."""
    return float(f"{lr * draw.uniform(low, high):.2g}")
