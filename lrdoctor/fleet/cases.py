"""From paths to cases, one by one, for commands that look at schedules and judge nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lrdoctor.case import build_case
from lrdoctor.errors import ReadError
from lrdoctor.fleet.worker import known_roles
from lrdoctor.readers._discover import find_runs
from lrdoctor.readers._load import load
from lrdoctor.types import Case
from lrdoctor.verdict import ReadFailure


def cases(
    paths: Sequence[str],
    exclude: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    expect: Mapping[str, str] | None = None,
) -> Iterator[Case | ReadFailure]:
    """A case per run under ``paths``, in order of their names; a failure per file not read.

    Raises ``ConfigError`` for a wrong role or expectation.
    """
    for found in find_runs(list(paths), exclude):
        if isinstance(found, ReadFailure):
            yield found
            continue
        try:
            runs = load(found)
        except ReadError as error:
            yield ReadFailure(error.path, error.reason)
            continue
        for run in runs:
            run, known = known_roles(run, roles or {})
            yield build_case(run, roles=known, expect=expect or {})
