"""CRC-32C (Castagnoli) of many byte strings at once.

The checksum is affine over GF(2): each byte contributes a share that depends only on its value and
on how many bytes follow it, and the shares XOR together. So the checksums of a million records
that differ in fourteen bytes cost fourteen table look-ups each, whatever their length.
TFRecord stores it rotated and offset ("masked"): tensorflow/tensorflow
``core/lib/hash/crc32c.h``.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Words: TypeAlias = npt.NDArray[np.uint32]

_POLYNOMIAL = 0x82F63B78  # 0x1EDC6F41 with its bits reversed
_MASK_DELTA = np.uint32(0xA282EAD8)
_BLOCK = 512
_SHORT = 96  # bytes for which a loop costs less than array calls


def crc32c(data: bytes | Bytes) -> int:
    """The checksum of one byte string."""
    if len(data) <= _SHORT:
        return _crc32c_by_byte(bytes(data))
    row = np.frombuffer(data, np.uint8)
    head = len(row) % _BLOCK
    linear = int(_linear(row[None, :head])[0])
    blocks = _linear(row[head:].reshape(-1, _BLOCK))
    for block in blocks.tolist():
        linear = _shifted(linear) ^ block
    return linear ^ crc_of_zeros(len(row))


def _crc32c_by_byte(data: bytes) -> int:
    table, state = _byte_list(), 0xFFFFFFFF
    for byte in data:
        state = state >> 8 ^ table[(state ^ byte) & 255]
    return state ^ 0xFFFFFFFF


def checksums(rows: Bytes) -> Words:
    """The checksum of each row of ``uint8[m, n]``."""
    length = rows.shape[1]
    if length > _BLOCK:
        return np.array([crc32c(np.ascontiguousarray(row)) for row in rows], np.uint32)
    return _linear(rows) ^ np.uint32(crc_of_zeros(length))


@lru_cache(maxsize=4096)
def crc_of_zeros(length: int) -> int:
    """The checksum of ``length`` zero bytes: what the shares of the other bytes are XORed to."""
    state = np.uint32(0xFFFFFFFF)
    for _ in range(length % _BLOCK):
        state = (state >> np.uint32(8)) ^ shares(0)[state & np.uint32(0xFF)]
    linear = int(state)
    for _ in range(length // _BLOCK):
        linear = _shifted(linear)
    return linear ^ 0xFFFFFFFF


def shares(following: int) -> Words:
    """``uint32[256]``: the share of each byte value that ``following`` bytes come after."""
    table: Words = _share_table(max(64, 1 << following.bit_length()))[following]
    return table


@cache
def pair_shares(following: int) -> Words:
    """``uint32[65536]``: the share of each little-endian pair of bytes, ``following`` after it."""
    first, second = shares(following + 1), shares(following)
    pairs: Words = (second[:, None] ^ first).reshape(-1)
    return pairs


def masked(crc: int) -> int:
    """The number that TFRecord stores for a checksum."""
    return (((crc >> 15) | (crc << 17)) + int(_MASK_DELTA)) & 0xFFFFFFFF


def unmasked(stored: Words) -> Words:
    """The checksums that TFRecord stores as these numbers."""
    rotated = stored - _MASK_DELTA
    return (rotated >> np.uint32(17)) | (rotated << np.uint32(15))


def share_sums(rows: Bytes, following: npt.NDArray[np.int64]) -> Words:
    """The XOR of the shares of ``uint8[m, n]``; ``following[j]`` bytes come after column ``j``.

    ``following`` may also be an array of the shape of ``rows``.
    """
    furthest = int(following.max(initial=0))
    table = _share_table(max(64, 1 << furthest.bit_length()))
    result: Words = np.bitwise_xor.reduce(table.reshape(-1)[rows + following * 256], axis=1)
    return result


def shifted_shares(sums: Words, further: npt.NDArray[np.int64]) -> Words:
    """What XORs of shares become when ``further`` (at least 4) more bytes follow, per element."""
    table = _share_table(max(64, 1 << int(further.max(initial=4)).bit_length())).reshape(-1)
    base = further * 256 - 256
    result = table.take(base + (sums & np.uint32(0xFF)))
    for i in (1, 2, 3):
        result ^= table.take(base - 256 * i + (sums >> np.uint32(8 * i) & np.uint32(0xFF)))
    return result


def _linear(rows: Bytes) -> Words:
    """The XOR of all shares, for each row of at most ``_BLOCK`` bytes."""
    return share_sums(rows, np.arange(rows.shape[1] - 1, -1, -1, dtype=np.int64))


def _shifted(linear: int) -> int:
    """The XOR of shares after another ``_BLOCK`` bytes."""
    a, b, c, d = _block_shift()
    return a[linear & 255] ^ b[linear >> 8 & 255] ^ c[linear >> 16 & 255] ^ d[linear >> 24]


@cache
def _block_shift() -> tuple[list[int], ...]:
    return tuple(_share_table(_BLOCK)[_BLOCK - 1 - i].tolist() for i in range(4))


@cache
def _share_table(size: int) -> Words:
    """``uint32[size, 256]`` for a power of two: shares by number of bytes following, then value."""
    if size == 4:
        rows = [_byte_table()]
        for _ in range(3):
            rows.append((rows[-1] >> np.uint32(8)) ^ rows[0][rows[-1] & np.uint32(0xFF)])
        return np.stack(rows)
    # A share is itself carried over `half` more bytes as if its four bytes had been read first.
    half = size // 2
    near = _share_table(half)
    far = near[half - 1][near & np.uint32(0xFF)]
    for i in (1, 2, 3):
        far ^= near[half - 1 - i][near >> np.uint32(8 * i) & np.uint32(0xFF)]
    return np.concatenate([near, far])


@cache
def _byte_list() -> list[int]:
    table: list[int] = shares(0).tolist()
    return table


def _byte_table() -> Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & np.uint32(1), _POLYNOMIAL, 0).astype(
            np.uint32
        )
    return table
