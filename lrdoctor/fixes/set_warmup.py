"""A warm-up of the right length, joined where the main schedule begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from lrdoctor.detectors._context import governing_groups, real
from lrdoctor.fixes._plan import (
    candidate,
    named_first,
    origin,
    over,
    planned,
    rebuilt,
    top_lr,
    unit,
    whole_cosine,
)
from lrdoctor.fixes._torch import call, constructor, shown
from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import Case, ParamGroup, Schedule, Severity
from lrdoctor.verdict import Candidate, Finding

# The parameter that says how long a decay lasts after the warm-up.
_LASTS = {"cosine": "T_max", "linear": "total_steps", "polynomial": "total_steps"}
# Schedules that rise by themselves, or begin again: a warm-up before them is another schedule.
_OWN_RISE = frozenset({"onecycle", "cyclic", "cosine_restarts"})


@dataclass(frozen=True, slots=True)
class SetWarmup:
    """One candidate: ``SequentialLR`` of a linear warm-up and the main schedule of the log.

    The warm-up is as long as configured (``planned_warmup`` of the finding) or as fitted, up to the
    share ``most`` of the run; else ``usual``, or twice the time that the loss took to come back if
    that is longer, up to ``longest``. It starts at ``start_share`` of the peak, and the main
    schedule ends where it did.
    """

    name: ClassVar[str] = "set_warmup"
    usual: float = 0.05
    longest: float = 0.1
    most: float = 0.8
    start_share: float = 0.01

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """To review: how long a warm-up must be shows only in training."""
        if finding.severity is Severity.INFO:
            return  # a note asks for no correction
        if "lost" in finding.evidence.measured:
            return  # two decays were multiplied, and no warm-up
        length = planned(case, finding)
        steps = self._steps(case, finding, length)
        schedules: dict[str, Schedule] = {}
        for group in governing_groups(case):
            named = self._with_warmup(case, group, finding, steps, length)
            if named is not None:
                schedules[group.name] = over(named, origin(group), length)
        if not schedules:
            return
        first = next(g for g in governing_groups(case) if g.name in schedules)
        main = call("SequentialLR", schedulers="[warmup, main]", milestones=[round(steps)])
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=f"warm up over {shown(steps)} {unit(case)}s, then the main schedule",
            safe=False,
            schedules=schedules,
            before=[constructor(named_first(first))],
            after=[
                "warmup = "
                + call("LinearLR", start_factor=self.start_share, total_iters=round(steps)),
                constructor(_plain(schedules[first.name].named)).replace("scheduler", "main", 1),
                f"scheduler = {main}".replace('"', ""),
            ],
        )

    def _steps(self, case: Case, finding: Finding, length: float) -> float:
        measured = finding.evidence.measured
        for name in ("planned_warmup", "warmup"):
            if name in measured and 0 < measured[name].value < self.most * length:
                return max(float(round(measured[name].value)), 1.0)
        lasts = measured["lasts"].value if "lasts" in measured else 0.0
        steps = min(max(2 * lasts, self.usual * length), self.longest * length)
        return max(float(round(steps)), 1.0)

    def _with_warmup(
        self, case: Case, group: ParamGroup, finding: Finding, steps: float, length: float
    ) -> NamedSchedule | None:
        last = group.schedules[-1] if group.schedules else None
        named, meant = (
            (None if last is None else last.named),
            finding.evidence.measured.get("meant"),
        )
        judged = meant is not None and finding.evidence.param_group == group.name
        top = meant.value if meant is not None and judged else top_lr(case, group)
        ramp = {"warmup": steps, "warmup_start_lr": self.start_share * top}
        if named is None or last is None or named.name in _OWN_RISE:
            whole = whole_cosine(case, group, length)
            values = {} if whole is None else dict(whole.parameters())
            return rebuilt("cosine", {**values, "lr": top, "T_max": length - steps, **ramp})
        values = {k: v for k, v in named.parameters().items() if not k.startswith("warmup")}
        if "lr" in values:
            values["lr"] = top
        lasts = _LASTS.get(named.name)
        if lasts is not None:
            values[lasts] = _end(last, named, lasts) - origin(group) - steps
        return rebuilt(named.name, {**values, **ramp})


def _end(last: Schedule, named: NamedSchedule, lasts: str) -> float:
    """The step at which the decay of the log comes to its end."""
    values = named.parameters()
    ramp = 0.0 if values.get("warmup_overlap") else real(values.get("warmup")) or 0.0
    return last.origin + ramp + (real(values[lasts]) or 0.0)


def _plain(named: NamedSchedule | None) -> NamedSchedule | None:
    """The main schedule without the warm-up, as its constructor shows it."""
    if named is None:
        return None
    values: dict[str, Any] = dict(named.parameters())
    return rebuilt(named.name, {k: v for k, v in values.items() if not k.startswith("warmup")})
