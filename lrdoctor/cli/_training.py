"""What ``--replay proxy`` and ``--replay user`` train with, from the options."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lrdoctor.fleet.trainings import Trainer
    from lrdoctor.replay.proxy.rehearse import Wish
    from lrdoctor.types import Case
    from lrdoctor.verdict import Diagnosis

TRAINED = ("proxy", "user")
USER_SEEDS = 3
USER_BUDGET = 600.0


def predicted(replay: str) -> str:
    """The level that every worker replays: the laws before any training."""
    return "law" if replay in TRAINED else replay


def trainer_for(
    replay: str, task: str | None, device: str, seeds: int | None, budget: float | None
) -> Trainer | None:
    """The trainer of a level; None for those that train nothing.

    Raises ``UsageError`` for options that do not fit, ``MissingExtraError`` without torch and
    ``ConfigError`` for a GPU that is not there: before any log is read.
    """
    if replay not in TRAINED:
        given = {"--task": task, "--seeds": seeds, "--budget": budget}
        for option, value in given.items():
            if value is not None:
                raise click.UsageError(f"{option} goes with --replay proxy or --replay user")
        return None
    if replay == "user":
        return _user_trainer(task, device, seeds, budget)
    from lrdoctor.replay.proxy.rehearse import train_candidates

    wish = proxy_wish(task, device, seeds, budget)

    def train(
        case: Case, diagnosis: Diagnosis, progress: Callable[[int, int], None]
    ) -> tuple[Diagnosis, bool]:
        return train_candidates(case, diagnosis, wish, progress)

    return train


def _user_trainer(
    task: str | None, device: str, seeds: int | None, budget: float | None
) -> Trainer:
    from lrdoctor.replay.user.rehearse import run_candidates
    from lrdoctor.replay.user.task import Plan, find_task

    if task is None:
        raise click.UsageError(
            "--replay user needs --task FILE.py[:NAME]; lrdoctor replay --init FILE.py writes one"
        )
    found = find_task(task, device)
    plan = Plan(seeds or USER_SEEDS, budget or USER_BUDGET, device)

    def train(
        case: Case, diagnosis: Diagnosis, progress: Callable[[int, int], None]
    ) -> tuple[Diagnosis, bool]:
        return run_candidates(case, diagnosis, found, plan, progress)

    return train


def proxy_wish(task: str | None, device: str, seeds: int | None, budget: float | None) -> Wish:
    """What a proxy training is asked for. Raises ``UsageError`` for a task that there is not."""
    from lrdoctor.errors import did_you_mean
    from lrdoctor.replay.proxy.rehearse import Wish
    from lrdoctor.replay.proxy.tasks import TASKS
    from lrdoctor.replay.proxy.train import choose_device

    if task is not None and task not in TASKS:
        known = f"choose from {', '.join(TASKS)}{did_you_mean(task, TASKS)}"
        hint = "; a file of your own goes with --replay user" if ".py" in task else ""
        raise click.UsageError(f"--task {task}: no such proxy; {known}{hint}")
    choose_device(device)
    chosen = {"task": task, "seeds": seeds}
    return Wish(
        device=device,
        budget=budget,
        **{k: v for k, v in chosen.items() if v is not None},  # type: ignore[arg-type]
    )
