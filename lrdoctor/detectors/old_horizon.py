"""A cosine that climbs again because a resume brought back the length of the first launch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import governing_groups, largest_lr, length_text, real, x_units
from lrdoctor.detectors._resume import horizon
from lrdoctor.types import Case, Confidence, ParamGroup, Quantity, Restart, Role, Schedule, Severity
from lrdoctor.verdict import Evidence, Judgement

# A length from the configuration and a fitted one agree within this share.
_AGREE = 0.05


@dataclass(frozen=True, slots=True)
class OldHorizon:
    """Looks for a resumed run that passes the end of its cosine and follows it up again.

    ``load_state_dict`` restores ``T_max`` with all else, so that the longer one of a second launch
    is lost. Without a resume, or where the configuration itself gives that length, the cosine was
    too short from the start, which is another fault.
    """

    name: ClassVar[str] = "old_horizon"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"horizon", "risen", "lr_after", "run_left", "resumed_at", "planned"}
    )

    rise_share: float
    early_share: float
    floor_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding per run."""
        if not case.run.restarts:
            return
        for group in governing_groups(case):
            for schedule in group.schedules[:1]:
                found = self._judge(case, group, schedule)
                if found is not None:
                    yield found
                    return

    def _judge(self, case: Case, group: ParamGroup, schedule: Schedule) -> Evidence | None:
        named, length = schedule.named, horizon(schedule)
        if named is None or length is None or named.name != "cosine":
            return None
        values = named.parameters()
        meant = real(case.intent.arguments.get("T_max"))
        end = schedule.origin + length
        if values.get("clamp") or end >= case.last or _same(meant, real(values.get("T_max"))):
            return None
        later = group.schedules[1:]
        if later and not all(s.named == named and s.origin == schedule.origin for s in later):
            return None
        resume = self._resume(case, schedule.origin, length)
        if resume is None:
            return None
        after = group.lr.finite().between(end, case.last + 1)
        peak = largest_lr(group, case.first, end)
        if len(after) < 2 or float(after.value.max()) < self.rise_share * peak:
            return None
        return self._evidence(case, group, resume, (end, length), peak)

    def _resume(self, case: Case, origin: float, length: float) -> Restart | None:
        """The last resume up to the end; one right after the start changes no plan."""
        fitting = [
            r
            for r in case.run.restarts
            if self.early_share <= (r.step - origin) / length <= 1 + _AGREE
        ]
        return max(fitting, key=lambda r: r.step, default=None)

    def _evidence(
        self,
        case: Case,
        group: ParamGroup,
        resume: Restart,
        where: tuple[float, float],
        peak: float,
    ) -> Evidence:
        end, length = where
        lr = group.lr.finite()
        top = float(lr.between(end, case.last + 1).value.max())
        whole = float(lr.value[-1]) <= self.floor_share * peak
        measured = {
            "horizon": Quantity(length, x_units(case)),
            "risen": Quantity(100 * top / peak, "%"),
            "lr_after": Quantity(top, ""),
            "run_left": Quantity(100 * (case.last - end) / max(case.last - case.first, 1), "%"),
            "resumed_at": Quantity(float(resume.step), x_units(case)),
        }
        if case.total_steps is not None:
            measured["planned"] = Quantity(float(case.total_steps), x_units(case))
        at_end = resume.step >= (1 - _AGREE) * end
        return Evidence(
            start=int(end),
            stop=case.last + 1,
            tags=(group.lr.tag,),
            measured=measured,
            param_group=group.name,
            detail=_detail(case, resume, length, at_end, whole),
            revision="a configuration that asks for this length, or for a cyclic schedule",
            severity=Severity.INFO if whole else None,
            confidence=None if at_end and not whole else Confidence.MEDIUM,
        )


def _same(meant: float | None, fitted: float | None) -> bool:
    return meant is not None and fitted is not None and abs(meant - fitted) <= _AGREE * fitted


def _detail(case: Case, resume: Restart, length: float, at_end: bool, whole: bool) -> str:
    span = length_text(case, length)
    if at_end:
        text = (
            f"the resume came with the scheduler's old length of {span}, which load_state_dict "
            "restores over a new T_max"
        )
    else:
        text = (
            f"its length stayed {span} after the resume; either load_state_dict restored it over "
            "a new T_max, or it was too short from the start"
        )
    return text + ("; the run ends on the floor, though, as cycles do" if whole else "")
