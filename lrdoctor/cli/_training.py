"""What ``--replay proxy`` and ``--replay user`` train with, from the options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lrdoctor.fleet.trainings import Trainer
    from lrdoctor.replay.law.path import LossRun, LrPath
    from lrdoctor.replay.proxy.curves import Curves
    from lrdoctor.replay.proxy.rehearse import Wish
    from lrdoctor.replay.user.task import Plan, UserTask
    from lrdoctor.types import Case, Run
    from lrdoctor.verdict import Diagnosis, Outcome

TRAINED = ("proxy", "user")
USER_SEEDS = 3
USER_BUDGET = 600.0
# Candidates whose length differs from the run's by a larger share are no candidates for training.
SAME_LENGTH = 0.02


@dataclass(frozen=True, slots=True)
class Options:
    """``--replay`` with ``--task``, ``--device``, ``--seeds`` and ``--budget``, as given."""

    replay: str
    task: str | None
    device: str
    seeds: int | None
    budget: float | None


def predicted(replay: str) -> str:
    """The level that every worker replays: the laws before any training."""
    return "law" if replay in TRAINED else replay


def trainer_for(options: Options) -> Trainer | None:
    """The trainer of a level; None for those that train nothing.

    Before any log is read this raises ``UsageError`` for options that do not fit,
    ``MissingExtraError`` without torch, and ``ConfigError`` for a GPU that is not there or a task
    that does not load.
    """
    chosen = _chosen(options)
    if chosen is None:
        return None

    def train(
        case: Case, diagnosis: Diagnosis, progress: Callable[[int, int], None]
    ) -> tuple[Diagnosis, bool]:
        if isinstance(chosen, tuple):
            from lrdoctor.replay.user.rehearse import run_candidates

            return run_candidates(case, diagnosis, *chosen, progress)
        from lrdoctor.replay.proxy.rehearse import train_candidates

        return train_candidates(case, diagnosis, chosen, progress)

    return train


PathTrainer = Callable[["Run", "LossRun", "Mapping[str, LrPath]"], "dict[str, Outcome]"]


def path_trainer(options: Options) -> PathTrainer | None:
    """As ``trainer_for``, for candidates that are LR paths of one run: an outcome for each."""
    chosen = _chosen(options)
    if chosen is None:
        return None

    def train(run: Run, logged: LossRun, paths: Mapping[str, LrPath]) -> dict[str, Outcome]:
        from lrdoctor.cli._output import Progress

        bar = Progress()

        def progress(done: int, total: int) -> None:
            bar.training(done / max(total, 1), 1, 1)

        try:
            outcomes = _outcomes(chosen, run, logged, paths, progress)
        finally:
            bar.close()
        return dict(zip(paths, outcomes, strict=True))

    return train


def _outcomes(
    chosen: Wish | tuple[UserTask, Plan],
    run: Run,
    logged: LossRun,
    paths: Mapping[str, LrPath],
    progress: Callable[[int, int], None],
) -> list[Outcome]:
    if isinstance(chosen, tuple):
        from lrdoctor.replay.user.rehearse import MOST_STEPS, run_curves

        task, plan = chosen
        steps = task.steps or min(round(logged.lr_step[-1] - logged.lr_step[0]) + 1, MOST_STEPS)
        return run_curves(path_curves(logged, paths, steps), task, plan, progress=progress)[0]
    from lrdoctor.replay.proxy.levels import optimizer_of
    from lrdoctor.replay.proxy.rehearse import train_curves

    curves = path_curves(logged, paths, chosen.steps)
    return train_curves(curves, optimizer_of(run), chosen, progress)[0]


def path_curves(logged: LossRun, paths: Mapping[str, LrPath], steps: int) -> Curves:
    """The LR of a run and of candidates of the same length.

    Raises ``UsageError`` for one of another length: what it saves would be training, not LR.
    """
    import numpy as np

    from lrdoctor.replay.proxy.curves import Curves

    first, last = float(logged.lr_step[0]), float(logged.lr_step[-1])
    for text, path in paths.items():
        if abs(path.length - last) > SAME_LENGTH * (last - first):
            raise click.UsageError(
                f"--candidate {text}: it ends at step {path.length:g}, the run at {last:g}; "
                "trainings compare schedules of one length, --replay law takes any"
            )
    at = np.linspace(first, last, steps)
    lr = [np.interp(at, logged.lr_step, logged.lr)]
    lr += [np.interp(at, path.step, path.lr) for path in paths.values()]
    return Curves(np.stack(lr)[:, :, None], at, ("lr",))


def _chosen(options: Options) -> Wish | tuple[UserTask, Plan] | None:
    """What to train a proxy with, the user's task and how, or None for other levels."""
    if options.replay == "proxy":
        return _proxy(options)
    if options.replay == "user":
        return _user(options)
    given = {"--task": options.task, "--seeds": options.seeds, "--budget": options.budget}
    for option, value in given.items():
        if value is not None:
            raise click.UsageError(f"{option} goes with --replay proxy or --replay user")
    return None


def _user(options: Options) -> tuple[UserTask, Plan]:
    from lrdoctor.replay.user.task import Plan, find_task

    if options.task is None:
        raise click.UsageError(
            "--replay user needs --task FILE.py[:NAME]; lrdoctor replay --init FILE.py writes one"
        )
    task = find_task(options.task, options.device)
    seeds, budget = options.seeds or USER_SEEDS, options.budget or USER_BUDGET
    return task, Plan(seeds, budget, options.device)


def _proxy(options: Options) -> Wish:
    from lrdoctor.errors import did_you_mean
    from lrdoctor.replay.proxy.rehearse import Wish
    from lrdoctor.replay.proxy.tasks import TASKS
    from lrdoctor.replay.proxy.train import choose_device

    usual = Wish()
    task = options.task or usual.task
    if task not in TASKS:
        known = f"choose from {', '.join(TASKS)}{did_you_mean(task, TASKS)}"
        hint = "; a file of your own goes with --replay user" if ".py" in task else ""
        raise click.UsageError(f"--task {task}: no such proxy; {known}{hint}")
    choose_device(options.device)
    return Wish(task, options.seeds or usual.seeds, options.device, options.budget)
