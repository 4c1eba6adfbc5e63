"""Shards: every path in exactly one; times as users give them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.errors import ConfigError
from lrdoctor.fleet.shards import Shard, parse_shard
from lrdoctor.fleet.when import duration, moment


@given(st.text(), st.integers(1, 30))
def test_every_path_is_in_one_shard(path: str, count: int) -> None:
    assert sum(Shard(i, count).holds(path) for i in range(1, count + 1)) == 1


def test_shards_are_of_a_size() -> None:
    sizes = [sum(Shard(i, 4).holds(f"run{n}") for n in range(4000)) for i in (1, 2, 3, 4)]
    assert sum(sizes) == 4000 and max(sizes) - min(sizes) < 200


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "-1/4", "1/4/2", ""])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(ConfigError, match="--shard"):
        parse_shard(text)


def test_moments() -> None:
    assert moment("36h", 1e6) == 1e6 - 36 * 3600
    assert moment("1970-01-02", 0) == 86400
    assert moment("1970-01-02T01:00+01:00", 0) == 86400
    with pytest.raises(ConfigError, match="2030"):
        moment("yesterday", 0)


def test_durations() -> None:
    shown = [duration(s) for s in (0, 59.6, 3600, 3660, 90061, 200)]
    assert shown == ["0 s", "1 min", "1 h", "1 h 1 min", "1 d 1 h", "3 min 20 s"]
