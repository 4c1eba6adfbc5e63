"""The protobuf wire format against bytes worked out by hand from the encoding guide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.readers._protobuf import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    WireError,
    double,
    fields,
    signed,
    single,
    varint,
)


def test_each_wire_type_is_read() -> None:
    message = (
        b"\x08\x96\x01"  # field 1, varint 150
        b"\x12\x07testing"  # field 2, seven bytes
        b"\x1d\x00\x00\x80\x3f"  # field 3, float 1.0
        b"\x21\x00\x00\x00\x00\x00\x00\x00\x40"  # field 4, double 2.0
    )
    assert list(fields(message)) == [
        (1, VARINT, 150),
        (2, BYTES, b"testing"),
        (3, FIXED32, b"\x00\x00\x80\x3f"),
        (4, FIXED64, b"\x00\x00\x00\x00\x00\x00\x00\x40"),
    ]
    assert single(b"\x00\x00\x80\x3f") == 1.0
    assert double(b"\x00\x00\x00\x00\x00\x00\x00\x40") == 2.0


def test_negative_int64_takes_ten_bytes() -> None:
    value, end = varint(b"\xfe" + b"\xff" * 8 + b"\x01", 0)
    assert (signed(value), end) == (-2, 10)


@pytest.mark.parametrize(
    "message",
    [
        b"\x08",  # key without value
        b"\x08\xff",  # unfinished varint
        b"\x08" + b"\xff" * 11,  # overlong varint
        b"\x12\x05abc",  # content past the end
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f",  # forged length
        b"\x1d\x00",  # short fixed32
        b"\x21\x00",  # short fixed64
        b"\x0b\x0c",  # group
        b"\x0f",  # wire type 7
        b"\x00\x00",  # field number 0
    ],
)
def test_malformed_message_is_refused(message: bytes) -> None:
    with pytest.raises(WireError):
        list(fields(message))


@given(st.binary(max_size=200))
def test_any_bytes_end_in_fields_or_wire_error(message: bytes) -> None:
    try:
        for number, wire_type, value in fields(message):
            assert number > 0
            assert isinstance(value, int if wire_type == VARINT else bytes)
    except WireError:
        pass


def test_hostile_nesting_is_one_level_at_a_time() -> None:
    message = b""
    for _ in range(2000):
        size, head = len(message), b""
        while size > 127:
            head, size = head + bytes([size & 127 | 128]), size >> 7
        message = b"\x0a" + head + bytes([size]) + message
    ((number, wire_type, value),) = fields(message)
    assert (number, wire_type) == (1, BYTES)
    assert isinstance(value, bytes) and len(value) < len(message)
