"""Parts of a fleet for job arrays: each log belongs to exactly one, by a hash of its path."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from lrdoctor.errors import ConfigError
from lrdoctor.types import _Value


@dataclass(frozen=True, slots=True)
class Shard(_Value):
    """Part ``index`` (1-based) of ``count``."""

    index: int = 1
    count: int = 1

    def __str__(self) -> str:
        return "" if self.count == 1 else f"{self.index}/{self.count}"

    def holds(self, path: str) -> bool:
        """Whether the log at ``path``, relative to its root, is in this part."""
        if self.count == 1:
            return True
        digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1


def parse_shard(text: str) -> Shard:
    """``"2/8"`` as the second of eight parts. Raises ``ConfigError``."""
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    index, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= index <= count:
        raise ConfigError(f"--shard takes i/n with 1 <= i <= n, such as 2/8, not {text!r}")
    return Shard(index, count)
