"""OneCycle with the peak and the horizon that were meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from lrdoctor.detectors._context import governing_groups
from lrdoctor.fixes._plan import (
    candidate,
    named_first,
    origin,
    over,
    peak,
    planned,
    rebuilt,
    unit,
)
from lrdoctor.fixes._torch import constructor, shown
from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import Case, ParamGroup, Schedule
from lrdoctor.verdict import Candidate, Finding

_FIELDS = ("pct_start", "div_factor", "final_div_factor", "anneal_strategy")


@dataclass(frozen=True, slots=True)
class MovePeak:
    """One candidate: the fitted cycle with the configured ``pct_start`` over the planned length.

    Where the fit is no one-cycle (a schedule that hardly moved), the configuration must give the
    peak LR; without it there is no candidate.
    """

    name: ClassVar[str] = "move_peak"

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """Safe where ``pct_start`` and length are configured."""
        length = planned(case, finding)
        groups = governing_groups(case)
        schedules: dict[str, Schedule] = {}
        for group in groups:
            named = _meant(case, group, groups[0], length)
            if named is not None:
                schedules[group.name] = over(named, origin(group), length)
        if not schedules:
            return
        main = next(iter(schedules.values())).named
        assert main is not None
        pct = main.parameters()["pct_start"]
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=(
                f"put the peak at {100 * float(pct):.4g} % "  # type: ignore[arg-type]
                f"of all {shown(length)} {unit(case)}s"
            ),
            safe="pct_start" in case.intent.arguments and case.total_steps is not None,
            schedules=schedules,
            before=[constructor(_found(finding, groups[0], main)), *_loop("")],
            after=[constructor(main), *_loop(f"  # once per {unit(case)}, {shown(length)} in all")],
        )


def _loop(comment: str) -> list[str]:
    return ["for batch in loader:", "    ...", f"    scheduler.step(){comment}"]


def _found(finding: Finding, group: ParamGroup, new: NamedSchedule) -> NamedSchedule | None:
    """The cycle that was running: as fitted, else the new one with the horizon that was found."""
    old, horizon = named_first(group), finding.evidence.measured.get("horizon")
    if (old is not None and old.name == "onecycle") or horizon is None:
        return old
    return rebuilt("onecycle", {**new.parameters(), "total_steps": horizon.value})


def _meant(case: Case, group: ParamGroup, main: ParamGroup, length: float) -> NamedSchedule | None:
    old = named_first(group)
    meant = case.intent.arguments
    parameters: dict[str, Any] = {k: meant[k] for k in _FIELDS if meant.get(k) is not None}
    if old is not None and old.name == "onecycle":
        return rebuilt("onecycle", {**old.parameters(), **parameters, "total_steps": length})
    top = meant.get("max_lr", case.intent.lr)
    if not isinstance(top, int | float) or isinstance(top, bool) or not peak(main) > 0:
        return None
    share = peak(group) / peak(main)
    return rebuilt("onecycle", {"max_lr": top * share, "total_steps": length, **parameters})
