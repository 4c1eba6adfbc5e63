"""What one worker does: files of one run in, small picklable diagnoses out; it never raises."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from lrdoctor.case import build_case
from lrdoctor.diagnosis import diagnose
from lrdoctor.errors import ConfigError, ReadError
from lrdoctor.intent import read_intent
from lrdoctor.readers._discover import RunFiles
from lrdoctor.readers._load import display_name, load
from lrdoctor.readers._tails import Tails
from lrdoctor.roles import IGNORE
from lrdoctor.rulebook import Rulebook
from lrdoctor.types import Case, Note, Role, Run, _freeze, _Value
from lrdoctor.verdict import Diagnosis, ReadFailure, Suppression

UNKNOWN_TAG = "unknown-tag"  # the kind of note on a run without a series that --role names
_MOST_NAMES = 12


@dataclass(frozen=True, slots=True)
class Job(_Value):
    """How to diagnose: the same for every run of a command.

    ``roles`` maps tags to roles, ``expect`` intent keys to values, ``replay`` is "none",
    "dry-run" or "law" (the dry run and loss laws); ``torch_check`` also steps torch's own
    schedulers in the dry run.
    """

    rulebook: Rulebook
    roles: Mapping[str, str] = field(default_factory=dict)
    expect: Mapping[str, str] = field(default_factory=dict)
    suppressions: tuple[Suppression, ...] = ()
    replay: str = "dry-run"
    torch_check: bool = False

    def __post_init__(self) -> None:
        check_hints(self.roles, self.expect)
        _freeze(self, roles=self.roles, expect=self.expect)


def check_hints(roles: Mapping[str, str], expect: Mapping[str, str]) -> None:
    """Raises ``ConfigError`` for a role that there is not and for a wrong expectation: they are the
    user's to correct and would repeat for every run."""
    for tag, role in roles.items():
        if role not in (*Role, IGNORE):
            known = ", ".join((*Role, IGNORE))
            raise ConfigError(f"unknown role {role!r} for {tag!r}; roles: {known}")
    read_intent(Run("", (), "", "", {}), expect)


def diagnose_files(
    files: RunFiles, job: Job, tails: Tails | None = None
) -> tuple[Diagnosis | ReadFailure, ...]:
    """The diagnosis of each run in ``files``; one entry with the reason where there is none."""
    runs = load_runs(files, tails)
    if isinstance(runs, ReadFailure):
        return (runs,)
    return tuple(_diagnose_run(run, job) for run in runs)


def load_runs(files: RunFiles, tails: Tails | None = None) -> tuple[Run, ...] | ReadFailure:
    """The runs in ``files``, or the reason why there are none; read on from ``tails``."""
    try:
        with _quietly():
            return load(files, tails)
    except ReadError as error:
        return ReadFailure(error.path, error.reason)
    except Exception as error:
        return _crash(files.name, "could not be read", error)


def case_of(run: Run, roles: Mapping[str, str], expect: Mapping[str, str]) -> Case | ReadFailure:
    """The case of ``run`` with hints that ``check_hints`` has passed, or what went wrong."""
    try:
        with _quietly():
            run, known = known_roles(run, roles)
            return build_case(run, roles=known, expect=expect)
    except Exception as error:
        return _crash(run.name, "could not be understood", error)


def known_roles(run: Run, roles: Mapping[str, str]) -> tuple[Run, dict[str, str]]:
    """The part of ``roles`` that this run has series for; the run notes the rest.

    In a tree of different logs a tag is rarely in all of them, so its absence is no error.
    """
    known = {tag: role for tag, role in roles.items() if tag in run.series}
    missing = [tag for tag in roles if tag not in known]
    if not missing:
        return run, known
    series = ", ".join(sorted(run.series)[:_MOST_NAMES]) + ", …" * (len(run.series) > _MOST_NAMES)
    notes = [Note(UNKNOWN_TAG, f"no series {tag!r} here; there are: {series}") for tag in missing]
    return replace(run, notes=(*run.notes, *notes)), known


def _diagnose_run(run: Run, job: Job) -> Diagnosis | ReadFailure:
    case = case_of(run, job.roles, job.expect)
    return case if isinstance(case, ReadFailure) else diagnose_case(case, job)


def diagnose_case(case: Case, job: Job) -> Diagnosis | ReadFailure:
    """The diagnosis of one case, its fixes rehearsed unless the job says otherwise."""
    try:
        with _quietly():
            diagnosis = diagnose(case, job.rulebook, job.suppressions)
            if job.replay == "none" or not diagnosis.candidates:
                return diagnosis
            from lrdoctor.replay.dry_run import rehearse

            if job.replay == "law":
                from lrdoctor.replay.law.rehearse import predict_candidates

                # Before the dry run: the laws may propose a schedule of their own.
                diagnosis = predict_candidates(case, diagnosis)
            return rehearse(case, diagnosis, job.rulebook, torch_check=job.torch_check)
    except Exception as error:
        return _crash(case.run.name, "could not be diagnosed", error)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the warnings of numpy and scipy: overflow and NaN come with logs, and what follows
    from them is in the report."""
    with warnings.catch_warnings():
        for category in (RuntimeWarning, UserWarning):
            warnings.simplefilter("ignore", category)
        yield


def _crash(name: str, what: str, error: Exception) -> ReadFailure:
    """An error of ours, not of the log: say where, in one line, so that it can be reported."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
    told = display_name(str(error))
    return ReadFailure(name, f"{what}: {type(error).__name__} at {place}: {told} (a bug of ours)")
