"""Copies what reading a remote run needs into a private folder, for readers that know only files.

The copy has the places of the original, so that readers and the search for settings see the same
tree; whatever they name is renamed to its URL afterwards. Settings are copied as far as they may be
read, files that only count by their name are empty.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lrdoctor.errors import ReadError
from lrdoctor.plugins import discover
from lrdoctor.readers._discover import RunFiles
from lrdoctor.readers._places import Near
from lrdoctor.readers._remote import Listed, Remote, connect, in_parallel
from lrdoctor.readers._sidecar import MAX_BYTES, MOST_SIBLINGS, UNREAD, log_kind
from lrdoctor.readers._tails import WINDOW, Tails
from lrdoctor.readers._tb_scan import Damage, Source
from lrdoctor.readers._text import folder_of, open_bytes
from lrdoctor.types import Note, Run, _Value

_IN_PIECES = 8 << 20  # bytes; larger files are copied piece by piece


@dataclass(frozen=True, slots=True)
class Copy(_Value):
    """A local tree that stands for a remote one: ``folder`` for what comes before "://"."""

    remote: Remote
    folder: str
    tails: Tails

    def local(self, url: str) -> str:
        """Where the copy of ``url`` is, or would be."""
        scheme, _, rest = url.partition("://")
        return f"{self.folder}/{scheme}/{rest}"

    def named(self, text: str) -> str:
        """A text with the URLs of all copies that it speaks of."""
        scheme = self.remote.url.partition("://")[0]
        return text.replace(f"{self.folder}/{scheme}/", f"{scheme}://")

    def run(self, run: Run) -> Run:
        """A run read from copies, as if it had been read from the originals."""
        return replace(
            run,
            files=tuple(map(self.named, run.files)),
            hparam_sources={k: self.named(v) for k, v in run.hparam_sources.items()},
            notes=tuple(self._note(note) for note in run.notes),
        )

    def _note(self, note: Note) -> Note:
        file = None if note.file is None else self.named(note.file)
        return replace(note, message=self.named(note.message), file=file)

    def files(self, found: RunFiles) -> RunFiles:
        """The same files, where their copies are."""
        near = found.near and Near(tuple(map(self.local, found.near.settings)), found.near.shared)
        return replace(
            found,
            files=tuple(map(self.local, found.files)),
            others=tuple(map(self.files, found.others)),
            root=self.local(found.root),
            key=self.local(found.key),
            near=near,
        )


@contextmanager
def copied(found: RunFiles, tails: Tails) -> Iterator[tuple[Copy, RunFiles, tuple[ReadError, ...]]]:
    """The copy of a run's files while the context lasts, and what could not be copied of them.

    Files that ``tails`` knows are copied from there on, after a hole. Raises ``ReadError`` where no
    file could be copied.
    """
    remote = connect(found.root)
    with TemporaryDirectory(prefix="lrdoctor-") as folder:
        own = Tails(least=tails.least, since=tails.since)
        copy = Copy(remote, os.path.realpath(folder), own)
        own.known = {copy.local(url): tail for url, tail in tails.known.items()}
        lost = _fetch(copy, found.all_files)
        if len(lost) == len(found.all_files):
            raise next(iter(lost.values()))
        _fetch_settings(copy, found)
        yield copy, copy.files(_without(found, lost)), tuple(lost.values())
        tails.kept |= {copy.named(path): tail for path, tail in own.kept.items()}
        tails.skipped += own.skipped


def _without(found: RunFiles, lost: Iterable[str]) -> RunFiles:
    """What is left of a run's files, by the first reader that has any."""
    units = [replace(u, files=tuple(f for f in u.files if f not in lost)) for u in
             (replace(found, others=()), *found.others)]  # fmt: skip
    first, *rest = (unit for unit in units if unit.files)
    return replace(first, others=tuple(rest))


def _fetch(copy: Copy, urls: Sequence[str]) -> dict[str, ReadError]:
    """Copies whole files, many at a time; what went wrong with which."""

    def one(url: str) -> None:
        try:
            _fetch_file(copy, url, _place(copy.local(url)))
        except ReadError:
            raise
        except OSError as error:
            reason = f"cannot be copied to {copy.folder}: {error.strerror}; set TMPDIR to another"
            raise ReadError(url, reason) from None

    results = zip(urls, in_parallel(one, urls), strict=True)
    return {url: result for url, result in results if isinstance(result, ReadError)}


def _fetch_file(copy: Copy, url: str, target: str) -> None:
    size = url.size if isinstance(url, Listed) else 1
    if not _fetch_tail(copy, url, size, target):
        if size > _IN_PIECES:
            copy.remote.copy(url, target)
        else:
            Path(target).write_bytes(copy.remote.read(url) if size else b"")
    _keep_time(url, target)


def _fetch_tail(copy: Copy, url: str, size: int, target: str) -> bool:
    """Copies the end of a file that has grown, where its ends show that it has; the rest is a hole.

    An object on S3 is replaced as a whole, so that what one request gives is of one state of it.
    """
    tail = copy.tails.known.get(target)
    if tail is None or size < tail.offset:
        return False
    start = max(0, tail.offset - WINDOW)
    try:
        head = copy.remote.read(url, 0, min(WINDOW, tail.offset))
        end = copy.remote.read(url, start)
    except ReadError:  # such as a file that has become shorter since it was listed
        return False
    with Path(target).open("wb") as file:
        file.write(head)
        file.seek(start)
        file.write(end)
    with open_bytes(target) as stream:
        return copy.tails.recall(target, Source(stream, Damage())) is not None


def _place(path: str) -> str:
    os.makedirs(folder_of(path), exist_ok=True)  # noqa: PTH103
    return path


def _keep_time(url: str, target: str) -> None:
    if isinstance(url, Listed) and url.changed:
        os.utime(target, (url.changed, url.changed))


def _fetch_settings(copy: Copy, found: RunFiles) -> None:
    """Settings near the logs, what readers want beside them, and names that show neighbours.

    What vanished meanwhile or may not be read is as if it were not there.
    """

    def one(url: str) -> None:
        name, target = url.rpartition("/")[2], copy.local(url)
        data = b"" if name in UNREAD else copy.remote.read(url, 0, MAX_BYTES + 1)
        Path(_place(target)).write_bytes(data)

    wanted = {
        url: None
        for unit in (found, *found.others)
        for url in (*(unit.near or Near()).settings, *_beside(copy.remote, unit))
        if not Path(copy.local(url)).exists()
    }
    list(in_parallel(one, wanted))
    for unit in (found, *found.others):
        if unit.near is not None and unit.near.shared:
            _show_neighbours(copy, unit)


def _beside(remote: Remote, unit: RunFiles) -> Iterator[str]:
    """Files that a reader looks for in the folder of the run."""
    for name in getattr(discover("readers")[unit.reader], "beside", ()):
        try:
            found = remote.fs.find(remote.path(f"{unit.key}/{name}"), detail=True)
        except Exception:  # there need not be any
            continue
        yield from map(remote.listed, found.values())


def _show_neighbours(copy: Copy, unit: RunFiles) -> None:
    """Settings above a log hold for it only while no folder beside its own has a log of its kind;
    the first one that has gets an empty file of that name, and a folder too many stands for many.
    """
    kind = log_kind(unit.files[0])
    folder = folder_of(unit.files[0])
    levels = {folder_of(url) for url in (unit.near or Near()).settings}
    while len(folder) > len(unit.root):
        parent = folder_of(folder)
        if any(len(level) <= len(parent) for level in levels):
            for url in _neighbours(copy.remote, parent, folder, kind):
                Path(_place(copy.local(url))).touch()
        folder = parent


def _neighbours(remote: Remote, parent: str, folder: str, kind: str) -> Iterator[str]:
    try:
        folders = [remote.listed(e) for e in remote.entries(parent) if e["type"] == "directory"]
        others = [f for f in folders if f != folder and f.rpartition("/")[2][:1] != "."]
        if len(others) > MOST_SIBLINGS:
            yield f"{others[0]}/{kind}"
            return
        for other in others:
            for entry in remote.entries(other):
                listed = remote.listed(entry)
                if kind in listed.rpartition("/")[2]:
                    yield listed
                    return
    except Exception:  # as for local folders: what cannot be seen may be a neighbour
        yield f"{parent}/unseen/{kind}"
