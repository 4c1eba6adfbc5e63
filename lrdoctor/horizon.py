"""Horizon arithmetic: why a schedule is p/q as long as meant, and how long it ought to be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from lrdoctor.errors import ConfigError
from lrdoctor.types import Intent

# torch's OneCycleLR default, the value most often left in code beside a configured one.
DEFAULT_PCT_START = 0.3
# A ratio of two fitted positions is good to the logging interval, about this share of a horizon.
_TOLERANCE = 0.01
# Ratios this near 1 are the rounding of batches per epoch, not a factor.
_ROUNDING = 0.01
_MOST_CAUSES = 3
# Factors that nobody configured are suspected only where they are powers of two: devices and
# accumulation steps are, mostly.
_GUESSES = (2, 4, 8, 16)
_GUESS_COST = 1.5
_BARE_COST = 5.0


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a position lies at ``ratio`` times the expected one, best explanations first.

    ``assumptions`` are what must be true beside the configuration; ``error`` is the relative
    distance of the observed ratio from ``ratio``.
    """

    ratio: Fraction
    text: str
    assumptions: tuple[str, ...]
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class _Cause:
    ratio: Fraction
    text: str
    cost: float
    assumption: str = ""
    topic: str = ""


def explain_ratio(
    fitted: float,
    expected: float,
    intent: Intent,
    *,
    peak: bool = False,
    tolerance: float = _TOLERANCE,
) -> tuple[Explanation, ...]:
    """Explanations of ``fitted / expected``, the fewest and most certain assumptions first.

    Both are lengths of a schedule in one unit, or with ``peak`` positions of its largest LR, where
    ``pct_start`` counts too; ``tolerance`` is the relative error of the ratio. Empty where the
    ratio is 1 or has no simple explanation.
    """
    if not (math.isfinite(fitted) and math.isfinite(expected) and fitted > 0 and expected > 0):
        return ()
    ratio = fitted / expected
    if abs(ratio - 1) < _ROUNDING:
        return _roundings(ratio, intent)
    rows = _rows(ratio, _causes(intent, peak=peak), tolerance)
    found = [(sum(c.cost for c in row), row) for row in rows]
    ranked = sorted(found, key=lambda item: (item[0], abs(_product(item[1]) / ratio - 1)))
    explained = [_explanation(row, ratio) for _, row in ranked]
    shifted = list(_shifts(fitted, expected, intent))
    bare = _bare(ratio, expected) if explained and not shifted else []
    return tuple(_distinct([*explained, *shifted, *bare]))


def _causes(intent: Intent, *, peak: bool) -> list[_Cause]:
    """Single mistakes with the factor each puts on a horizon."""
    causes = [*_accumulation(intent.accumulation), *_devices(intent.devices)]
    if intent.accumulation is None or intent.devices is None:
        causes += [_guess(n) for n in _GUESSES]
        causes += [_guess(n, longer=True) for n in _GUESSES]
    meant = intent.arguments.get("pct_start")
    if peak and isinstance(meant, int | float) and 0 < meant < 1:
        share = Fraction(DEFAULT_PCT_START / meant).limit_denominator(100)
        text = f"pct_start is torch's default {DEFAULT_PCT_START:g} instead of {meant:g}"
        assumption = f"pct_start = {DEFAULT_PCT_START:g} is hard-coded"
        causes.append(_Cause(share, text, 1.0, assumption, "pct_start"))
    return [c for c in causes if c.ratio != 1]


def _accumulation(steps: int | None) -> Iterator[_Cause]:
    if steps is None or steps < 2:
        return
    topic = "accumulation"
    yield _Cause(
        Fraction(1, steps),
        f"gradient accumulation of {steps} was divided out twice in the total number of steps, "
        "or the scheduler is stepped at every micro-batch",
        1.0,
        topic=topic,
    )
    yield _Cause(
        Fraction(steps),
        f"gradient accumulation of {steps} was not divided out of the total number of steps",
        1.0,
        topic=topic,
    )


def _devices(count: int | None) -> Iterator[_Cause]:
    if count is None or count < 2:
        return
    yield _Cause(
        Fraction(1, count),
        f"the scheduler is stepped once per process, {count} times per optimizer step, "
        f"or the steps were divided by {count} devices twice",
        1.1,
        topic="devices",
    )
    yield _Cause(
        Fraction(count),
        f"the steps were counted over the whole data set, not one device's share of {count}",
        1.1,
        topic="devices",
    )


def _guess(factor: int, *, longer: bool = False) -> _Cause:
    ratio = Fraction(factor) if longer else Fraction(1, factor)
    which = (
        "was not divided out" if longer else "was divided out twice, or the scheduler is stepped"
    )
    tail = "" if longer else f" {factor} times per optimizer step"
    return _Cause(
        ratio,
        f"a factor of {factor} (devices or gradient accumulation) {which}{tail}",
        1.0 + _GUESS_COST,
        f"{factor} devices or accumulation steps, which the configuration does not mention",
        "guess",
    )


def _rows(ratio: float, causes: Sequence[_Cause], tolerance: float) -> Iterator[tuple[_Cause, ...]]:
    """Sets of causes of different topics whose factors multiply to the ratio."""
    for count in range(1, _MOST_CAUSES + 1):
        for row in combinations(causes, count):
            close = abs(float(_product(row)) / ratio - 1.0) <= tolerance
            if close and len({c.topic for c in row}) == count:
                yield row


def _product(row: Sequence[_Cause]) -> Fraction:
    return math.prod((c.ratio for c in row), start=Fraction(1))


def _explanation(row: Sequence[_Cause], ratio: float) -> Explanation:
    product = _product(row)
    text = "; and ".join(c.text for c in row)
    assumptions = tuple(c.assumption or c.text for c in row)
    return Explanation(product, text, assumptions, abs(float(product) / ratio - 1))


def _shifts(fitted: float, expected: float, intent: Intent) -> Iterator[Explanation]:
    """A warm-up that was added to the horizon or not taken off it; another number of epochs."""
    warmup = intent.arguments.get("warmup")
    if isinstance(warmup, int | float) and warmup > 0:
        for sign, text in ((-1, "the horizon leaves out"), (1, "the horizon does not leave out")):
            if abs(fitted - expected - sign * warmup) <= 0.002 * expected:
                ratio = Fraction(fitted / expected).limit_denominator(1000)
                yield Explanation(ratio, f"{text} the warm-up of {warmup:g}", (text,))
    if intent.epochs and intent.total_steps:
        epochs = fitted / expected * intent.epochs
        if epochs >= 1 and abs(epochs - round(epochs)) < 0.02 and round(epochs) % 5 == 0:
            ratio = Fraction(round(epochs)) / Fraction(intent.epochs).limit_denominator(1000)
            text = f"the schedule was made for {round(epochs)} epochs, not {intent.epochs:g}"
            yield Explanation(ratio, text, (text,), abs(float(ratio) * expected / fitted - 1))


def _bare(ratio: float, expected: float) -> list[Explanation]:
    """The plain fraction as one unnamed cause: possible, but it says nothing by itself."""
    simple = Fraction(ratio).limit_denominator(8)
    if simple == 0 or simple.numerator == 1 or abs(float(simple) / ratio - 1) > _TOLERANCE:
        return []
    text = (
        f"{simple}: one factor of {simple} on {expected:g}, of which nothing configured is a part"
    )
    assumption = f"a factor of {simple} from outside the configuration"
    return [Explanation(simple, text, (assumption,), abs(float(simple) / ratio - 1))]


def _roundings(ratio: float, intent: Intent) -> tuple[Explanation, ...]:
    """Batches per epoch rounded down in one place and up in the other."""
    if intent.dataset_size is None or intent.batch_size is None or intent.batch_size < 1:
        return ()
    length = plan(
        intent.dataset_size,
        intent.batch_size,
        accumulation=intent.accumulation or 1,
        devices=intent.devices or 1,
    )
    down, up = length.drop_last.steps_per_epoch, length.keep_last.steps_per_epoch
    for ours, theirs, text in ((down, up, "dropped"), (up, down, "kept")):
        if ours and theirs and ours != theirs and abs(ours / theirs / ratio - 1) < 1e-5:
            reason = f"the last incomplete batch was {text} when the steps were counted"
            share = Fraction(ours, theirs)
            return (Explanation(share, reason, (reason,), abs(float(share) / ratio - 1)),)
    return ()


def _distinct(explanations: Sequence[Explanation]) -> Iterator[Explanation]:
    seen: set[str] = set()
    for explanation in explanations:
        if explanation.text not in seen:
            seen.add(explanation.text)
            yield explanation


# ---------------------------------------------------------------------------- key points


@dataclass(frozen=True, slots=True)
class Counts:
    """Lengths with one way of rounding; ``peak_step`` is torch's OneCycle index pct * total - 1."""

    samples_per_device: int
    batches_per_epoch: int
    steps_per_epoch: int
    total_steps: int
    peak_step: float | None
    peak_epoch: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Key points with the last incomplete batch dropped (floor) and kept (ceil)."""

    drop_last: Counts
    keep_last: Counts


def plan(
    dataset: int,
    batch: int,
    *,
    accumulation: int = 1,
    devices: int = 1,
    epochs: float = 1,
    pct_start: float | None = None,
) -> Plan:
    """Optimizer steps of a training on ``dataset`` samples with ``batch`` samples per device.

    Kept: torch's DistributedSampler pads to equal shares, the loader and the accumulation keep
    their last incomplete batch. Dropped: all three round down. Raises ``ConfigError`` for counts
    below 1.
    """
    for name, value in {
        "dataset": dataset, "batch": batch, "accumulation": accumulation,
        "devices": devices, "epochs": epochs,
    }.items():  # fmt: skip
        if not value > 0:
            raise ConfigError(f"{name} must be positive, got {value!r}")
    down = _counts(dataset // devices, batch, accumulation, epochs, pct_start, up=False)
    up = _counts(-(-dataset // devices), batch, accumulation, epochs, pct_start, up=True)
    return Plan(down, up)


def _counts(
    samples: int, batch: int, accumulation: int, epochs: float, pct: float | None, *, up: bool
) -> Counts:
    batches = -(-samples // batch) if up else samples // batch
    steps = -(-batches // accumulation) if up else batches // accumulation
    total = round(steps * epochs)
    peak = None if pct is None else pct * total - 1.0
    epoch = None if peak is None or not steps else peak / steps
    return Counts(samples, batches, steps, total, peak, epoch)
