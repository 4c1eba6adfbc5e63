"""LRD903 and LRD906: what a log shows of a training that was interrupted, or begun anew."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.accuracy import lab, scripts_resume
from benchmarks.accuracy.faults import resume
from benchmarks.accuracy.lab import History, Recipe
from benchmarks.accuracy.resume_lab import WRITERS, Job, everything
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Digits, Task, Teacher


def steps_trained_again(draw: Draw, faulty: bool) -> Scene:
    """The process dies some epochs after its last checkpoint; the control dies just at it."""
    epochs, lr = int(draw.integers(16, 26)), nearby(draw, 0.02)
    saved = int(draw.integers(4, epochs - 4))
    job = Job(scripts_resume.cosine(lr), everything, saved, saved + 2 * faulty)
    task: Task = Digits() if draw.integers(2) else Teacher()
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs}
    return job.scene(task, Recipe(lambda t: None, epochs, intent=intent))


def _went_back(faulty: History, control: History) -> bool:
    assert faulty.before is not None and control.before is not None
    return len(faulty.before.loss) > resume.resumed_at(faulty) and len(
        control.before.loss
    ) == resume.resumed_at(control)


def appended(draw: Draw, faulty: bool) -> Scene:
    """A second training writes its log behind a first, shorter one."""
    epochs, lr = int(draw.integers(10, 16)), nearby(draw, 0.02)
    attempt = int(draw.integers(4, epochs))

    def train(task: Task, recipe: Recipe, seed: int) -> History:
        second = lab.train(task, recipe, seed)
        first = lab.train(task, replace(recipe, stop_after=attempt), seed + 1)
        whole = len(second.loss)
        late = float(len(first.loss) + 60)
        return replace(second, before=replace(first, whole=whole), late=late) if faulty else second

    def setup(t: lab.Training) -> None:
        scheduler = scripts_resume.cosine(lr)(t)
        t.each_step.append(scheduler.step)

    task: Task = Digits() if draw.integers(2) else Teacher()
    recipe = Recipe(setup, epochs, intent={"optimizer": "SGD", "lr": lr, "max_epochs": epochs})
    return Scene(task, recipe, WRITERS, trainer=train)


INJECTIONS = (
    Injection("LRD903", steps_trained_again, _went_back),
    Injection("LRD906", appended, lambda faulty, control: faulty.before is not None),
)

SAMPLES = sample_pair(
    ("two-trainings", "one-training"),
    appended,
    "epoch_csv",
    "LRD906",
    "A second training appended to the log of a first, shorter one: two runs, a note.",
)
