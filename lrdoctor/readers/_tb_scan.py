"""Passes over an event file, handing out its small records in blocks and the large ones by place.

Large payloads are images, audio, graphs and embeddings: they are stepped over with a seek, so that
a file of gigabytes costs what its scalars cost. After damage the next header is searched for.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from lrdoctor.readers._crc32c import Bytes, crc32c, masked
from lrdoctor.readers._text import GZIP_DAMAGE
from lrdoctor.readers._tfrecord import (
    FOOTER,
    HEADER,
    OVERHEAD,
    Frames,
    FrameWalker,
    header_size,
    next_header,
)
from lrdoctor.types import IntArray

SMALL = 8192
"""Payloads up to this many bytes are read; scalars in larger ones are looked for one by one."""

_CAPACITY = 4 << 20
_KEPT = 16 << 20
_HEAD = 512  # bytes that tell an image from a number
_SLACK = 64  # bytes behind the buffer, for words read past the last record
_FIRST_WINDOW, _WINDOW_AFTER_SKIP, _LARGEST_WINDOW = 256 << 10, 16 << 10, 1 << 20
_LEAST_ROOM = 64 << 10
_FIRST_SEARCH, _LARGEST_SEARCH = 4 << 10, 1 << 20
LARGEST_CHECKED = 1 << 20
"""Payloads beyond this many bytes are not compared with their checksum."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Small records in a buffer that the next block reuses.

    ``at`` and ``size`` are places and lengths of the payloads, ``order`` each record's number in
    the file. The stored checksum follows the payload; nothing has compared it yet.
    """

    data: Bytes
    at: IntArray
    size: IntArray
    order: IntArray


@dataclass(frozen=True, slots=True)
class Blob:
    """A large record: the place of its payload in the file, its length and its number.

    ``head`` is the beginning of the payload, as much of it as was at hand.
    """

    at: int
    size: int
    order: int
    head: bytes


@dataclass(slots=True)
class Damage:
    """What was wrong with the framing of a file; its whole records end at byte ``stop``."""

    lost: int = 0
    places: list[int] = field(default_factory=list)
    mended: int = 0
    zeros: int = 0
    truncated: bool = False
    compression: bool = False
    stop: int = 0


Part: TypeAlias = Block | Blob


class Source:
    """Random access to the uncompressed bytes of an open file."""

    def __init__(self, file: BinaryIO, damage: Damage) -> None:
        # A buffered file would read ahead of every seek.
        self._plain = isinstance(file, io.BufferedReader)
        self._file: Any = getattr(file, "raw", file) if self._plain else file
        # Where compressed data end early, reading less at a time loses nothing before that.
        self._read = getattr(self._file, "readinto" if self._plain else "readinto1")
        self._damage = damage
        self.size = os.fstat(file.fileno()).st_size if self._plain else None

    def read_into(self, at: int, target: Bytes) -> int:
        """Fills ``target`` with the bytes at ``at``; fewer only at the end of the file."""
        view, done = target.data, 0
        try:
            self._file.seek(at)
            while done < len(view):
                count = self._read(view[done:])
                if not count:
                    break
                done += count
        except GZIP_DAMAGE:
            self._damage.compression = True
        return done

    def read(self, at: int, size: int) -> Bytes:
        """Up to ``size`` bytes at ``at``."""
        target = np.empty(size, np.uint8)
        return target[: self.read_into(at, target)]

    def holds(self, end: int) -> bool:
        """Whether the file has ``end`` bytes."""
        return end <= self.size if self.size is not None else len(self.read(end - 1, 1)) == 1

    def expect_skips(self, skips: bool) -> None:
        """Tells the system whether reading ahead is of any use."""
        if self._plain and hasattr(os, "posix_fadvise"):
            advice = os.POSIX_FADV_RANDOM if skips else os.POSIX_FADV_NORMAL
            os.posix_fadvise(self._file.fileno(), 0, 0, advice)


def buffer() -> Bytes:
    """Memory for a pass; one may follow another in it."""
    # Once a large block was freed, glibc keeps what is freed later (mallopt(3), the dynamic
    # M_MMAP_THRESHOLD): a third of the time for many files went into fetching it again.
    np.empty(_KEPT, np.uint8)
    return np.empty(_CAPACITY + _SLACK, np.uint8)


def scan(
    source: Source,
    walker: FrameWalker,
    damage: Damage,
    memory: Bytes,
    start: int = 0,
    count: int = 0,
) -> Iterator[Part]:
    """Every record of the file in order, except that a block comes after the blobs inside it.

    From byte ``start`` on, where ``count`` records stand before it.
    """
    scanning = _Pass(source, walker, damage, memory)
    scanning.next, scanning.count = start, count
    return scanning.parts()


class _Pass:
    """One pass over a file; ``pos`` and ``fill`` are places in the buffer, ``next`` in the file."""

    def __init__(self, source: Source, walker: FrameWalker, damage: Damage, memory: Bytes) -> None:
        walker.forget()
        self.source, self.walker, self.damage, self.data = source, walker, damage, memory
        self.pos = self.fill = self.next = self.count = 0
        self.window, self.skipping = _FIRST_WINDOW, False
        self.frames: list[Frames] = []
        self.orders: list[IntArray] = []

    def parts(self) -> Iterator[Part]:
        """What ``scan`` gives."""
        while True:
            if self.fill - self.pos >= OVERHEAD:
                self._take(self.walker.walk(self.data, self.pos, self.fill))
            here = self.next - (self.fill - self.pos)
            whole_header = self.fill - self.pos >= HEADER
            size = None
            if whole_header:
                size = header_size(self.data[self.pos : self.pos + HEADER].tobytes())
            if not whole_header or (size is not None and size <= SMALL):
                if _CAPACITY - self.fill < _LEAST_ROOM:
                    yield from self._flush()
                if not self._more():
                    self.damage.truncated |= self.fill > self.pos
                    break
            elif size is not None and self.source.holds(here + size + OVERHEAD):
                yield self._step_over(here, size)
            elif size is not None:
                self.damage.truncated = True
                break
            elif (size := self._size_in_spite(here)) is not None:
                yield self._step_over(here, size)
            elif not self._find_way(here):
                break
        self.damage.stop = self.next - (self.fill - self.pos)
        yield from self._flush()

    def _take(self, frames: Frames) -> None:
        found = len(frames.at)
        self.pos = frames.stop
        if found:
            self.frames.append(frames)
            self.orders.append(np.arange(self.count, self.count + found))
            self.count += found

    def _flush(self) -> Iterator[Block]:
        """Hands out what is in the buffer and moves the unfinished record to its beginning."""
        if self.frames:
            at = np.concatenate([f.at for f in self.frames]) + HEADER
            size = np.concatenate([f.size for f in self.frames])
            yield Block(self.data, at, size, np.concatenate(self.orders))
        self.frames, self.orders = [], []
        rest = self.data[self.pos : self.fill].copy()
        self.data[: len(rest)] = rest
        self.pos, self.fill = 0, len(rest)

    def _more(self) -> bool:
        """Reads another window; False at the end of the file."""
        if self.next == self.source.size:
            return False
        size = min(self.window, _CAPACITY - self.fill)
        count = self.source.read_into(self.next, self.data[self.fill : self.fill + size])
        self.fill += count
        self.next += count
        self.window = min(2 * self.window, _LARGEST_WINDOW)
        if self.skipping and self.window == _LARGEST_WINDOW:
            self.skipping = False
            self.source.expect_skips(False)
        return count > 0

    def _step_over(self, here: int, size: int) -> Blob:
        start = self.pos + HEADER
        head = self.data[start : min(self.fill, start + min(size, _HEAD))].tobytes()
        blob = Blob(here + HEADER, size, self.count, head)
        self.count += 1
        self._go_to(here, here + size + OVERHEAD)
        return blob

    def _go_to(self, here: int, there: int) -> None:
        """Moves on in the file, within the buffer or by a seek."""
        if there <= self.next:
            self.pos += there - here
            return
        self.fill, self.next = self.pos, there
        self.window = _WINDOW_AFTER_SKIP
        if not self.skipping:
            self.skipping = True
            self.source.expect_skips(True)

    def _size_in_spite(self, here: int) -> int | None:
        """The size in a header with a wrong checksum, where the payload's checksum confirms it."""
        header = self.source.read(here, HEADER)
        size = int.from_bytes(header[:8].tobytes(), "little")
        if not 0 < size <= LARGEST_CHECKED or not self.source.holds(here + size + OVERHEAD):
            return None
        if not intact(self.source.read(here + HEADER, size + FOOTER)):
            return None
        self.damage.mended += 1
        self.damage.places.append(here)
        return size

    def _find_way(self, here: int) -> bool:
        """Goes to the next header after damage at ``here``; False where there is none."""
        self.damage.places.append(here)
        at, window, blank = here, _FIRST_SEARCH, True
        while len(chunk := self.source.read(at, window)) >= HEADER:
            room = (1 << 62) if self.source.size is None else self.source.size - at
            # The header at `here` is known to be wrong: the search finds none there.
            if (found := next_header(chunk, room)) is not None:
                self.damage.lost += at + found - here
                self._go_to(here, at + found)
                return True
            blank = blank and not chunk.any()
            at += len(chunk) - HEADER + 1
            window = min(4 * window, _LARGEST_SEARCH)
        rest = at + len(chunk) - here
        if blank and not chunk.any():
            self.damage.zeros = rest
        else:
            self.damage.lost += rest
        return False


def intact(payload_and_crc: Bytes) -> bool:
    """Whether a payload matches the masked checksum behind it."""
    stored = int.from_bytes(payload_and_crc[-FOOTER:].tobytes(), "little")
    return masked(crc32c(payload_and_crc[:-FOOTER])) == stored
