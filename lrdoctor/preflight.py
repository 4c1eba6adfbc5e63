"""Judges the scheduler of a user's own code before any training: a dry run read as a log."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor._version import __version__
from lrdoctor.case import build_case
from lrdoctor.errors import ConfigError
from lrdoctor.fleet.worker import Job, diagnose_case
from lrdoctor.intent import read_intent
from lrdoctor.replay.factory import Recording, record
from lrdoctor.types import Case, Intent, Note, Run, Series, Severity, _Value
from lrdoctor.verdict import Diagnosis, ReadFailure, Report

MOST_STEPS = 10_000_000


@dataclass(frozen=True, slots=True)
class Length(_Value):
    """How long the training is to be: optimizer steps, epochs, or both; whole numbers."""

    steps: int | None
    epochs: int | None
    per_epoch: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Checked(_Value):
    """The report on the dry run, its case, and the traceback that ended it early, if one did."""

    report: Report
    case: Case
    stopped: str | None


def check(
    target: str,
    job: Job,
    *,
    steps: int | None = None,
    steps_per_epoch: float | None = None,
    epochs: float | None = None,
    per: str | None = None,
    timeout: float = 120.0,
    arguments: Sequence[str] = (),
    fail_on: str = str(Severity.ERROR),
) -> Checked:
    """Steps the scheduler that ``target`` ("FILE.py:function") makes and applies all rules to it.

    The function returns ``(optimizer, scheduler)`` and may name ``total_steps``,
    ``steps_per_epoch`` and ``epochs`` as arguments. The length comes from the arguments, else from
    ``job.expect``. Raises ``ConfigError`` where it is unknown and where the user's code fails.
    """
    file, name = _split(target)
    length = _length(job.expect, steps, steps_per_epoch, epochs)
    given = {"total_steps": length.steps, "steps_per_epoch": length.per_epoch,
             "epochs": length.epochs}  # fmt: skip
    recording = record(
        file,
        name,
        steps=length.steps,
        epochs=length.epochs,
        given={key: _whole(value) for key, value in given.items() if value is not None},
        per=per,
        timeout=timeout,
    )
    expect = _expectation(job.expect, length, recording.per)
    run = _as_run(target, file, recording)
    case = build_case(run, roles=dict.fromkeys(run.series, "lr"), expect=expect)
    judged = diagnose_case(case, job)
    report = Report(
        diagnoses=(judged,) if isinstance(judged, Diagnosis) else (),
        unreadable=(judged,) if isinstance(judged, ReadFailure) else (),
        version=__version__,
        rulebook_digest=job.rulebook.digest,
        arguments=tuple(arguments),
        rules=job.rulebook.rules,
        files_found=1,
        fail_on=fail_on,
    )
    return Checked(report, case, recording.stopped)


def _split(target: str) -> tuple[str, str]:
    file, colon, name = target.rpartition(":")
    if not colon or not file or not name.isidentifier():
        raise ConfigError(f"{target!r} must name a file and a function in it: train.py:make")
    return file, name


def _length(
    expect: Mapping[str, str],
    steps: int | None,
    steps_per_epoch: float | None,
    epochs: float | None,
) -> Length:
    intent = read_intent(Run("check", (), "check", "step", {}), expect)
    per_epoch = steps_per_epoch or _per_epoch(intent)
    planned = epochs or intent.epochs
    if steps is None and epochs is not None and per_epoch:
        steps = round(epochs * per_epoch)
    steps = (
        steps
        or intent.total_steps
        or (round(planned * per_epoch) if planned and per_epoch else None)
    )
    if planned is None and steps and per_epoch:
        planned = steps / per_epoch
    if steps is None and planned is None:
        raise ConfigError(
            "how long the training is to be is needed: --steps, or --epochs with "
            "--steps-per-epoch, or epochs, dataset_size, batch_size … under [expect]"
        )
    if max(steps or 0, planned or 0) > MOST_STEPS:
        raise ConfigError(f"at most {MOST_STEPS:,} steps are dry-run")
    return Length(steps, None if planned is None else math.ceil(planned), per_epoch)


def _per_epoch(intent: Intent) -> float | None:
    if intent.batches_per_epoch is None:
        return None
    return float(-(-intent.batches_per_epoch // (intent.accumulation or 1)))


def _whole(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def _expectation(expect: Mapping[str, str], length: Length, per: str) -> dict[str, str]:
    """What was meant, with the length of the dry run in the units of its axis."""
    result = {k: v for k, v in expect.items() if k not in ("total_steps", "epochs")}
    if length.epochs is not None:
        result["epochs"] = str(length.epochs)
    if per == "step":
        result["total_steps"] = str(length.steps)
        if length.per_epoch:
            batches = length.per_epoch * float(expect.get("accumulation", 1))
            result.pop("steps_per_epoch", None)
            result["batches_per_epoch"] = str(max(round(batches), 1))
    return result


def _as_run(target: str, file: str, recording: Recording) -> Run:
    """The dry run as if a training had logged it."""
    names = _tags(recording.names)
    series = {
        tag: Series(tag, np.arange(len(lr)), lr)
        for tag, lr in zip(names, recording.lr, strict=True)
    }
    notes: tuple[Note, ...] = ()
    if recording.stopped is not None:
        done = max(map(len, recording.lr), default=0)
        last = recording.stopped.splitlines()[-1]
        notes = (Note("stopped", f"the scheduler raised an error in step {done:,}: {last}"),)
    axis = "epoch" if recording.per == "epoch" else "step"
    return Run(target, (file,), "dry run", axis, series, notes=notes)


def _tags(names: Sequence[str]) -> list[str]:
    """A tag per param group: its own name where it has one, else its number."""
    if len(names) == 1:
        return ["lr"]
    labels = [name or str(index) for index, name in enumerate(names)]
    distinct = len(set(labels)) == len(labels)
    return [f"lr/{label if distinct else index}" for index, label in enumerate(labels)]
