"""Look-alikes of faulty resumes: state restored, cycles that follow one another on purpose."""

from __future__ import annotations

import math

from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, StepLR

from benchmarks.accuracy import scripts, scripts_resume
from benchmarks.accuracy.lab import Recipe, Training
from benchmarks.accuracy.resume_lab import WRITERS, Checkpoint, Job, everything
from benchmarks.accuracy.scene import Draw, Scene, nearby
from benchmarks.accuracy.tasks import Digits, Sequences, Task, Teacher


def _task(draw: Draw) -> Task:
    return Digits() if draw.integers(2) else Teacher()


def _recipe(epochs: int, lr: float, scheduler: str | None) -> Recipe:
    intent: dict[str, object] = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs}
    if scheduler is not None:
        intent["scheduler"] = scheduler
    return Recipe(lambda t: None, epochs, intent=intent)  # type: ignore[arg-type]


def resumed_with_all(draw: Draw) -> Scene:
    """Everything is restored; the log has two parts that overlap."""
    epochs, lr = int(draw.integers(14, 24)), nearby(draw, 2e-3)
    saved = int(draw.integers(3, epochs - 3))
    job = Job(scripts_resume.warmup_cosine(lr), everything, saved, saved + int(draw.integers(0, 3)))
    intent = {"learning_rate": lr, "warmup_ratio": 0.06, "lr_scheduler_type": "cosine"}
    recipe = Recipe(lambda t: None, epochs, batch_size=16, intent=intent, optimizer="AdamW")
    return job.scene(Sequences(samples=384), recipe, (*WRITERS, "trainer_state"))


def second_cycle(draw: Draw) -> Scene:
    """A training that was over is taken up again with a second cosine from the peak, on purpose."""
    first, more, lr = int(draw.integers(10, 16)), int(draw.integers(8, 16)), nearby(draw, 0.02)
    share = float(draw.choice([0.5, 1.0]))

    def load(t: Training, scheduler: LRScheduler, kept: Checkpoint) -> LRScheduler:
        t.net.load_state_dict(kept["model"])
        t.optimizer = scripts.sgd(t, share * lr)
        return CosineAnnealingLR(t.optimizer, t.total_steps - t.step)

    job = Job(scripts_resume.cosine(lr), load, first, first, first_epochs=first)
    return job.scene(_task(draw), _recipe(first + more, lr, None))


def same_cycle_again(draw: Draw) -> Scene:
    """A finished training is run once more by the very same script, from its last weights."""
    epochs, lr = int(draw.integers(9, 14)), nearby(draw, 0.02)

    def load(t: Training, scheduler: LRScheduler, kept: Checkpoint) -> LRScheduler:
        t.net.load_state_dict(kept["model"])
        return CosineAnnealingLR(t.optimizer, t.total_steps - t.step)

    job = Job(scripts_resume.cosine(lr), load, epochs, epochs, first_epochs=epochs)
    return job.scene(_task(draw), _recipe(2 * epochs, lr, None))


def warmed_up_again(draw: Draw) -> Scene:
    """A short warm-up after the resume, on purpose, back to where the schedule would be."""
    epochs, lr = int(draw.integers(18, 28)), nearby(draw, 2e-3)
    saved = int(draw.integers(4, epochs - 5))

    def load(t: Training, scheduler: LRScheduler, kept: Checkpoint) -> LRScheduler:
        t.net.load_state_dict(kept["model"])
        t.optimizer = scripts.adamw(t, lr)
        done, rise = t.step, t.steps_per_epoch

        def factor(step: int) -> float:
            due = 0.5 * (1 + math.cos(math.pi * (done + step) / t.total_steps))
            return due * min(1.0, (step + 1) / rise)

        return LambdaLR(t.optimizer, factor)

    job = Job(scripts_resume.warmup_cosine(lr), load, saved, saved)
    return job.scene(_task(draw), _recipe(epochs, lr, None))


def step_schedule_per_task(draw: Draw) -> Scene:
    """One process, one step schedule per task: the LR is back at its start for each of them."""
    tasks, length, lr = int(draw.integers(3, 5)), int(draw.integers(6, 9)), nearby(draw, 0.02)

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        current: list[LRScheduler] = []

        def begin() -> None:
            for group in t.optimizer.param_groups:
                group["lr"] = group["initial_lr"] = lr
            current[:] = [StepLR(t.optimizer, length // 2, 0.1)]

        for task in range(tasks):
            t.at_epoch(task * length, begin)
        t.each_epoch.append(lambda: current[0].step())

    recipe = Recipe(setup, tasks * length, intent={"lr": lr, "max_epochs": tasks * length})
    return Scene(_task(draw), recipe)


LOOKALIKES = (
    resumed_with_all,
    second_cycle,
    same_cycle_again,
    warmed_up_again,
    step_schedule_per_task,
)
