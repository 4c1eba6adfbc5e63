"""A decay that ends at 1/N of the run: a factor that was counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from lrdoctor.detectors._context import (
    planned_length,
    real,
    steps_per_epoch,
    typical_gap,
    x_units,
)
from lrdoctor.detectors._decays import STILL, Decay, decay_of, loss_around, rests_at_end
from lrdoctor.horizon import explain_ratio
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ClockUnit, Confidence, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# Devices and accumulation steps that nobody configured are suspected to be one of these.
_GUESSES = (2, 3, 4, 8, 16)
# A warm-up is the configured one over N when it is so within this share.
_WARMUP_ERROR = 0.05
# Settings that give the length of a decay, and how near one is to a length it gives.
_LENGTHS = ("T_max", "total_steps", "decay_steps", "decay_epochs", "lr_decay_iters")
_SAME = 0.02

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class HorizonFactor:
    """Compares the end of the decay with the planned length, or with the log where none is known.

    Signs beside the whole ratio: the factor is a configured number of devices or accumulation
    steps, the warm-up is short by it too, the loss fell until the LR was gone. A floor above
    ``floor_ratio`` of the peak is an end on purpose.
    """

    name: ClassVar[str] = "horizon_factor"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"factor", "horizon", "planned", "run_left", "lr_share", "warmup", "expected_warmup"}
        | {"loss_fall", "epochs"}
    )

    floor_ratio: float
    tail_share: float
    ratio_tolerance: float
    chance: float
    stopped_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: all param groups share one scheduler."""
        if case.intent.scheduler == "onecycle":
            return  # its horizon is judged together with its peak
        decay = decay_of(case)
        if decay is None or decay.floor > self.floor_ratio * decay.peak:
            return
        if _asked_for(case, decay):
            return  # no factor crept in: the configuration has this length
        planned = planned_length(case)
        least, total = _logged(case, decay) if planned is None else (planned, planned)
        if not least > 0 or not rests_at_end(decay, self.tail_share * total):
            return
        if planned is None and case.finished is False:
            return
        lengths = self._lengths(case, decay)
        factor = self._factor(case, (least, total), lengths)
        if factor is None:
            return
        width = sum(high - low for low, high in lengths) + (total - least) / factor
        if factor * width / total > self.chance and factor not in _configured(case):
            yield Unjudged(
                f"the decay ends at about 1/{factor} of the run, but the LR is logged too rarely "
                "to tell that share from another; log it at every optimizer step, or give the "
                "devices and accumulation steps"
            )
            return
        likely = min(max(factor * decay.length, least), total)
        yield self._evidence(case, decay, factor, likely, planned is not None)

    def _lengths(self, case: Case, decay: Decay) -> list[Range]:
        """Shortest and longest length of the schedule: a log may count from 1, or begin late.

        Where the first epoch hides the warm-up, its LR is that of the epoch's start or of its end:
        two lengths, and none between them.
        """
        lr = decay.group.lr.finite()
        counted = 1.0 if lr.step[0] > 0 and decay.origin < lr.step[0] else 0.0
        missed = min(typical_gap(lr), float(lr.step[0])) if decay.origin > 0 else 0.0
        ranges = [(decay.length - counted, decay.length + missed)]
        if case.clock.unit is ClockUnit.EPOCH and 0 < decay.warmup < 1 and lr.step[0] == 0:
            ranges.append((decay.length + 1, decay.length + 1))
        low, high = 1 - self.ratio_tolerance, 1 + self.ratio_tolerance
        return [(shortest * low, longest * high) for shortest, longest in ranges]

    def _factor(self, case: Case, total: Range, lengths: list[Range]) -> int | None:
        """The likeliest N with total / N among the lengths; configured ones first."""
        least, most = total
        return next(
            (
                n
                for n in (*_configured(case), *_GUESSES)
                if n > 1 and any(low <= most / n and least / n <= high for low, high in lengths)
            ),
            None,
        )

    def _evidence(
        self, case: Case, decay: Decay, factor: int, total: float, planned: bool
    ) -> Evidence:
        lr, units = decay.group.lr.finite(), x_units(case)
        last = float(lr.step[-1])
        left = 100 * (last - decay.end) / (last - float(lr.step[0]))
        horizon = total / factor
        measured = {
            "factor": Quantity(float(factor), ""),
            "horizon": Quantity(horizon, units),
            "planned": Quantity(total, units),
            "run_left": Quantity(left, "%"),
            "lr_share": Quantity(100 * float(lr.value[-1]) / decay.peak, "%"),
        }
        reasons, more = _reasons(case, factor, planned)
        warmup = _expected_warmup(case)
        signs = int(factor in _configured(case))
        if warmup and abs(decay.warmup * factor - warmup) <= max(
            _WARMUP_ERROR * warmup, factor * min(typical_gap(lr), 1.0)
        ):
            signs += 1
            measured["warmup"] = Quantity(decay.warmup, units)
            measured["expected_warmup"] = Quantity(warmup, units)
            reasons.append(
                f"the warm-up is short by the same factor, {number_text(decay.warmup)} of "
                f"{number_text(warmup)} {units}"
            )
        trend, frozen = loss_around(case, decay.begin, decay.end, decay.end)
        if frozen and trend is not None:
            measured["loss_fall"] = Quantity(trend.fall, "")
            reasons.append(
                f"the loss fell by {number_text(trend.fall)} in the second half of the decay and "
                "has hardly moved since"
            )
        gone = decay.floor <= STILL * decay.peak
        stopped = trend is not None and not trend.fall_high > self.stopped_share * abs(trend.level)
        return Evidence(
            start=int(decay.end),
            stop=int(last) + 1,
            tags=(decay.group.lr.tag,),
            measured=measured | more,
            param_group=decay.group.name,
            detail="; ".join(reasons),
            revision="a configuration that asks for a decay of this length",
            severity=_weight(planned, signs, frozen, gone, stopped),
            confidence=Confidence.HIGH if planned and signs else None,
        )


def _weight(planned: bool, signs: int, frozen: bool, gone: bool, stopped: bool) -> Severity:
    """An error where the length is known and the rest of the run trains nothing; a note where
    only the ratio speaks, or where the loss had stopped falling anyway."""
    if (planned or signs) and (frozen or gone):
        return Severity.ERROR
    if stopped and not signs:
        return Severity.INFO
    return Severity.WARNING if planned or signs or frozen or gone else Severity.INFO


def _logged(case: Case, decay: Decay) -> Range:
    """Shortest and longest run, from time 0 of the schedule: up to the last step in the log, or to
    the step before the LR would have been logged again."""
    gap = typical_gap(decay.group.lr.finite())
    length = float(case.last) - decay.origin
    return (length + gap if gap <= 1 else length), length + gap


def _asked_for(case: Case, decay: Decay) -> bool:
    """Whether a configured length, in steps or in epochs, is that of the decay."""
    given = (real(case.intent.arguments.get(name)) for name in _LENGTHS)
    lengths = {decay.length, decay.end - decay.begin}
    units = {1.0, steps_per_epoch(case) or 1.0}
    return any(
        abs(number * unit - length) <= _SAME * length
        for number in given
        if number
        for unit in units
        for length in lengths
    )


def _configured(case: Case) -> tuple[int, ...]:
    """Factors that the configuration has: devices, accumulation steps and both."""
    devices, steps = case.intent.devices or 1, case.intent.accumulation or 1
    return tuple(n for n in dict.fromkeys((devices, steps, devices * steps)) if n > 1)


def _expected_warmup(case: Case) -> float | None:
    """The configured warm-up in x units; None where it is unknown."""
    arguments, per_epoch = case.intent.arguments, steps_per_epoch(case)
    steps, epochs = (real(arguments.get(f"warmup_{unit}")) for unit in ("steps", "epochs"))
    share, planned = real(arguments.get("warmup_ratio")), planned_length(case)
    if steps and case.clock.unit is not ClockUnit.EPOCH:
        return steps
    if epochs and per_epoch:
        return epochs * per_epoch
    return share * planned if share and planned else None


def _reasons(case: Case, factor: int, planned: bool) -> tuple[list[str], dict[str, Quantity]]:
    """What may have put the factor there, the configured causes first."""
    known = factor in _configured(case)
    facts: dict[str, Quantity] = {}
    causes = explain_ratio(1.0, float(factor), case.intent)
    fitting = [c.text for c in causes if c.ratio == Fraction(1, factor)]
    reasons = [
        fitting[0]
        if fitting
        else f"devices or accumulation steps, {factor} of them, were divided out twice"
    ]
    epochs = case.intent.epochs
    if not known and epochs and (epochs / factor).is_integer():
        facts["epochs"] = Quantity(epochs / factor, "epochs")
        reasons.append(f"or the schedule was made for {number_text(epochs / factor)} epochs")
    if not planned:
        reasons.append(
            f"the planned length is not known, only that the log is {factor} times as long"
        )
    return reasons, facts
