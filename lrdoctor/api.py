"""The library: the same steps as the command line, as functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial

from lrdoctor import diagnosis
from lrdoctor._version import __version__
from lrdoctor.baseline import Baseline, accept, accept_in, in_force
from lrdoctor.case import build_case
from lrdoctor.errors import ConfigError, ReadError
from lrdoctor.fleet.engines import jobs_for, run_all
from lrdoctor.fleet.trainings import Outcomes, Trainer, train_all
from lrdoctor.fleet.worker import UNKNOWN_TAG, Job, diagnose_files
from lrdoctor.plugins import discover
from lrdoctor.readers._discover import RunFiles, find_runs
from lrdoctor.readers._load import load
from lrdoctor.rulebook import Rulebook, load_rulebook
from lrdoctor.types import Case, Note, Run, Severity, Status
from lrdoctor.verdict import Diagnosis, ReadFailure, Report

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def read_runs(paths: Paths) -> Iterator[Run]:
    """Every run found under ``paths`` (files or trees). Raises ``ReadError`` at a bad file."""
    for found in find_runs(_as_list(paths)):
        if isinstance(found, ReadFailure):
            raise ReadError(found.path, found.reason)
        yield from load(found)


def diagnose(
    run: Run | Case,
    rulebook: Rulebook | None = None,
    *,
    roles: Mapping[str, str] | None = None,
    expect: Mapping[str, str] | None = None,
) -> Diagnosis:
    """The diagnosis of one run, candidates included; the built-in rules unless given others."""
    case = run if isinstance(run, Case) else build_case(run, roles=roles or {}, expect=expect or {})
    return diagnosis.diagnose(case, rulebook or load_rulebook())


def analyze(
    paths: Paths,
    job: Job | None = None,
    *,
    jobs: int | None = 1,
    timeout: float | None = None,
    exclude: Sequence[str] = (),
    arguments: Sequence[str] = (),
    notes: Sequence[Note] = (),
    fail_on: str = str(Severity.ERROR),
    baseline: Baseline | None = None,
    progress: Callable[[int, int], None] | None = None,
    trainer: Trainer | None = None,
    training: Callable[[float, int, int], None] = lambda share, run, runs: None,
) -> Report:
    """What ``lrdoctor analyze`` does: find, read, judge and rehearse the fixes of every run.

    ``jobs`` processes (None: by the number of runs), ``timeout`` seconds per log,
    ``progress(done, all)`` after each. Files that cannot be read are in ``Report.unreadable``,
    ``notes`` are added to those on what was passed over. Findings that ``baseline`` has are
    suppressed as known; ``fail_on``, a severity or "never", is kept for reports and exit codes.
    ``trainer`` trains for the candidates at the end, in this process, and
    ``training(share, run, runs)`` is told how far it is.
    """
    job = job or Job(load_rulebook())
    search = find_runs(_as_list(paths), exclude)
    found = list(search)
    logs = [f for f in found if isinstance(f, RunFiles)]
    failures = [f for f in found if isinstance(f, ReadFailure)]
    results: list[Outcomes] = []
    outcomes = run_all(
        partial(diagnose_files, job=job),
        logs,
        jobs=jobs_for(len(logs), jobs),
        timeout=timeout,
        lost=lambda files, reason: (ReadFailure(files.name, reason),),
    )
    known = {} if baseline is None else in_force(baseline, date.today())
    for done, outcome in enumerate(outcomes, start=1):
        results.append(
            tuple(accept_in(o, known) if isinstance(o, Diagnosis) else o for o in outcome)
        )
        if progress is not None:
            progress(done, len(logs))
    if trainer is not None:
        results = list(train_all(logs, results, job, trainer, training))
    diagnoses = [d for outcome in results for d in outcome if isinstance(d, Diagnosis)]
    failures += [f for outcome in results for f in outcome if isinstance(f, ReadFailure)]
    _check_tags(diagnoses, job)
    report = Report(
        diagnoses=tuple(diagnoses),
        unreadable=tuple(failures),
        version=__version__,
        rulebook_digest=job.rulebook.digest,
        arguments=tuple(arguments),
        rules=job.rulebook.rules,
        files_found=sum(len(f.all_files) for f in logs)
        + sum(isinstance(f, ReadFailure) for f in found),
        notes=(*search.notes, *notes, *_idle(job, diagnoses)),
        fail_on=fail_on,
    )
    return report if baseline is None else accept(report, baseline, date.today())


def _check_tags(diagnoses: Sequence[Diagnosis], job: Job) -> None:
    """A tag that no run has is a slip of the user's; one that some lack is not."""
    for tag in job.roles if diagnoses else ():
        notes = [
            [n for n in d.notes if n.kind == UNKNOWN_TAG and repr(tag) in n.message]
            for d in diagnoses
        ]
        if all(notes):
            raise ConfigError(f"role {job.roles[tag]}: {notes[0][0].message}")


def _idle(job: Job, diagnoses: Sequence[Diagnosis]) -> Iterator[Note]:
    """A note per suppression that suppressed nothing: fixed meanwhile, or a slip in its pattern."""
    used = {
        (label, r.reason)
        for d in diagnoses
        for r in d.results
        if r.status is Status.SUPPRESSED
        for label in (r.rule.code, r.rule.name)
    }
    for s in job.suppressions if diagnoses else ():
        if (s.rule, s.told) not in used:
            text = f"the suppression of {s.rule} for runs {s.runs!r} matches no finding"
            yield Note("idle-suppression", text)


def render(report: Report, kind: str = "text") -> str:
    """The report as text of one format: the names of ``lrdoctor.reports``."""
    return str(discover("reports")[kind]().render(report))


def _as_list(paths: Paths) -> list[str]:
    many = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    return [os.fspath(path) for path in many]
