"""The round numbers people type: the roundest one in an interval, the nearest short decimal."""

from __future__ import annotations

import math
from collections.abc import Iterator


def roundest(low: float, high: float) -> float:
    """The roundest number in ``(low, high]``: a multiple of the largest 1, 2 or 5 times 10^k.

    ``high`` itself where the interval is empty.
    """
    if not high > low:
        return high
    top = math.floor(math.log10(max(abs(low), abs(high), 1e-12))) + 1
    for power in range(top, top - 13, -1):
        for factor in (10, 5, 2):
            unit = factor * 10.0 ** (power - 1)
            multiple = math.floor(high / unit + 1e-9) * unit
            if multiple > low:
                return float(f"{multiple:.12g}")
    return high


def short_decimals(value: float, most: int = 6) -> Iterator[float]:
    """``value`` rounded to 1, 2 … ``most`` significant digits."""
    if value == 0 or not math.isfinite(value):
        return
    for digits in range(1, most + 1):
        yield float(f"{value:.{digits - 1}e}")


def further_digits(value: float) -> int:
    """Significant decimal digits after the first, at most 7."""
    mantissa = f"{value:.7e}".split("e")[0].rstrip("0")
    return max(len(mantissa.replace("-", "").replace(".", "")) - 1, 0)
