"""Walks a tree folder by folder: the one place that lists folders, and it holds none of them back.

A folder is given when it is met and again when all below it has been, so that what belongs to it
is complete; memory grows with the depth of the tree and, by 70 bytes each, with the folders seen.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from lrdoctor.readers._text import display_name, failure
from lrdoctor.readers._url import is_remote
from lrdoctor.types import Note
from lrdoctor.verdict import ReadFailure

SKIPPED_FOLDERS = {"__pycache__", "node_modules", "site-packages", "venv"}
_AGAIN = "folders met again through a link or another of the paths"
_SHOWN = 5


@dataclass(slots=True)
class Tally:
    """Counts paths and keeps the first few to name."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, path: str) -> None:
        """Counts one more."""
        self.count += 1
        if len(self.first) < _SHOWN:
            self.first.append(path)

    def __str__(self) -> str:
        shown = ", ".join(display_name(slashed(p)) for p in self.first)
        return shown if self.count <= _SHOWN else f"{shown} and {self.count - _SHOWN} more"


@dataclass(frozen=True, slots=True)
class Met:
    """A folder with the paths of its regular files, sorted, the number of folders in it, and the
    names of those that are hidden.

    ``inside`` has files in hidden folders by their place in this one, where a listing told of them.
    """

    folder: str
    files: tuple[str, ...]
    below: int
    hidden: frozenset[str] = frozenset()
    inside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Left:
    """All below this folder has been given."""

    folder: str


@dataclass(slots=True)
class Walk:
    """Walks any number of trees; each folder once, whatever links lead to it.

    ``exclude`` are shell patterns for names and for paths relative to the root of a tree.
    """

    exclude: Sequence[str] = ()
    passed_over: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    _seen: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was passed over so far and why, one note per reason."""
        return tuple(
            Note("passed-over", f"{tally.count} {reason}: {tally}")
            for reason, tally in sorted(self.passed_over.items())
        )

    def folders(self, root: str) -> Iterator[Met | Left | ReadFailure]:
        """Every folder below ``root``, itself first, names in order; failures as they come."""
        stack: list[str | Left] = [root]
        while stack:
            folder = stack.pop()
            if isinstance(folder, Left):
                yield folder
                continue
            try:
                if self._is_known(folder):
                    self.passed_over[_AGAIN].add(folder)
                    continue
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=_name)
            except OSError as error:
                yield _failed(folder, error)
                continue
            files: list[str] = []
            below: list[str] = []
            for entry in listed:
                is_folder = entry.name.startswith(".") or entry.name in SKIPPED_FOLDERS
                is_folder = is_folder and entry.is_dir(follow_symlinks=False)
                if self.excludes(entry.path, entry.name, is_folder, root):
                    continue
                try:
                    self._sort_in(entry, files, below)
                except OSError as error:
                    yield _failed(entry.path, error)
            stack.append(Left(folder))
            stack += reversed(below)
            hidden = frozenset(e.name for e in listed if e.name.startswith("."))
            yield Met(folder, tuple(files), len(below), hidden)

    def _is_known(self, folder: str) -> bool:
        place = os.stat(folder)  # noqa: PTH116
        seen = self._seen[place.st_dev]
        if place.st_ino in seen:
            return True
        seen.add(place.st_ino)
        return False

    def _sort_in(self, entry: os.DirEntry[str], files: list[str], below: list[str]) -> None:
        if entry.is_dir():
            below.append(entry.path)
        elif entry.is_file():
            files.append(entry.path)
        elif os.path.exists(entry.path):  # noqa: PTH110
            self.passed_over["pipes, sockets or devices"].add(entry.path)
        elif entry.is_symlink():
            self.passed_over["broken links"].add(entry.path)

    def excludes(self, path: str, name: str, is_folder: bool, root: str) -> bool:
        """Whether to leave out what is at ``path``; takes it down."""
        if name.startswith(".") or name in SKIPPED_FOLDERS:
            if is_folder:
                self.passed_over["hidden or tool folders"].add(path)
            return True
        if self.exclude and matches(path, root, self.exclude):
            self.passed_over["excluded by pattern"].add(path)
            return True
        return False


def matches(path: str, root: str, patterns: Sequence[str]) -> bool:
    """Whether a shell pattern fits the name of ``path`` or its place below ``root``."""
    relative = slashed(os.path.relpath(path, root))
    name = relative.rpartition("/")[2]
    return any(fnmatchcase(relative, p) or fnmatchcase(name, p) for p in patterns)


def slashed(path: str) -> str:
    """The path, normalised, with "/" between its parts; a URL as it is."""
    if is_remote(path):
        return path
    return os.path.normpath(path).replace(os.sep, "/")


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _failed(path: str, error: OSError) -> ReadFailure:
    wrong = failure(path, error)
    return ReadFailure(wrong.path, wrong.reason)
