"""A log that holds more than one training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.types import Case, Role
from lrdoctor.verdict import Evidence, Judgement

# The kind of the readers' note on a log that was split; that of the first run names no step.
_SPLIT = "split"


@dataclass(frozen=True, slots=True)
class SeveralRuns:
    """Says so once, at the first of the runs; each of them is judged on its own."""

    name: ClassVar[str] = "several_runs"
    requires: ClassVar[frozenset[Role]] = frozenset()
    measures: ClassVar[frozenset[str]] = frozenset()

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding, over the whole run."""
        if not any(n.kind == _SPLIT and n.step is None for n in case.run.notes):
            return
        yield Evidence(
            start=case.first,
            stop=case.last + 1,
            tags=tuple(sorted(case.run.series))[:1],
            measured={},
            detail=(
                "the steps begin again at the start further on, so several trainings were logged "
                "in one place; this is the first, the others follow under numbered names"
            ),
            revision="a log that says these parts are one training",
        )
