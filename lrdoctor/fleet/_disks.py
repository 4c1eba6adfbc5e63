"""Whether a path is on a disk of this machine; a write-ahead log is safe nowhere else."""

from __future__ import annotations

import os
import re
from pathlib import Path

# What is not named here counts as remote: a rollback journal is right everywhere, only slower.
_LOCAL = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "tmpfs", "ramfs",
     "overlay", "bcachefs"}
)  # fmt: skip
_ESCAPE = re.compile(r"\\([0-7]{3})")


def is_local(path: str, mounts: str = "/proc/self/mountinfo") -> bool:
    """Whether the file system of ``path`` is known to be a local one; False where none says so.

    ``mounts`` is the table of mounts as Linux has it (proc(5), mountinfo).
    """
    try:
        table = Path(mounts).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    place = os.path.realpath(path)
    kinds = {}
    for line in table.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) > 4 and after:
            kinds[_plain(fields[4])] = after.split()[0]  # what is mounted last lies on top
    inside = [point for point in kinds if place == point or place.startswith(_slash(point))]
    return bool(inside) and kinds[max(inside, key=len)] in _LOCAL


def _plain(point: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), point)


def _slash(point: str) -> str:
    return point if point.endswith("/") else f"{point}/"
