"""From paths to cases, one by one, for commands that look at schedules and judge nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lrdoctor.fleet.worker import case_of, check_hints, load_runs
from lrdoctor.readers._discover import RunFiles, find_runs
from lrdoctor.types import Case
from lrdoctor.verdict import ReadFailure


def cases(
    paths: Sequence[str],
    exclude: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    expect: Mapping[str, str] | None = None,
) -> Iterator[Case | ReadFailure]:
    """A case per run under ``paths``, in order of their names; a failure per file not read
    or run not understood.

    Raises ``ConfigError`` for a wrong role or expectation.
    """
    check_hints(roles or {}, expect or {})
    for found in find_runs(list(paths), exclude):
        yield from cases_in(found, roles or {}, expect or {})


def cases_in(
    found: RunFiles | ReadFailure, roles: Mapping[str, str], expect: Mapping[str, str]
) -> Iterator[Case | ReadFailure]:
    """The same for one thing that was found."""
    runs = found if isinstance(found, ReadFailure) else load_runs(found)
    if isinstance(runs, ReadFailure):
        yield runs
    else:
        yield from (case_of(run, roles, expect) for run in runs)
