from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.summary.writer.record_writer import RecordWriter

from lrdoctor.readers._tfrecord import (
    HEADER,
    OVERHEAD,
    FrameWalker,
    header_size,
    next_header,
    record,
)

LIMIT = 1000


class Kept:
    """What tensorboard's record writer wrote."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


def framed(sizes: list[int]) -> tuple[np.ndarray, int]:
    """Records of these sizes, followed by other bytes; and where they end."""
    data = b"".join(record(bytes([i % 251]) * size) for i, size in enumerate(sizes))
    return np.frombuffer(data + b"\xff" * 64, np.uint8), len(data)


def places(sizes: list[int]) -> list[int]:
    return (np.cumsum([0, *(s + OVERHEAD for s in sizes)])[:-1]).tolist()


@pytest.mark.parametrize("payload", [b"", b"a", b"abc" * 100])
def test_record_is_what_tensorboard_writes(payload: bytes) -> None:
    kept = Kept()
    RecordWriter(kept).write(payload)
    assert record(payload) == kept.data
    assert header_size(kept.data) == len(payload)


@pytest.mark.parametrize("at", range(HEADER))
def test_header_with_a_wrong_byte_is_none(at: int) -> None:
    header = bytearray(record(b"abc")[:HEADER])
    header[at] ^= 1
    assert header_size(bytes(header)) is None
    assert header_size(bytes(header[:11])) is None


parts = st.tuples(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(1, 120))


@settings(max_examples=60, deadline=None)
@given(st.lists(parts, max_size=5), st.integers(0, 60))
def test_walks_patterns_and_breaks(pieces: list[tuple[list[int], int]], cut: int) -> None:
    sizes = [size for pattern, times in pieces for size in pattern * times]
    data, end = framed(sizes)
    stop = max(end - cut, 0)
    frames = FrameWalker(LIMIT).walk(data, 0, stop)
    whole = [p for p, s in zip(places(sizes), sizes, strict=True) if p + s + OVERHEAD <= stop]
    assert frames.at.tolist() == whole
    assert frames.size.tolist() == sizes[: len(whole)]
    assert frames.stop == (whole[-1] + sizes[len(whole) - 1] + OVERHEAD if whole else 0)


@pytest.mark.parametrize("period", [1, 5, 700])
def test_long_pattern_in_windows(period: int) -> None:
    sizes = (np.random.default_rng(0).integers(5, 9, period).tolist() * 9000)[:9000]
    data, end = framed(sizes)
    walker, at, found = FrameWalker(LIMIT), 0, []
    for stop in (*range(1000, end, 50_000), end):
        frames = walker.walk(data, at, stop)
        found += frames.at.tolist()
        at = frames.stop
    assert found == places(sizes)


@pytest.mark.parametrize("broken", [3, 500, 2999])
def test_stops_at_a_wrong_header(broken: int) -> None:
    sizes = [10, 12] * 1500
    data, end = framed(sizes)
    data = data.copy()
    data[places(sizes)[broken] + 9] ^= 4
    frames = FrameWalker(LIMIT).walk(data, 0, end)
    assert len(frames.at) == broken and frames.stop == places(sizes)[broken]


def test_stops_at_a_large_record() -> None:
    sizes = [10] * 300 + [LIMIT + 1] + [10] * 5
    data, end = framed(sizes)
    assert FrameWalker(LIMIT).walk(data, 0, end).stop == places(sizes)[300]


def test_forgets_no_header_but_the_pattern() -> None:
    walker = FrameWalker(LIMIT)
    data, end = framed([10] * 300)
    walker.walk(data, 0, end)
    walker.forget()
    assert walker.crcs and not walker.recent


def test_next_header_after_garbage() -> None:
    garbage = np.random.default_rng(0).bytes(5000)
    data = np.frombuffer(garbage + record(b"x" * 30) + record(b"y" * 30), np.uint8)
    assert next_header(data, len(data)) == 5000
    assert next_header(data, 5010) is None
    assert next_header(data[:11], 11) is None
    assert next_header(np.zeros(5000, np.uint8), 5000) is None
