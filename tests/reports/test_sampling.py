from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.reports._sampling import gaps, min_max, pieces, thin

numbers = st.floats(-1e6, 1e6)
series = st.lists(st.one_of(numbers, st.just(float("nan"))), max_size=300)


@given(series, st.integers(1, 20))
def test_extremes_and_ends_are_kept(values: list[float], columns: int) -> None:
    y = np.array(values)
    chosen = min_max(np.arange(len(y), dtype=float), y, columns)
    finite = y[np.isfinite(y)]
    assert np.all(np.diff(chosen) > 0)
    assert np.all(np.isfinite(y[chosen]))
    assert len(chosen) <= 2 * columns + 4
    if len(finite):
        assert finite.min() in y[chosen]
        assert finite.max() in y[chosen]
        assert chosen[0] == np.flatnonzero(np.isfinite(y))[0]
        assert chosen[-1] == np.flatnonzero(np.isfinite(y))[-1]


def test_every_planted_spike_is_kept() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(0, 0.01, 200_000)
    spikes = np.arange(5_000, 200_000, 10_000)
    y[spikes] = 1.0
    assert set(spikes) <= set(min_max(np.arange(len(y), dtype=float), y, 480))


@given(series)
def test_curve_is_cut_exactly_where_a_value_between_is_not_finite(values: list[float]) -> None:
    y = np.array(values)
    index = min_max(np.arange(len(y), dtype=float), y, 8)
    cut = pieces(index, y)
    assert [i for piece in cut for i in piece] == list(index)
    for piece in cut:
        assert np.all(np.isfinite(y[piece[0] : piece[-1] + 1]))
    for one, other in pairwise(cut):
        assert not np.all(np.isfinite(y[one[-1] : other[0]]))


def test_gaps_are_stretches_of_values_that_are_not_finite() -> None:
    y = np.array([np.nan, 1, 2, np.inf, -np.inf, 3, np.nan])
    assert gaps(y) == [(0, 0), (3, 4), (6, 6)]
    assert gaps(np.array([1.0])) == []


@given(st.lists(numbers, min_size=1, max_size=200), st.floats(0.01, 10))
def test_thinned_polyline_stays_within_the_tolerance(values: list[float], tolerance: float) -> None:
    points = [(float(x), y) for x, y in enumerate(values)]
    kept = thin(points, tolerance)
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert set(kept) <= set(points)
    x, y = np.array(kept).T
    drawn = np.interp(np.arange(len(values)), x, y)
    assert np.all(np.abs(drawn - values) <= tolerance + 1e-6 * (1 + np.abs(values)))


def test_smooth_curve_needs_few_vertices() -> None:
    x = np.linspace(0, 1000, 2000)
    points = list(zip(x, 190 * np.cos(x / 1000 * np.pi / 2), strict=True))
    assert len(thin(points, 0.35)) < 40


def test_points_on_one_spot_are_kept() -> None:
    points = [(0.0, 0.0), (0.0, 9.0), (0.0, 1.0), (5.0, 5.0), (5.0, 5.0), (9.0, 9.0)]
    assert thin(points, 0.1)[:3] == points[:3]
