"""Steps that were logged more than once, or out of order: what the log says twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.messages import UNIT_NOUN, number_text
from lrdoctor.types import Case, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

# The kind of a reader's note on rows whose steps fall.
_DISORDER = "order"
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class LogOverlap:
    """Tells how often training went back to a checkpoint and what was left out for it.

    Nothing is wrong with that; it explains gaps, and why a curve here differs from one drawn from
    the file. Rows that stand in no order without any restart point at several writers.
    """

    name: ClassVar[str] = "log_overlap"
    requires: ClassVar[frozenset[Role]] = frozenset()
    measures: ClassVar[frozenset[str]] = frozenset({"restarts", "discarded", "gap"})

    least: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding per run."""
        # What starts over at the beginning is a start that was given up, not a checkpoint.
        went_back = [r for r in case.run.restarts if r.discarded > 0 and r.step > case.first]
        discarded = sum(r.discarded for r in went_back)
        if discarded >= self.least:
            gaps = [r.gap_seconds for r in went_back if r.gap_seconds is not None]
            measured = {
                "restarts": Quantity(float(len(went_back)), ""),
                "discarded": Quantity(float(discarded), "logged steps"),
            }
            if gaps:
                measured["gap"] = Quantity(max(gaps) / _HOUR, "h")
            steps = [r.step for r in went_back]
            yield _evidence(case, min(steps), max(steps) + 1, measured, _detail(case, steps))
        elif any(note.kind == _DISORDER for note in case.run.notes):
            yield _evidence(
                case,
                case.first,
                case.last + 1,
                {},
                "rows stand in no order of steps, as where several processes write one log; they "
                "were sorted, and the row written last counts",
            )


def _evidence(
    case: Case, start: int, stop: int, measured: dict[str, Quantity], detail: str
) -> Evidence:
    return Evidence(
        start=start,
        stop=stop,
        tags=tuple(sorted(case.run.series))[:1],
        measured=measured,
        detail=detail,
        revision="nothing: the steps are as the log has them",
    )


def _detail(case: Case, steps: list[int]) -> str:
    noun = UNIT_NOUN[case.clock.unit]
    if len(steps) == 1:
        return (
            f"training went back to a checkpoint at {noun} {number_text(steps[0])}; what was "
            "logged from there on before is left out"
        )
    return (
        f"training went back {number_text(len(steps))} times; of steps logged more than once the "
        "last pass counts"
    )
