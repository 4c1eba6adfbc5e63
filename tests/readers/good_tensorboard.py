"""A tiny event file, framed and encoded by hand."""

from __future__ import annotations

import math
import struct

from lrdoctor.readers._tfrecord import record


def varint(value: int) -> bytes:
    """A base-128 number."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(number: int, body: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(body)) + body


def scalar(step: int, tag: str, value: float, wall_time: float = 0.0) -> bytes:
    """An event with one ``simple_value``."""
    number = b"\x15" + struct.pack("<f", value)
    head = b"\x09" + struct.pack("<d", wall_time) + b"\x10" + varint(step)
    return head + message(5, message(1, message(1, tag.encode()) + number))


def version(text: str = "brain.Event:2") -> bytes:
    """The event that a file begins with."""
    return b"\x09" + struct.pack("<d", 1e9) + message(3, text.encode())


_EVENTS = [version()]
for _step in range(4):
    _EVENTS.append(scalar(_step, "lr", 0.1 * 0.5**_step, 1e9 + _step))
    _EVENTS.append(scalar(_step, "loss", math.nan if _step == 2 else 2.0 - _step / 4, 1e9 + _step))

FILES = {"run/events.out.tfevents.1000000000.host": b"".join(map(record, _EVENTS))}
EXPECTED = {
    "lr": ([0, 1, 2, 3], [0.1, 0.05, 0.025, 0.0125]),
    "loss": ([0, 1, 2, 3], [2.0, 1.75, math.nan, 1.25]),
}
