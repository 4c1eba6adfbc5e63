"""The protobuf wire format: fields of one message, without a schema.

Follows the encoding guide at https://protobuf.dev/programming-guides/encoding/. There is no
recursion and no allocation beyond the slices themselves, so nesting and forged lengths cost
nothing: a nested message is bytes until the caller asks for its fields.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Protocol, TypeAlias

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Field: TypeAlias = tuple[int, int, int | bytes]
Span: TypeAlias = tuple[int, int, int, int]

_FIXED_SIZE = {FIXED64: 8, FIXED32: 4}
_LONGEST_VARINT = 10


class Buffer(Protocol):
    """Bytes, or something that fetches them when they are asked for."""

    def __getitem__(self, key: slice, /) -> bytes: ...

    def __len__(self) -> int: ...


class WireError(ValueError):
    """The bytes are not a protobuf message."""


def fields(buffer: bytes) -> Iterator[Field]:
    """``(number, wire type, value)`` of each field in order.

    The value is an unsigned int below 2**64 for a varint, the raw little-endian bytes for a fixed32
    or fixed64, the content for a length-delimited field. Raises ``WireError`` for a field number
    of 0, an overlong varint, a group (obsolete since proto3) or a field that goes past the end.
    """
    for number, wire_type, start, stop in spans(buffer, 0, len(buffer)):
        if wire_type == VARINT:
            yield number, wire_type, varint(buffer, start)[0]
        else:
            yield number, wire_type, buffer[start:stop]


def spans(buffer: Buffer, at: int, end: int) -> Iterator[Span]:
    """``(number, wire type, start, stop)``: where the value of each field of ``[at, end)`` stands.

    Raises ``WireError`` as ``fields`` does.
    """
    while at < end:
        key, at = varint(buffer, at)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise WireError("field number 0")
        start = at
        if wire_type == VARINT:
            at = varint(buffer, at)[1]
        elif wire_type == BYTES:
            size, start = varint(buffer, at)
            at = start + size
        elif wire_type in _FIXED_SIZE:
            at += _FIXED_SIZE[wire_type]
        else:
            raise WireError(f"wire type {wire_type}")
        if at > end:
            raise WireError(f"field {number} goes past the end")
        yield number, wire_type, start, at


def varint(buffer: Buffer, at: int) -> tuple[int, int]:
    """The base-128 number at ``at``, below 2**64, and the position after it."""
    value = 0
    for index, byte in enumerate(buffer[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at + index + 1
    raise WireError("unfinished or overlong varint")


def signed(value: int) -> int:
    """An int64 or int32 field from its varint (two's complement over 64 bits)."""
    return value - (1 << 64) if value >= 1 << 63 else value


def double(value: bytes) -> float:
    """A double from the bytes of a fixed64."""
    return float(struct.unpack("<d", value)[0])


def single(value: bytes) -> float:
    """A float from the bytes of a fixed32."""
    return float(struct.unpack("<f", value)[0])
