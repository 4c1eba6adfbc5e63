"""How finely an LR series was stored: float64, float32, or rounded to decimals by a text log."""

from __future__ import annotations

import numpy as np

from lrdoctor.types import Array

# Values looked at, evenly over the sorted distinct ones; more would not change the verdict.
_SAMPLE = 200
# A few short numbers prove nothing.
_FEWEST_DISTINCT = 4
# One or two digits are what people type.
_FEWEST_DIGITS = 3
_MANY = 8
_FILLED = 5
# A curve rounded to fixed places shows its last place in 9 of 10 values.
_FULL_LENGTH_SHARE = 0.6
# Longer decimals than this are a float in disguise, not a text format.
_LONGEST_ROUNDING = 7
# A float32 has a relative spacing of 1.2e-7; schedulers that compute in it lose as much again.
_FLOAT32 = 1.2e-7
# Recursive float64 schedulers drift by some 1e-13 per thousand steps.
_FLOAT64 = 1e-9

# Least squares cannot hold tiny values to their own last digit beside large ones.
_FLOOR = 0.01


def tolerance(resolution: Array) -> Array:
    """How near a fit must come to each value, ``float64[n]``, from their resolution."""
    return np.asarray(np.maximum(resolution, _FLOOR * resolution.max(initial=0.0)))


def resolution(values: Array, *, typed: bool = False) -> Array:
    """How far each of ``values: float64[n]`` may lie from the true LR, ``float64[n]``, above 0.

    With ``typed`` short decimals are taken to be exact, not rounded.
    """
    size = np.abs(values)
    largest = float(size.max(initial=0.0)) or 1.0
    distinct = np.unique(size[size > 0])
    sample = (
        distinct[np.linspace(0, len(distinct) - 1, _SAMPLE).astype(int)]
        if len(distinct)
        else distinct
    )
    sample = np.unique(sample)
    single = bool(np.all(sample.astype(np.float32) == sample))
    few = typed or len(sample) < _FEWEST_DISTINCT
    rounded = None if few else _rounding(sample, size, single)
    relative = _FLOAT32 if single else _FLOAT64
    fine = relative * size if rounded is None else rounded + _FLOAT32 * size
    smallest = float(fine[fine > 0].min(initial=relative * largest))
    return np.asarray(np.where(fine > 0, fine, smallest))


def _rounding(sample: Array, size: Array, single: bool) -> Array | None:
    """Half the last decimal place of each value where the values are rounded decimals."""
    digits, exponents = _decimals(sample, single)
    longest = int(digits.max())
    places = digits - 1 - exponents
    finest = int(places.max())
    fixed = bool(np.mean(places == finest) >= _FULL_LENGTH_SHARE)
    many = (fixed and len(sample) >= _MANY) or _in_a_row(sample, finest)
    believed = longest >= _FEWEST_DIGITS or (longest == 2 and many)
    if not believed or longest > _LONGEST_ROUNDING:
        return None
    shown = np.where(size > 0, size, sample.min())
    decade = np.floor(np.log10(shown) + 1e-9)
    by_digits = 0.5 * 10.0 ** (decade - longest + 1)
    by_places = np.full_like(size, 0.5 * 10.0**-finest)
    # In fixed places small values have no finer ones than the largest decade that is well filled.
    decades, counts = np.unique(exponents, return_counts=True)
    filled = decades[counts >= _FILLED]
    if not len(filled):  # too few to tell
        return np.asarray(np.maximum(by_places, by_digits))
    return by_places if int(places[exponents == filled.max()].max()) >= finest else by_digits


def _in_a_row(sample: Array, places: int) -> bool:
    """Whether the distinct values are neighbours in the last place, which nobody chooses."""
    units = np.round(sample * 10.0**places)
    return len(sample) > _FEWEST_DISTINCT and bool(np.all(np.diff(units) == 1))


def _decimals(values: Array, single: bool) -> tuple[Array, Array]:
    """Number of significant decimal digits and decimal exponent of each value."""
    kind = np.float32 if single else np.float64
    digits, exponents = [], []
    for value in values.astype(kind):
        mantissa, exponent = np.format_float_scientific(value, unique=True, trim="-").split("e")
        digits.append(len(mantissa.replace(".", "")))
        exponents.append(int(exponent))
    return np.array(digits, dtype=float), np.array(exponents, dtype=float)
