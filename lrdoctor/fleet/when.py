"""Points in time as a user gives them: a date, or so long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from lrdoctor.errors import ConfigError

_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def moment(text: str, now: float) -> float:
    """``"36h"``, ``"7d"``, ``"2w"`` before ``now``, or an ISO date or time (UTC unless it says
    otherwise), in Unix seconds. Raises ``ConfigError``.

    >>> moment("1d", 100_000.0)
    13600.0
    """
    ago = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhdw])", text.strip())
    if ago:
        return now - float(ago[1]) * _SECONDS[ago[2]]
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError:
        reason = f"{text!r} is no time; give 36h, 7d, 2w or a date such as 2030-01-31"
        raise ConfigError(reason) from None
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()


def shown(moment: float | None) -> str:
    """A Unix time as local date and time, "-" where there is none."""
    if moment is None:
        return "-"
    return datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """Seconds in the two units that matter: "45 s", "3 min 20 s", "5 h 12 min", "3 d 4 h"."""
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    left = max(0, round(seconds))
    for place, (name, size) in enumerate(units):
        if left >= size or name == "s":
            count, rest = divmod(left, size)
            if place + 1 == len(units) or not rest // units[place + 1][1]:
                return f"{count} {name}"
            return f"{count} {name} {rest // units[place + 1][1]} {units[place + 1][0]}"
    raise AssertionError
