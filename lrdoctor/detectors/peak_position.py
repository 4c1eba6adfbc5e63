"""A one-cycle schedule whose peak is not where it was meant to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import (
    governing_groups,
    percent,
    planned_length,
    real,
    typical_gap,
    x_units,
)
from lrdoctor.detectors._cycle import Cycle, observe_cycle
from lrdoctor.horizon import DEFAULT_PCT_START, Explanation, explain_ratio
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Confidence, ParamGroup, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

_HINT = (
    "the curve alone does not say where the peak was meant to be; "
    "give it, for example --expect pct_start=0.2 --expect epochs=90"
)


@dataclass(frozen=True, slots=True)
class PeakPosition:
    """Compares peak and horizon of the observed cycle with the configuration.

    A run that goes on is judged only by what is over: a peak that has passed, or one that is
    overdue. Without a configuration only a cycle that ends at 1/2, 1/3, 1/4 … of the run counts.
    """

    name: ClassVar[str] = "peak_position"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"peak", "expected_peak", "peak_share", "expected_share", "horizon", "planned", "ratio"}
        | {"peak_epoch", "expected_epoch", "pct_start", "lr_rise", "tail_share"}
    )

    position_tolerance: float
    horizon_tolerance: float
    tail_share: float
    fraction_tolerance: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding, for the first governing param group that cycles."""
        for group in governing_groups(case):
            cycle = observe_cycle(group, case.intent)
            if cycle is not None:
                judgement = self._judge(case, group, cycle)
                if judgement is not None:
                    yield judgement
                return

    def _judge(self, case: Case, group: ParamGroup, cycle: Cycle) -> Judgement | None:
        planned, pct = planned_length(case), _planned_pct(case)
        if pct is not None and planned is not None:
            return self._against_intent(case, group, cycle, pct, planned)
        if planned is not None and cycle.horizon is not None:
            return self._against_length(case, group, cycle, planned)
        if pct is not None and cycle.pct_start is not None:
            return self._against_share(case, group, cycle, pct)
        proven = self._by_curve_alone(case, group, cycle)
        return proven if proven is not None else Unjudged(_HINT)

    # ------------------------------------------------------------- peak and length were configured

    def _against_intent(
        self, case: Case, group: ParamGroup, cycle: Cycle, pct: float, planned: float
    ) -> Judgement | None:
        expected = pct * planned
        slack = self._slack(group, planned)
        if not cycle.peaked:
            # Just past its peak a cosine has hardly fallen; its largest LR is in the right place.
            overdue = (cycle.peak if cycle.rises else cycle.elapsed) > expected + slack
            return self._never(case, group, cycle, expected, planned) if overdue else None
        if abs(cycle.peak - expected) <= slack and not self._ends_early(cycle, planned):
            return None
        return self._evidence(case, group, cycle, expected, planned)

    def _ends_early(self, cycle: Cycle, planned: float) -> bool:
        """Whether the LR came to its end, and the run went on, well before the planned end."""
        if cycle.horizon is None or not cycle.complete:
            return False
        short = cycle.horizon < (1 - self.horizon_tolerance) * planned
        return short and cycle.elapsed - cycle.horizon >= self.tail_share * planned

    def _against_length(
        self, case: Case, group: ParamGroup, cycle: Cycle, planned: float
    ) -> Judgement | None:
        """The end was configured, the peak was not: a wrong horizon moves the peak with it."""
        assert cycle.horizon is not None
        if not cycle.peaked or not cycle.complete:
            return Unjudged(_HINT)
        # A log of epochs shows the length of a cycle to an epoch or so.
        slack = max(self.horizon_tolerance * planned, 1.5 * typical_gap(group.lr))
        if abs(cycle.horizon - planned) <= slack:
            return Unjudged(_HINT)
        expected = cycle.peak * planned / cycle.horizon
        return self._evidence(case, group, cycle, expected, planned)

    def _against_share(
        self, case: Case, group: ParamGroup, cycle: Cycle, pct: float
    ) -> Judgement | None:
        """The share was configured, the length is unknown: the fitted cycle is its own measure."""
        assert cycle.pct_start is not None and cycle.horizon is not None
        if not cycle.complete or abs(cycle.pct_start - pct) <= self.position_tolerance:
            return None
        return self._evidence(case, group, cycle, pct * cycle.horizon, cycle.horizon)

    def _by_curve_alone(self, case: Case, group: ParamGroup, cycle: Cycle) -> Evidence | None:
        """A cycle over after exactly 1/2, 1/3 … of the run, and nothing but its tail since."""
        if cycle.horizon is None or not cycle.complete or case.finished is False:
            return None
        times = cycle.elapsed / cycle.horizon
        if times < 1 + self.tail_share or round(times) < 2:
            return None
        if abs(times - round(times)) > self.fraction_tolerance * times:
            return None
        planned = cycle.horizon * round(times)
        return self._evidence(case, group, cycle, cycle.peak * times, planned)

    # ------------------------------------------------------------- evidence

    def _slack(self, group: ParamGroup, planned: float) -> float:
        return max(self.position_tolerance * planned, 1.5 * typical_gap(group.lr))

    def _never(
        self, case: Case, group: ParamGroup, cycle: Cycle, expected: float, planned: float
    ) -> Evidence:
        lr = group.lr.finite().value
        rise = float(lr.max() / lr[0]) if lr[0] > 0 else float("inf")
        reached = (
            f"{number_text(rise)} times its start" if lr[0] > 0 else number_text(float(lr.max()))
        )
        text = (
            f"at the planned peak it still rises, to {reached} by the end: "
            f"the schedule counts more {x_units(case)} than the run takes"
        )
        facts = {"lr_rise": Quantity(rise, "")}
        explanation = "look for a schedule per step that is advanced once an epoch"
        if cycle.horizon is not None:
            facts["horizon"] = Quantity(cycle.horizon, x_units(case))
            explanation = _first(explain_ratio(cycle.horizon, planned, case.intent)) or explanation
        return self._built(
            case, group, cycle, expected, planned,
            detail=f"{text}; {explanation}", facts=facts, severity=Severity.ERROR,
        )  # fmt: skip

    def _evidence(
        self, case: Case, group: ParamGroup, cycle: Cycle, expected: float, planned: float
    ) -> Evidence:
        reasons, facts = self._reasons(case, cycle, expected, planned)
        severity = None
        if cycle.horizon is not None and self._ends_early(cycle, planned):
            left = 100 * (cycle.elapsed - cycle.horizon) / cycle.elapsed
            facts["tail_share"] = Quantity(left, "%")
            reasons.append(f"the last {percent(left)} of the run train at the final LR")
            severity = Severity.ERROR
        return self._built(
            case, group, cycle, expected, planned,
            detail="; ".join(reasons), facts=facts, severity=severity,
        )  # fmt: skip

    def _reasons(
        self, case: Case, cycle: Cycle, expected: float, planned: float
    ) -> tuple[list[str], dict[str, Quantity]]:
        """What moved the peak: the length, the share, or, where no end was seen, their product."""
        facts: dict[str, Quantity] = {}
        if cycle.horizon is None:
            reason = _first(explain_ratio(cycle.peak, expected, case.intent, peak=True))
            return [reason or "the curve shows no end of the cycle that would tell why"], facts
        reasons = []
        if abs(cycle.horizon - planned) > self.horizon_tolerance * planned:
            facts["horizon"] = Quantity(cycle.horizon, x_units(case))
            facts["ratio"] = Quantity(planned / cycle.horizon, "")
            lasts = (
                f"{number_text(cycle.horizon)} of {number_text(planned)} planned {x_units(case)}"
            )
            text = f"the schedule lasts {lasts}"
            reason = _first(explain_ratio(cycle.horizon, planned, case.intent))
            reasons.append(f"{text}: {reason}" if reason else text)
        pct = _planned_pct(case)
        share = cycle.pct_start
        if pct is not None and share is not None and abs(share - pct) > self.position_tolerance:
            facts["pct_start"] = Quantity(share, "")
            reasons.append(_share_text(share, pct))
        return reasons or ["the peak is misplaced within a cycle of the right length"], facts

    def _built(
        self,
        case: Case,
        group: ParamGroup,
        cycle: Cycle,
        expected: float,
        planned: float,
        *,
        detail: str,
        facts: dict[str, Quantity],
        severity: Severity | None,
    ) -> Evidence:
        start, stop = sorted((cycle.origin + cycle.peak, cycle.origin + expected))
        measured = {
            "peak": Quantity(cycle.origin + cycle.peak, ""),
            "expected_peak": Quantity(cycle.origin + expected, ""),
            "peak_share": Quantity(100 * cycle.peak / planned, "%"),
            "expected_share": Quantity(100 * expected / planned, "%"),
            "planned": Quantity(planned, x_units(case)),
        }
        per_epoch = case.clock.steps_per_epoch
        if per_epoch:
            measured["peak_epoch"] = Quantity(cycle.peak / per_epoch, "epochs")
            measured["expected_epoch"] = Quantity(expected / per_epoch, "epochs")
        return Evidence(
            start=int(start),
            stop=int(stop) + 1,
            tags=(group.lr.tag,),
            measured=measured | facts,
            param_group=group.name,
            detail=detail,
            revision="a configuration that puts the peak where the log shows it",
            severity=severity,
            confidence=Confidence.HIGH if _planned_pct(case) is not None else None,
        )


def _planned_pct(case: Case) -> float | None:
    share = real(case.intent.arguments.get("pct_start"))
    return share if share is not None and 0 < share < 1 else None


def _first(explanations: tuple[Explanation, ...]) -> str:
    return explanations[0].text if explanations else ""


def _share_text(share: float, meant: float) -> str:
    default = ", torch's default," if abs(share - DEFAULT_PCT_START) < 0.01 else ""
    seen = number_text(round(share, 3))
    return f"the curve has pct_start = {seen}{default} where {number_text(meant)} was meant"
