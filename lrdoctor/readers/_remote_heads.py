"""The beginnings of remote files, by which they are known as logs, read many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from lrdoctor.errors import ReadError
from lrdoctor.readers._places import SETTINGS, Near, Place, home
from lrdoctor.readers._remote import Listed, Remote, connect, in_parallel
from lrdoctor.readers._text import folder_of, unpacked_head
from lrdoctor.verdict import ReadFailure

_AHEAD = 256  # files, or places without any that must be read


@dataclass(slots=True)
class Heads:
    """Heads of files below ``remote``, read when a number of them is needed; ``size(url)`` says
    how long a one."""

    remote: Remote
    size: Callable[[str], int]
    _ready: dict[str, bytes | ReadError] = field(default_factory=dict)

    def ahead(
        self, places: Iterable[Place | ReadFailure], needs: Callable[[str], bool]
    ) -> Iterator[Place | ReadFailure]:
        """The same places, each when the heads of its logs that ``needs`` holds for are there."""
        waiting: list[Place | ReadFailure] = []
        wanted: list[str] = []
        for place in places:
            waiting.append(place)
            if isinstance(place, Place):
                wanted += filter(needs, place.logs)
            if max(len(waiting), len(wanted)) >= _AHEAD:
                self._fetch(wanted)
                yield from waiting
                waiting, wanted = [], []
        self._fetch(wanted)
        yield from waiting

    def _fetch(self, urls: list[str]) -> None:
        self._ready = dict(zip(urls, in_parallel(self._read, urls), strict=True))

    def take(self, url: str) -> bytes:
        """The head of a file, decompressed. Raises ``ReadError``."""
        found = self._ready.pop(url, None)
        if found is None:
            found = self._read(url)
        if isinstance(found, ReadError):
            raise found
        return unpacked_head(url, found, self.size(url))

    def _read(self, url: str) -> bytes:
        if isinstance(url, Listed) and not url.size:
            return b""
        return self.remote.read(url, 0, self.size(url))


def near_file(url: str) -> Near:
    """The configuration around a file that was named by itself. Raises ``ReadError``."""
    folder = folder_of(url)
    top = home(folder)
    remote = connect(top)
    settings: list[str] = []
    shared = False
    while True:
        try:
            entries = remote.entries(folder)
        except Exception:  # a file may be open to those who may not list its folder
            break
        files = [remote.listed(e) for e in entries if e["type"] == "file"]
        settings += [f for f in files if f.rpartition("/")[2] in SETTINGS]
        if len(folder) <= len(top):
            break
        folder, shared = folder_of(folder), True
    return Near(tuple(settings), shared)
