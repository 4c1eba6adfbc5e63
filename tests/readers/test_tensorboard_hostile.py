"""No event file, however made, gives anything but a raw log or a ReadError."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.errors import ReadError
from lrdoctor.readers._tfrecord import record
from lrdoctor.types import RawLog
from tests.readers.event_files import (
    framed,
    image,
    of_plugin,
    read,
    scalars,
    tensor,
    version,
    write,
)
from tests.readers.good_tensorboard import message, varint

EVENTS = [version(), *(scalars(s, lr=0.1, loss=s) for s in range(40)), image(3, "i")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.out.tfevents.1.host"


def outcome(file: Path) -> RawLog | ReadError:
    try:
        return read(file)[0]
    except ReadError as error:
        return error


def nested(depth: int) -> bytes:
    """A summary in a summary in a summary …"""
    body = b""
    for _ in range(depth):
        body = b"\x2a" + varint(len(body)) + body
        if len(body) > 60_000:
            break
    return body


@settings(max_examples=100, deadline=None)
@given(payloads=st.lists(st.binary(max_size=80), min_size=1, max_size=6), times=st.integers(1, 9))
def test_any_payload(
    payloads: list[bytes], times: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("run") / "events.out.tfevents.1"
    write(file, payloads * times + EVENTS)
    log = outcome(file)
    assert isinstance(log, RawLog)
    assert {s.tag for s in log.series} >= {"lr", "loss"} or log.notes


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=3000))
def test_any_bytes(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("run") / "events.out.tfevents.1"
    file.write_bytes(data)
    found = outcome(file)
    assert isinstance(found, ReadError) or not found.series


@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=9)), max_size=4))
def test_any_damage(
    changes: list[tuple[int, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever points come out are among those that went in."""
    data = bytearray(framed(EVENTS))
    for place, new in changes:
        at = place % len(data)
        data[at : at + len(new)] = new
    file = tmp_path_factory.mktemp("run") / "events.out.tfevents.1"
    file.write_bytes(data)
    log = outcome(file)
    for series in log.series if isinstance(log, RawLog) else ():
        assert series.tag in {"lr", "loss"} and set(series.step.tolist()) <= set(range(40))


@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 255)), min_size=1, max_size=3))
def test_any_change_within_a_payload(
    changes: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With checksums that are right, so that the parser sees it."""
    data = bytearray(scalars(300, lr=0.1, loss=1.0).SerializeToString())
    for place, new in changes:
        data[place % len(data)] = new
    file = tmp_path_factory.mktemp("run") / "events.out.tfevents.1"
    write(file, [*EVENTS, *[bytes(data)] * 5])
    log = outcome(file)
    assert isinstance(log, RawLog) and len(log.series) >= 2


@pytest.mark.parametrize(
    "payload",
    [
        nested(20_000),
        message(5, message(1, nested(10_000))),
        b"\x0b" * 500,
        b"\xff" * 100,
        message(5, b"\x0a\xff\xff\xff\xff\x0f"),
        b"\x10" + b"\x80" * 12,
        b"\x09\x00",
        b"",
        message(5, message(1, message(8, message(2, b"\x18\x01") + b"\x08\x01"))),
        b"\x00\x00",
    ],
    ids=[
        "nested",
        "nested-value",
        "groups",
        "ones",
        "long",
        "varint",
        "short",
        "empty",
        "rank",
        "0",
    ],
)
def test_odd_payloads(file: Path, payload: bytes) -> None:
    write(file, [*EVENTS, payload, payload, payload, *EVENTS])
    log = outcome(file)
    assert isinstance(log, RawLog)
    assert [len(s.step) for s in log.series] == [80, 80]


@pytest.mark.parametrize("size", [2**31, 2**40, 2**63, 2**64 - 1])
def test_huge_declared_length(file: Path, size: int) -> None:
    from lrdoctor.readers._crc32c import crc32c, masked

    length = size.to_bytes(8, "little")
    header = length + masked(crc32c(length)).to_bytes(4, "little")
    file.write_bytes(framed(EVENTS) + header + b"x" * 100)
    log = outcome(file)
    assert isinstance(log, RawLog) and [n.kind for n in log.notes] == ["truncated"]


def test_more_tags_than_any_run_has(file: Path) -> None:
    write(file, [scalars(0, **{f"tag{i}": 1.0}) for i in range(21_000)])
    log = outcome(file)
    assert isinstance(log, RawLog) and len(log.series) == 20_000
    assert "too-many-tags" in [n.kind for n in log.notes]


@pytest.mark.parametrize("data", [
    np.random.default_rng(0).bytes(20_000_000),
    (record(b"x" * 5)[:12] + b"y" * 6) * 10_000,
    record(b"x" * 1000)[:12] * 100_000,
    (record(b"x" * 9000)[:-4] + b"zzzz") * 100,
    b"\x01\0\0\0\0\0\0\0" * 500_000,
], ids=["random", "headers", "only-headers", "blobs", "counts"])  # fmt: skip
def test_costs_no_more_than_its_size(file: Path, data: bytes) -> None:
    """A second or two at most; a quadratic search would take minutes."""
    file.write_bytes(framed(EVENTS) + data)
    begin = time.process_time()
    assert isinstance(outcome(file), RawLog)
    assert time.process_time() - begin < 20


def test_metadata_that_is_none(file: Path) -> None:
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    broken = tensor(1, "t", TensorProto(dtype=7, string_val=[b"{" * 9]), of_plugin("text"))
    strange = of_plugin("hparams", content=b"\xff" * 30)
    write(file, [*EVENTS, broken, tensor(2, "h", TensorProto(), strange)])
    log = outcome(file)
    assert isinstance(log, RawLog) and not log.hparams
