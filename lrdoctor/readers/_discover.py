"""Finds runs: which files are training logs, who reads them, which belong together.

A reader takes part with ``patterns``, ``accepts`` and ``priority`` and, if it likes, ``group``:

- ``patterns`` are shell patterns in lower case. One with a slash ("*/metrics/*") is held against
  the whole path, any other against the file name; ".gz" is cut off before.
- ``head_bytes``, if it has that, is how much of a remote file ``accepts`` wants to see instead.
- Of the readers whose pattern matches, the one with the highest ``priority`` whose
  ``accepts(path, head)`` is true gets the file; the path comes without ".gz", the head
  decompressed. Specific formats are at 10 or more, generic tables at 0, free text below.
- ``group(path) -> str`` names the folder (or file) all files of one run share, e.g. the folder of
  an event file. Without it each file is a run of its own, but for copies in ``checkpoint-<n>``
  folders, event files and nnU-Net's logs. ``read`` gets all files of a group.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from lrdoctor.errors import ReadError
from lrdoctor.plugins import discover
from lrdoctor.readers._places import Gathering, Near, Place, home
from lrdoctor.readers._sidecar import NAMES
from lrdoctor.readers._text import HEAD_BYTES, display_name, folder_of, logical_name, read_head
from lrdoctor.readers._url import is_remote, without_secrets
from lrdoctor.readers._walk import Left, Met, Tally, Walk, matches, slashed
from lrdoctor.types import Note
from lrdoctor.verdict import ReadFailure

if TYPE_CHECKING:
    from lrdoctor.readers._remote_heads import Heads

MAX_FAMILY = 8  # logs of one place that are compared with each other; more is a collection of runs
_CHECKPOINT = re.compile(r"checkpoint-\d+")
_PER_RESUME = re.compile(r".*tfevents.*|training_log_\d{4}(?:_\d{1,2}){5}\.txt(?:\.gz)?")


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one run and the name of the reader for them.

    ``name`` is the path relative to the root it was found under, "/"-separated. ``others`` are logs
    of the same place which may hold the same run in another format; ``load`` reads them too and
    leaves out what says the same. ``root`` is the folder above which nothing is looked at, ``key``
    the file or folder that the files have in common, ``near`` the configuration around them where
    a search has looked for it.
    """

    name: str
    reader: str
    files: tuple[str, ...]
    others: tuple[RunFiles, ...] = ()
    root: str = ""
    key: str = ""
    near: Near | None = None

    @property
    def all_files(self) -> tuple[str, ...]:
        """Every file that loading this reads."""
        return (*self.files, *(f for other in self.others for f in other.files))


class Memory(Protocol):
    """What is known of files from an earlier search, so that they need not be opened again."""

    def recall(self, path: str) -> str | None:
        """The reader of the file, "" where it is no log; None where it must be looked at."""

    def learn(self, path: str, reader: str) -> None:
        """Takes down what ``recall`` shall say of the file as it was at the last ``recall``."""


class NoMemory:
    """Knows nothing: every file is looked at."""

    def recall(self, path: str) -> str | None:
        """None."""

    def learn(self, path: str, reader: str) -> None:
        """Forgets it."""


@dataclass
class Search(Iterator["RunFiles | ReadFailure"]):
    """Runs and failures, found one by one; what was passed over is known when it is exhausted.

    In order of their places; with ``streaming``, as soon as all folders of a place have been seen.
    Only files that match ``include`` are looked at, where it has any patterns.
    """

    paths: Sequence[str]
    exclude: Sequence[str] = ()
    include: Sequence[str] = ()
    memory: Memory = field(default_factory=NoMemory)
    streaming: bool = False
    uncompared: Tally = field(default_factory=Tally)
    incomplete: set[str] = field(default_factory=set)
    """Remote roots that were not listed to their end."""
    _heads: Heads | None = None

    def __next__(self) -> RunFiles | ReadFailure:
        return next(self._found)

    @cached_property
    def _found(self) -> Iterator[RunFiles | ReadFailure]:
        return self._search()

    @cached_property
    def _walk(self) -> Walk:
        return Walk(self.exclude)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was passed over or left undone so far and why, one note per reason."""
        if not self.uncompared.count:
            return self._walk.notes
        text = (
            f"{self.uncompared.count} folders with more than {MAX_FAMILY} logs, taken for as "
            f"many runs without comparing them: {self.uncompared}"
        )
        return (*self._walk.notes, Note("not-compared", text))

    def _search(self) -> Iterator[RunFiles | ReadFailure]:
        readers = _readers()
        for path in self.paths:
            root = os.fspath(path)
            prefix = slashed(root) if len(self.paths) > 1 else ""
            if is_remote(root):
                yield from self._remote(root, prefix, readers)
            elif os.path.isdir(root):  # noqa: PTH112
                yield from self._tree(root, prefix, readers)
            else:
                yield self._named_file(root, readers)

    def _remote(
        self, root: str, prefix: str, readers: Mapping[str, Any]
    ) -> Iterator[RunFiles | ReadFailure]:
        from lrdoctor.readers._remote import connect
        from lrdoctor.readers._remote_heads import Heads, near_file

        try:
            remote = connect(root)
            self._heads = Heads(remote, lambda url: _head_size(_matching(url, readers)))
            if (file := remote.file()) is None:
                yield from self._tree(remote.url, without_secrets(prefix), readers)
                return
            found = self._named_file(file, readers)
            if isinstance(found, RunFiles):
                found = replace(found, near=near_file(file))
        except ReadError as error:
            self.incomplete.add(root.rstrip("/"))
            yield ReadFailure(error.path, error.reason)
            return
        finally:
            self._heads = None
        yield found

    def _tree(
        self, root: str, prefix: str, readers: Mapping[str, Any]
    ) -> Iterator[RunFiles | ReadFailure]:
        places: Iterable[Place | ReadFailure] = self._places(root, _any_pattern(readers))
        if not self.streaming:
            places = sorted(places, key=_order)
        if self._heads is not None:
            places = self._heads.ahead(places, self._is_unknown)
        for place in places:
            if isinstance(place, ReadFailure):
                yield place
                continue
            units: list[tuple[str, RunFiles]] = []
            yield from self._units(list(place.logs), readers, units)
            if len(units) > MAX_FAMILY:
                self.uncompared.add(place.folder)
            yield from _families(_name(units, root, prefix, place.logs))

    def _places(self, root: str, wanted: re.Pattern[str]) -> Iterator[Place | ReadFailure]:
        """Folders of a training with all logs in them and in the folders that nest below."""
        gathering = Gathering()
        for met in self._folders(root):
            if isinstance(met, ReadFailure):
                if self._heads is not None:
                    self.incomplete.add(root)
                yield met
            elif isinstance(met, Left):
                yield from gathering.leave(met.folder)
            else:
                logs = [p for p in met.files if wanted.match(_key(p))]
                if self.include:
                    logs = [p for p in logs if matches(p, root, self.include)]
                gathering.meet(met, logs)
        yield from gathering.rest()

    def _folders(self, root: str) -> Iterator[Met | Left | ReadFailure]:
        if self._heads is None:
            return self._walk.folders(root)
        from lrdoctor.readers._remote_walk import Filter, remote_folders

        def odd(url: str) -> None:
            self._walk.passed_over["objects with names that no file can have"].add(url)

        excluded = partial(self._walk.excludes, root=root)
        return remote_folders(self._heads.remote, Filter(excluded, odd))

    def _units(
        self, paths: list[str], readers: Mapping[str, Any], units: list[tuple[str, RunFiles]]
    ) -> Iterator[ReadFailure]:
        """Appends the runs among ``paths`` with what groups them; yields what cannot be opened."""
        groups: dict[tuple[str, str], list[str]] = defaultdict(list)
        for path in paths:
            try:
                name = self._known_reader(path, readers)
            except ReadError as error:
                yield ReadFailure(error.path, error.reason)
                continue
            if not name and os.path.basename(path) in NAMES:  # noqa: PTH119
                continue  # settings, read with the logs beside them
            if not name:
                self._walk.passed_over["files with a log's name hold no training log"].add(path)
            else:
                group = getattr(readers[name], "group", _shared_path)
                groups[name, group(path)].append(path)
        order = sorted(groups, key=lambda k: (-readers[k[0]].priority, k[1]))
        units += [(key[1], RunFiles("", key[0], tuple(groups[key]))) for key in order]

    def _known_reader(self, path: str, readers: Mapping[str, Any]) -> str:
        """The reader that takes the file, "" where none does; it is opened if need be."""
        known = self.memory.recall(path)
        if known is None or (known and known not in readers):
            known = self._reader_of(path, self._head(path), _matching(path, readers)) or ""
            self.memory.learn(path, known)
        return known

    def _is_unknown(self, path: str) -> bool:
        return self.memory.recall(path) is None

    def _head(self, path: str) -> bytes:
        return read_head(path) if self._heads is None else self._heads.take(path)

    def _named_file(self, path: str, readers: Mapping[str, Any]) -> RunFiles | ReadFailure:
        try:
            head = self._head(path)
            # The user says it is a log: where no pattern fits, the content alone decides.
            matching = _matching(path, readers)
            name = self._reader_of(path, head, matching) or self._reader_of(path, head, readers)
        except ReadError as error:
            return ReadFailure(error.path, error.reason)
        if name is not None:
            name_shown = display_name(slashed(path))
            return RunFiles(name_shown, name, (path,), root=home(folder_of(path)), key=path)
        if not head:
            return ReadFailure(
                display_name(path, 1000), "the file is empty; nothing was logged yet?"
            )
        known = ", ".join(readers)
        return ReadFailure(
            display_name(path, 1000),
            f"no training log that a reader knows ({known}); a table needs a header with columns "
            "such as step, loss, lr",
        )

    def _reader_of(self, path: str, head: bytes, readers: Mapping[str, Any]) -> str | None:
        """The reader that takes the file. One that fails over it does not end the search: others
        are asked, and ``ReadError`` says so where they do not know it."""
        plain, problem = logical_name(path), ""
        for name in sorted(readers, key=lambda n: (-readers[n].priority, n)):
            try:
                if readers[name].accepts(plain, head[: _head_size({name: readers[name]})]):
                    return name
            except Exception as error:
                text = display_name(str(error))
                problem = f"the reader {name} failed over it: {type(error).__name__}: {text}"
        if problem:
            raise ReadError(display_name(path, 1000), f"{problem} (a bug of ours)")
        return None


def find_runs(paths: Sequence[str], exclude: Sequence[str] = ()) -> Search:
    """Runs below each of ``paths`` (files or folders), in sorted order, without reading them.

    ``exclude`` are shell patterns for relative paths or names. A file named by itself that no
    reader accepts is a ``ReadFailure``; in a folder it is passed over and counted.
    """
    return Search(tuple(paths), tuple(exclude))


def _readers() -> dict[str, Any]:
    return {name: plugin() for name, plugin in discover("readers").items()}


def _matching(path: str, readers: Mapping[str, Any]) -> dict[str, Any]:
    key = _key(path)
    return {
        name: reader
        for name, reader in readers.items()
        if any(re.match(_pattern(p), key) for p in reader.patterns)
    }


def _head_size(readers: Mapping[str, Any]) -> int:
    """Bytes of a head that these readers need at most where they cannot open the file."""
    return max((getattr(r, "head_bytes", HEAD_BYTES) for r in readers.values()), default=HEAD_BYTES)


def _key(path: str) -> str:
    return slashed(logical_name(path)).lower()


@cache
def _pattern(pattern: str) -> str:
    return translate(pattern if "/" in pattern else f"*/{pattern}") + (
        "" if "/" in pattern else "|" + translate(pattern)
    )


def _any_pattern(readers: Mapping[str, Any]) -> re.Pattern[str]:
    return re.compile("|".join(_pattern(p) for r in readers.values() for p in r.patterns) or "(?!)")


def _shared_path(path: str) -> str:
    """What files of one run have in common where their reader does not say: the log of which
    ``checkpoint-500/`` has an early copy, the folder in which TensorBoard's writers and nnU-Net
    begin a file per resume."""
    folder, file = os.path.split(path)
    parent, name = os.path.split(folder)
    if _CHECKPOINT.fullmatch(name):
        return os.path.join(parent, file)  # noqa: PTH118
    return folder if folder and _PER_RESUME.fullmatch(file) else path


def _name(
    units: list[tuple[str, RunFiles]], root: str, prefix: str, logs: Mapping[str, Near]
) -> list[RunFiles]:
    """Runs named by their folder, by their file where the folder has several."""
    folders = [key if _is_above(key, unit) else folder_of(key) for key, unit in units]
    taken: set[str] = set()
    named = []
    for (key, unit), folder in zip(units, folders, strict=True):
        alone = folders.count(folder) == 1 or folder == key
        name = _relative(folder if alone else key, root, prefix)
        if name in taken:
            name = _relative(unit.files[0], root, prefix)
        taken.add(name)
        near = logs[unit.files[0]]
        named.append(replace(unit, name=display_name(name), root=root, key=key, near=near))
    return named


def _is_above(key: str, unit: RunFiles) -> bool:
    """Whether ``key`` is the folder of the files, not what they are copies of."""
    return unit.files[0].startswith(os.path.join(key, ""))  # noqa: PTH118


def _relative(path: str, root: str, prefix: str) -> str:
    inside = slashed(os.path.relpath(path, root))
    if inside != ".":
        return f"{prefix}/{inside}" if prefix else inside
    return prefix or os.path.basename(os.path.abspath(root)) or "/"  # noqa: PTH100, PTH119


def _families(units: list[RunFiles]) -> Iterator[RunFiles]:
    if 1 < len(units) <= MAX_FAMILY:
        yield replace(units[0], others=tuple(units[1:]))
    else:
        yield from units


def _order(place: Place | ReadFailure) -> tuple[bool, str]:
    """Failures first, as they came."""
    return (True, place.folder) if isinstance(place, Place) else (False, "")
