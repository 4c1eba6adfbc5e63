"""Where logs that only grow were read up to, so that the next time their new end is enough.

Only event files are read on: what a number in a table or a text means can depend on any other row,
so those are read whole. What earlier reads found is kept as arrays without pickles.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lrdoctor.readers._crc32c import Bytes
from lrdoctor.readers._tb_scan import Source
from lrdoctor.types import _Value

_WINDOW = 4096  # bytes at the beginning and before the end that must be as they were


@dataclass(frozen=True, slots=True)
class Tail(_Value):
    """Up to which byte a file was read, what was found there, and a hash of what stands around.

    ``changed`` is when the file was last changed by then, in Unix seconds.
    """

    offset: int
    check: str
    changed: float
    data: bytes


@dataclass(slots=True)
class Tails:
    """Tails by path: ``known`` from before, ``kept`` by this read, which passed ``skipped`` bytes.

    Worth keeping are those of at least ``least`` bytes in files changed after ``since`` (Unix
    seconds; by default none): of small ones the numbers take as long to load, and old ones grow no
    more.
    """

    known: Mapping[str, Tail] = field(default_factory=dict)
    least: int = 64 << 10
    since: float = math.inf
    kept: dict[str, Tail] = field(default_factory=dict)
    skipped: int = 0

    def recall(self, path: str, source: Source) -> Tail | None:
        """The tail of a file that has grown from what it was, as far as its ends show."""
        tail = self.known.get(path)
        if tail is None or source.size is None or source.size < tail.offset:
            return None
        return tail if _check(source, tail.offset) == tail.check else None

    def keep(self, path: str, source: Source, offset: int, data: bytes) -> None:
        """Keeps what was found up to ``offset``."""
        changed = Path(path).stat().st_mtime
        self.kept[path] = Tail(offset, _check(source, offset), changed, data)

    def wants(self, path: str, offset: int) -> bool:
        """Whether the tail of a file is worth keeping."""
        if self.since == math.inf:
            return False
        return offset >= self.least and Path(path).stat().st_mtime > self.since


def _check(source: Source, offset: int) -> str:
    ends: list[Bytes] = [
        source.read(0, min(_WINDOW, offset)),
        source.read(max(0, offset - _WINDOW), min(_WINDOW, offset)),
    ]
    return hashlib.sha256(b"".join(end.tobytes() for end in ends)).hexdigest()
