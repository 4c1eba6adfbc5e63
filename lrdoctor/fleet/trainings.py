"""Trainings that check the fixes of many runs, one run after another in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, TypeAlias

from lrdoctor.fleet.cases import cases_in
from lrdoctor.fleet.worker import Job
from lrdoctor.readers._discover import RunFiles
from lrdoctor.types import Case, Note
from lrdoctor.verdict import Diagnosis, ReadFailure

Outcomes: TypeAlias = tuple[Diagnosis | ReadFailure, ...]
NOT_TRAINED = "replay-stopped"


class Trainer(Protocol):
    """Trains for the candidates of one run: the diagnosis with their outcomes, and whether the
    user stopped it. ``progress`` gets (steps done, steps in all)."""

    def __call__(
        self, case: Case, diagnosis: Diagnosis, progress: Callable[[int, int], None]
    ) -> tuple[Diagnosis, bool]: ...


def train_all(
    logs: Sequence[RunFiles],
    outcomes: Sequence[Outcomes],
    job: Job,
    trainer: Trainer,
    progress: Callable[[float, int, int], None] = lambda share, run, runs: None,
) -> Iterator[Outcomes]:
    """``outcomes`` of each of ``logs`` with their candidates trained.

    Logs are read again one by one: trainings take far longer, and the cases of many runs do not fit
    into memory. ``progress`` gets the share done of a run, its number and the number of runs. What
    is left when the user stops is given back as it was, with a note.
    """
    runs = sum(_fixable(d) for each in outcomes for d in each)
    stopped, number = False, 0
    for files, each in zip(logs, outcomes, strict=True):
        if not any(map(_fixable, each)):
            yield each
            continue
        known = {} if stopped else _cases(files, job)
        done: list[Diagnosis | ReadFailure] = []
        for outcome in each:
            case = known.get(outcome.run) if isinstance(outcome, Diagnosis) else None
            if isinstance(outcome, Diagnosis) and _fixable(outcome):
                number += 1
                if stopped or case is None:
                    outcome = _untrained(outcome)
                else:

                    def told(steps: int, total: int, run: int = number) -> None:
                        progress(steps / max(total, 1), run, runs)

                    outcome, stopped = trainer(case, outcome, told)
            done.append(outcome)
        yield tuple(done)


def _fixable(outcome: Diagnosis | ReadFailure) -> bool:
    return isinstance(outcome, Diagnosis) and bool(outcome.candidates)


def _cases(files: RunFiles, job: Job) -> dict[str, Case]:
    found = cases_in(files, job.roles, job.expect)
    return {case.run.name: case for case in found if isinstance(case, Case)}


def _untrained(diagnosis: Diagnosis) -> Diagnosis:
    note = Note(NOT_TRAINED, "its fixes were not trained: the replay was stopped before")
    return replace(diagnosis, notes=(*diagnosis.notes, note))
