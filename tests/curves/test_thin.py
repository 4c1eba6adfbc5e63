"""Thinning keeps what a reader looks for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.curves.thin import keep_extremes


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=0, max_size=400),
    st.integers(8, 64),
)
def test_extremes_ends_and_bound(values: list[float], most: int) -> None:
    value = np.array(values, dtype=float)
    kept = keep_extremes(value, most)
    assert len(kept) <= max(most, 8) + 2
    assert np.all(np.diff(kept) > 0)
    if len(value) == 0:
        return
    assert kept[0] == 0 and kept[-1] == len(value) - 1
    finite = value[np.isfinite(value)]
    if len(finite):
        assert finite.max() in value[kept]
        assert finite.min() in value[kept]
    if len(finite) < len(value):
        assert not np.isfinite(value[kept]).all()
