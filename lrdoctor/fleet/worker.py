"""What one worker does: files of one run in, small picklable diagnoses out; it never raises."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lrdoctor.case import build_case
from lrdoctor.diagnosis import diagnose
from lrdoctor.errors import ConfigError, ReadError
from lrdoctor.readers._discover import RunFiles
from lrdoctor.readers._load import load
from lrdoctor.rulebook import Rulebook
from lrdoctor.types import Note, Run, _freeze, _Value
from lrdoctor.verdict import Diagnosis, ReadFailure, Suppression

UNKNOWN_TAG = "unknown-tag"  # the kind of note on a run without a series that --role names
_MOST_NAMES = 12


@dataclass(frozen=True, slots=True)
class Job(_Value):
    """How to diagnose: the same for every run of a command.

    ``roles`` maps tags to roles, ``expect`` intent keys to values, ``replay`` is "none" or
    "dry-run"; ``torch_check`` also steps torch's own schedulers in the dry run.
    """

    rulebook: Rulebook
    roles: Mapping[str, str] = field(default_factory=dict)
    expect: Mapping[str, str] = field(default_factory=dict)
    suppressions: tuple[Suppression, ...] = ()
    replay: str = "dry-run"
    torch_check: bool = False

    def __post_init__(self) -> None:
        _freeze(self, roles=self.roles, expect=self.expect)


def diagnose_files(files: RunFiles, job: Job) -> tuple[Diagnosis | ReadFailure, ...]:
    """The diagnosis of each run in ``files``; one entry with the reason where there is none.

    Only ``ConfigError`` (a wrong ``--role`` or ``--expect``) leaves this function: it is the
    user's to correct and would repeat for every run.
    """
    try:
        runs = load(files)
    except ConfigError:
        raise
    except ReadError as error:
        return (ReadFailure(error.path, error.reason),)
    except Exception as error:
        return (_crash(files.name, "could not be read", error),)
    return tuple(_diagnose_run(run, job) for run in runs)


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
    try:
        run, roles = known_roles(run, job.roles)
        case = build_case(run, roles=roles, expect=job.expect)
        diagnosis = diagnose(case, job.rulebook, job.suppressions)
        if job.replay == "none" or not diagnosis.candidates:
            return diagnosis
        from lrdoctor.replay.dry_run import rehearse

        return rehearse(case, diagnosis, job.rulebook, torch_check=job.torch_check)
    except ConfigError:
        raise
    except Exception as error:
        return _crash(run.name, "could not be diagnosed", error)


def _crash(name: str, what: str, error: Exception) -> ReadFailure:
    """An error of ours, not of the log: say where, in one line, so that it can be reported."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
    return ReadFailure(name, f"{what}: {type(error).__name__} at {place}: {error} (a bug of ours)")
