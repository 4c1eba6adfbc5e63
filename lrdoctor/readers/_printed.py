"""How finely the numbers of a text log were printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

# Fewer distinct values than this may be short by chance (a constant 0.001, a step schedule).
_ENOUGH_DISTINCT = 10
# Longer numbers than this are floats printed in full.
_LONGEST_FIXED, _LONGEST_SIGNIFICANT = 8, 6


@dataclass
class Printed:
    """Collects the printed forms of one tag's numbers."""

    decimals: int = 0
    significant: int = 0
    padded: bool = False
    exponents: int = 0
    count: int = 0
    distinct: set[str] = field(default_factory=set)

    def update(self, texts: Iterable[str]) -> None:
        """Takes numbers as printed; the same text twice in one call counts once."""
        for text in set(texts):
            self._add(text)

    def _add(self, text: str) -> None:
        self.count += 1
        if len(self.distinct) < _ENOUGH_DISTINCT:
            self.distinct.add(text)
        mantissa, has_exponent, _ = text.lower().partition("e")
        whole, _, places = mantissa.partition(".")
        if has_exponent:
            self.exponents += 1
            self.significant = max(self.significant, len(places) + len(whole.lstrip("+-")))
        else:
            self.decimals = max(self.decimals, len(places))
        self.padded |= len(places) >= 2 and places.endswith("0")

    def resolution(self) -> str | None:
        """What the format keeps of a number, in words; None where it may keep all of it.

        A fixed format shows itself by trailing zeros, a rounded value by many that are all short.
        """
        if not (self.padded or len(self.distinct) >= _ENOUGH_DISTINCT):
            return None
        if 2 * self.exponents > self.count:
            if self.significant > _LONGEST_SIGNIFICANT:
                return None
            step = 10.0 ** (1 - self.significant)
            return (
                f"printed with {self.significant} significant digits, relative resolution {step:g}"
            )
        if self.decimals > _LONGEST_FIXED:
            return None
        return f"printed with {self.decimals} decimals, resolution {10.0**-self.decimals:g}"
