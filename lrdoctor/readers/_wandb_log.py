"""Records of a W&B transaction log: LevelDB's log format with a 7-byte file header.

A block of 32 KiB holds fragments ``crc32 u32 | length u16 | type u8 | data``; a record is one FULL
fragment or FIRST, MIDDLE …, LAST. The CRC is plain CRC-32 over type and data. Layout:
https://github.com/google/leveldb/blob/main/doc/log_format.md and wandb's ``datastore.py``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

FILE_HEADER = b":W&B"
MAX_RECORD = 64 << 20
"""A longer record (a table or an image inlined as text) is passed over."""

_BLOCK = 32 << 10
_HEADER = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_TYPES = (_FULL, _FIRST, _MIDDLE, _LAST)


@dataclass
class Damage:
    """What a pass over the file could not use; ``lost`` is in bytes."""

    lost: int = 0
    truncated: bool = False
    oversized: int = 0


def records(stream: BinaryIO, damage: Damage) -> Iterator[bytes]:
    """The payload of each whole record. ``stream`` is at the start of the file.

    A fragment whose CRC is wrong costs the rest of its block, as in LevelDB; reading goes on with
    the next block. A missing end is normal for a run that was killed or is still going.
    """
    parts: list[bytes] = []
    size = 0
    for kind, data in _fragments(stream, damage):
        if kind in (_FULL, _FIRST):
            damage.lost += size
            parts, size = [], 0
        elif kind is None or not parts:
            damage.lost += size + len(data)
            parts, size = [], 0
            continue
        size += len(data)
        parts.append(data if size <= MAX_RECORD else b"")
        if kind in (_FULL, _LAST):
            if size <= MAX_RECORD:
                yield b"".join(parts)
            else:
                damage.oversized += 1
            parts, size = [], 0
    damage.truncated |= bool(parts)


def _fragments(stream: BinaryIO, damage: Damage) -> Iterator[tuple[int | None, bytes]]:
    """``(type, data)`` of each sound fragment; type None is the unusable rest of a block."""
    at = len(FILE_HEADER) + 3
    while block := stream.read(_BLOCK):
        while at + _HEADER.size <= len(block):
            crc, length, kind = _HEADER.unpack_from(block, at)
            start, stop = at + _HEADER.size, at + _HEADER.size + length
            if stop > len(block) and stop <= _BLOCK and kind in _TYPES:
                damage.truncated = True
                return
            if kind == 0 and not any(block[at:]):
                at = len(block)  # padding, or the zero-filled tail of a file cut short
                break
            data = block[start:stop]
            if stop > _BLOCK or kind not in _TYPES or zlib.crc32(data, _CRC[kind]) != crc:
                yield None, block[at:]
                at = len(block)
                break
            yield kind, data
            at = stop
        damage.truncated |= len(block) < _BLOCK and any(block[at:])
        at = 0


_CRC = {kind: zlib.crc32(bytes([kind])) for kind in _TYPES}
