"""One fit for param groups that differ by a factor; the factor reaches every level."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.fit_groups import fit_groups
from lrdoctor.types import Series

STEPS = np.arange(500)
T = STEPS.astype(float)
CURVES = {
    "constant": np.full(500, 1e-3),
    "multistep": 0.1 * 0.1 ** (STEPS // 200),
    "exponential": 0.1 * 0.99**T,
    "linear": 1e-3 * np.minimum((T + 1) / 50, (500 - T) / 450),
    "cosine": 1e-5 + (1e-2 - 1e-5) * (1 + np.cos(np.pi * T / 500)) / 2,
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("factor", [1e-3, 0.1, 417.3])
def test_proportional_groups_share_a_fit(name: str, factor: float) -> None:
    base = CURVES[name]
    first, second = fit_groups([Series("a", STEPS, base), Series("b", STEPS, factor * base)])
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert (one.start, one.stop, one.origin) == (other.start, other.stop, other.origin)
        assert type(one.named) is type(other.named)
        np.testing.assert_allclose(other.lr(T), factor * one.lr(T), rtol=1e-6)


def test_groups_of_another_shape_are_fitted_themselves() -> None:
    cosine, line = CURVES["cosine"], 1e-3 * (1 - T / 500)
    first, second = fit_groups([Series("a", STEPS, cosine), Series("b", STEPS, line)])
    np.testing.assert_allclose(first[0].lr(T), cosine, atol=1e-6)
    np.testing.assert_allclose(second[0].lr(T), line, atol=1e-7)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_groups_without_a_ratio(value: float) -> None:
    odd = np.full(500, value)
    fits = fit_groups([Series("a", STEPS, CURVES["cosine"]), Series("b", STEPS, odd)])
    assert len(fits) == 2
    for schedule in fits[1]:
        assert np.all(schedule.lr(T) == 0.0)


def test_no_groups() -> None:
    assert fit_groups([]) == ()


@pytest.mark.parametrize("rates", [(1e-320, 0.1), (0.1, 1e300), (1e300, 1e-300)])
def test_groups_too_far_apart_for_floats(rates: tuple[float, float]) -> None:
    step = np.arange(100)
    ramp = np.minimum(step + 1.0, 20.0) / 20.0 * (1 - step / 120)
    groups = [Series(str(i), step, rate * ramp) for i, rate in enumerate(rates)]
    assert len(fit_groups(groups)) == 2
