"""Numbers and messages as people read them."""

from __future__ import annotations

import math
import string
from collections.abc import Mapping

from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import ClockUnit, Quantity
from lrdoctor.verdict import Evidence

# Placeholders every message may use beside the detector's own measures.
COMMON_PLACEHOLDERS = frozenset({"start", "stop", "unit", "param_group", "detail"})
UNIT_NOUN = {ClockUnit.OPTIMIZER_STEP: "step", ClockUnit.BATCH: "batch", ClockUnit.EPOCH: "epoch"}


def number_text(value: float, digits: int = 4) -> str:
    """``digits`` significant digits; whole numbers in full with thousands separators."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e12:
        return f"{int(value):,}"
    if 1000 <= abs(value) < 1e12:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def units_text(unit: ClockUnit, count: float = 0) -> str:
    """What an x axis counts: "steps", "batches" or "epochs"; "step" for one of them."""
    noun = UNIT_NOUN[unit]
    return noun if count == 1 else {"batch": "batches"}.get(noun, f"{noun}s")


def quantity_text(quantity: Quantity) -> str:
    """The number with its unit ("0.5 epochs", "12 %"); a ratio has none."""
    text = number_text(quantity.value, digits=3 if quantity.unit == "%" else 4)
    return f"{text} {quantity.unit}" if quantity.unit else text


def placeholders(template: str) -> frozenset[str]:
    """Names a message template refers to. Raises ``ValueError`` for broken braces."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(template) if name)


def fill(template: str, evidence: Evidence, unit: ClockUnit) -> str:
    """The message of a rule with the evidence's numbers in place; ``unit`` is what steps count.

    A measure that this evidence lacks reads "unknown": one rule serves several mechanisms.
    """
    values: Mapping[str, str] = {
        "start": number_text(evidence.start),
        "stop": number_text(evidence.stop),
        "unit": UNIT_NOUN[unit],
        "param_group": evidence.param_group or "all param groups",
        "detail": evidence.detail,
        **{name: quantity_text(q) for name, q in evidence.measured.items()},
    }
    named = {name: values.get(name, "unknown") for name in placeholders(template)}
    return " ".join(template.format(**named).split())


def schedule_text(named: NamedSchedule | None) -> str:
    """A schedule as a call: ``cosine(lr=0.1, T_max=900, eta_min=0)``."""
    if named is None:
        return "no schedule known by name"
    return f"{named.name}({', '.join(f'{k}={_value(v)}' for k, v in named.parameters().items())})"


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
