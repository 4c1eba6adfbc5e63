"""TFRecord framing in memory: ``u64 size | u32 crc | payload | u32 crc``, little-endian.

The checksum in the header covers the size alone, so the twelve header bytes are a constant for each
size and one dictionary look-up verifies them. Logs repeat a pattern of sizes (the tags of a step):
once it is known, whole batches of headers are compared with it at once. Format:
tensorflow/tensorflow ``core/lib/io/record_writer.h``.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lrdoctor.readers._crc32c import Bytes, checksums, crc32c, masked, unmasked
from lrdoctor.types import IntArray

HEADER, FOOTER = 12, 4
OVERHEAD = HEADER + FOOTER

_HEADER = struct.Struct("<QI")
_LONGEST_PATTERN = 4096
_PROOF = 24  # records that must have come again before they make a pattern
_LEAST_PATIENCE, _GOOD_LEAP = 8, 128
_LEAST_REACH, _FIRST_REACH = 512, 1024
_KNOWN_SIZES = 65536


def record(payload: bytes) -> bytes:
    """One framed record."""
    size = struct.pack("<Q", len(payload))
    header_crc, crc = masked(crc32c(size)), masked(crc32c(payload))
    return size + struct.pack("<I", header_crc) + payload + struct.pack("<I", crc)


def header_size(header: bytes) -> int | None:
    """The payload size that twelve header bytes give, None where they are not a header."""
    if len(header) < HEADER:
        return None
    size, crc = _HEADER.unpack_from(header)
    return int(size) if crc == masked(crc32c(header[:8])) else None


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Records found one after another: places of their headers, sizes of their payloads.

    ``stop`` is where the first thing stands that is not a whole record of at most the limit.
    """

    at: IntArray
    size: IntArray
    stop: int


@dataclass(slots=True)
class FrameWalker:
    """Walks records; remembers which headers are right and the latest sizes.

    ``limit`` is the largest payload it passes, below 64 KiB. Keep one for all files: right headers
    are the same everywhere.
    """

    limit: int
    crcs: dict[int, int] = field(default_factory=dict)
    headers: dict[int, bytes] = field(default_factory=dict)
    recent: bytes = b""
    reach: int = _FIRST_REACH
    patience: int = _LEAST_PATIENCE
    stepped: int = 0

    def forget(self) -> None:
        """Forgets the latest sizes, before another file; right headers stay right."""
        self.recent, self.stepped = b"", 0
        self.reach, self.patience = _FIRST_REACH, _LEAST_PATIENCE

    def walk(self, data: Bytes, start: int, stop: int) -> Frames:
        """The whole records of ``data[start:stop]`` up to the first that is not one.

        ``data`` must hold eight bytes beyond ``stop``.
        """
        found: list[tuple[IntArray | list[int], IntArray | list[int]]] = [([], [])]
        at = start
        while True:
            if self.stepped >= self.patience and (leap := self._leap(data, at, stop)) is not None:
                found.append((leap.at, leap.size))
                at = leap.stop
            most = max(1, self.patience - self.stepped)
            places, sizes, at = self._step(data, at, stop, most)
            found.append((places, sizes))
            if len(places) < most:
                all_places = np.concatenate([np.asarray(p, np.int64) for p, _ in found])
                all_sizes = np.concatenate([np.asarray(s, np.int64) for _, s in found])
                return Frames(all_places, all_sizes, at)

    def _step(self, data: Bytes, at: int, stop: int, most: int) -> tuple[list[int], list[int], int]:
        """Places and sizes of up to ``most`` records, one at a time, and where they end."""
        buffer, crcs, unpack = data.data, self.crcs, _HEADER.unpack_from
        places: list[int] = []
        sizes: list[int] = []
        last = stop - OVERHEAD
        while len(places) < most and at <= last:
            size, crc = unpack(buffer, at)
            if crcs.get(size) != crc and not self._learn(data[at : at + HEADER].tobytes()):
                break
            if size > self.limit or at + size > last:
                break
            places.append(at)
            sizes.append(size)
            at += size + OVERHEAD
        self.stepped += len(sizes)
        self._remember(array("H", sizes).tobytes())
        return places, sizes, at

    def _learn(self, header: bytes) -> bool:
        size = header_size(header)
        if size is None:
            return False
        if len(self.crcs) >= _KNOWN_SIZES:
            self.crcs.clear()
            self.headers.clear()
        self.crcs[size], self.headers[size] = _HEADER.unpack_from(header)[1], header
        return True

    def _leap(self, data: Bytes, at: int, stop: int) -> Frames | None:
        """All records that continue the pattern of the latest sizes, None where none does.

        Looks ahead as far as recent leaps went, and less often after short ones, so that a
        pattern that does not last costs little.
        """
        self.stepped = 0
        pattern = self._pattern()
        headers = [self.headers.get(size, b"") for size in pattern.tolist()]
        if not headers or not all(headers):
            self.patience = min(2 * self.patience, _LONGEST_PATTERN)
            return None
        ends = np.cumsum(pattern + OVERHEAD)
        rounds, rest = divmod(stop - at, int(ends[-1]))
        tried = rounds * len(ends) + int(np.searchsorted(ends, rest, side="right"))
        tried = min(tried, max(self.reach, len(ends)))
        rounds = -(-tried // len(ends))
        starts = at + np.append(0, ends[:-1])
        places = (ends[-1] * np.arange(rounds)[:, None] + starts).reshape(-1)[:tried]
        expected = np.tile(np.frombuffer(b"".join(headers), "V12"), rounds)[:tried]
        right = words(data, "V12")[places] == expected
        count = tried if right.all() else int(right.argmin())
        self._adapt(count, tried)
        if not count:
            return None
        places, sizes = places[:count], np.tile(pattern, rounds)[:count]
        self._remember(sizes[-2 * _LONGEST_PATTERN :].astype(np.uint16).tobytes())
        return Frames(places, sizes, int(places[-1] + sizes[-1]) + OVERHEAD)

    def _adapt(self, count: int, tried: int) -> None:
        if count < tried:
            self.reach = max(_LEAST_REACH, 2 * count)
        elif tried >= self.reach:
            self.reach *= 4
        if count >= min(_GOOD_LEAP, tried):
            self.patience = _LEAST_PATIENCE
        else:
            self.patience = min(2 * self.patience, _LONGEST_PATTERN)

    def _remember(self, sizes: bytes) -> None:
        """Appends sizes, two bytes each, to the latest ones."""
        self.recent += sizes
        if len(self.recent) > 8 * _LONGEST_PATTERN:
            self.recent = self.recent[-4 * _LONGEST_PATTERN :]

    def _pattern(self) -> IntArray:
        """The sizes that came after the latest ones before: likely the next ones. May be empty.

        After something out of turn, "the latest ones" include it, and so the pattern found is
        the longer one that repeats it.
        """
        recent = self.recent
        ending = recent[-2 * _PROOF :]
        before = recent.rfind(ending, 0, len(recent) - 1) if len(ending) == 2 * _PROOF else -1
        while before > 0 and before % 2:
            before = recent.rfind(ending, 0, before + len(ending) - 1)
        if before < 0:
            return np.zeros(0, np.int64)
        return np.frombuffer(recent[before + len(ending) :], np.uint16).astype(np.int64)


def next_header(data: Bytes, room: int) -> int | None:
    """Place of the first header in ``data`` whose record ends within ``room`` bytes, None if none.

    Used to find the way after damage. Sizes from 1 byte to 4 GiB count; one place in 2**32 looks
    like a header by chance.
    """
    if len(data) < HEADER:
        return None
    low, high = words(data, "<u4")[:-8], words(data, "<u4")[4:-4]
    candidates = np.flatnonzero((high == 0) & (low != 0))
    candidates = candidates[candidates + low[candidates] + OVERHEAD <= room]
    for some in np.array_split(candidates, len(candidates) // 65536 + 1):
        sizes = data[some[:, None] + np.arange(8)]
        stored = words(data, "<u4")[some + 8]
        right = unmasked(stored) == checksums(sizes)
        if right.any():
            return int(some[right.argmax()])
    return None


def words(data: Bytes, kind: str) -> npt.NDArray[Any]:
    """The item of this type that begins at each byte."""
    dtype = np.dtype(kind)
    return np.ndarray((len(data) - dtype.itemsize + 1,), dtype, data.data, 0, (1,))
