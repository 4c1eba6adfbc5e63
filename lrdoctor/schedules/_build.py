"""A named schedule from its canonical parameters, as JSON reports and configurations spell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrdoctor.errors import ConfigError
from lrdoctor.plugins import discover
from lrdoctor.protocols import NamedSchedule
from lrdoctor.schedules._canonical import fields_from


def from_parameters(name: str, parameters: Mapping[str, Any]) -> NamedSchedule:
    """The schedule called ``name`` ("onecycle") with canonical parameters ("max_lr", "warmup" …).

    Raises ``ConfigError`` for an unknown name or parameter (it lists the valid ones), a missing
    parameter and a value out of range.
    """
    known = discover("schedules")
    if name not in known:
        raise ConfigError(f"unknown schedule {name!r}; valid: {', '.join(known)}")
    schedule: NamedSchedule = known[name](**fields_from(known[name], parameters))
    return schedule
