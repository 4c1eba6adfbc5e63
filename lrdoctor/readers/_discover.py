"""Finds runs: which files are training logs, who reads them, which belong together.

A reader takes part with ``patterns``, ``accepts`` and ``priority`` and, if it likes, ``group``:

- ``patterns`` are shell patterns in lower case. One with a slash ("*/metrics/*") is held against
  the whole path, any other against the file name; ".gz" is cut off before.
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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase, translate
from functools import cached_property
from typing import Any

from lrdoctor.errors import ReadError
from lrdoctor.plugins import discover
from lrdoctor.readers._sidecar import NAMES
from lrdoctor.readers._text import display_name, failure, folder_of, logical_name, read_head
from lrdoctor.types import Note
from lrdoctor.verdict import ReadFailure

MAX_FAMILY = 8  # logs of one place that are compared with each other; more is a collection of runs
SKIPPED_FOLDERS = {"__pycache__", "node_modules", "site-packages", "venv"}
_AGAIN = "folders met again through a link or another of the paths"
_CHECKPOINT = re.compile(r"checkpoint-\d+")
_PER_RESUME = re.compile(r".*tfevents.*|training_log_\d{4}(?:_\d{1,2}){5}\.txt(?:\.gz)?")
_NESTED = re.compile(r"(?:vis_data|tf_logs|tensorboard|tb|checkpoint-\d+)")
_WANDB_RUN = re.compile(r"(?:offline-)?run-.+")


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one run and the name of the reader for them.

    ``name`` is the path relative to the root it was found under, "/"-separated. ``others`` are logs
    of the same place which may hold the same run in another format; ``load`` reads them too and
    leaves out what says the same. ``root`` is the folder above which nothing is looked at.
    """

    name: str
    reader: str
    files: tuple[str, ...]
    others: tuple[RunFiles, ...] = ()
    root: str = ""

    @property
    def all_files(self) -> tuple[str, ...]:
        """Every file that loading this reads."""
        return (*self.files, *(f for other in self.others for f in other.files))


@dataclass
class Search(Iterator["RunFiles | ReadFailure"]):
    """Runs and failures, found one by one; what was passed over is known when it is exhausted."""

    paths: Sequence[str]
    exclude: Sequence[str]
    passed_over: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    uncompared: list[str] = field(default_factory=list)
    _searched: set[tuple[int, int]] = field(default_factory=set)

    def __next__(self) -> RunFiles | ReadFailure:
        return next(self._found)

    @cached_property
    def _found(self) -> Iterator[RunFiles | ReadFailure]:
        return self._search()

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was passed over or left undone so far and why, one note per reason."""
        notes = [
            Note("passed-over", f"{len(paths)} {reason}: {_some(paths)}")
            for reason, paths in sorted(self.passed_over.items())
        ]
        if self.uncompared:
            text = (
                f"{len(self.uncompared)} folders with more than {MAX_FAMILY} logs, taken for as "
                f"many runs without comparing them: {_some(self.uncompared)}"
            )
            notes.append(Note("not-compared", text))
        return tuple(notes)

    def _search(self) -> Iterator[RunFiles | ReadFailure]:
        readers = _readers()
        for path in self.paths:
            root = os.fspath(path)
            prefix = _slashed(root) if len(self.paths) > 1 else ""
            if os.path.isdir(root):  # noqa: PTH112
                yield from self._tree(root, prefix, readers)
            else:
                yield self._named_file(root, readers)

    def _tree(
        self, root: str, prefix: str, readers: Mapping[str, Any]
    ) -> Iterator[RunFiles | ReadFailure]:
        wanted = _any_pattern(readers)
        candidates: list[str] = []
        for path in self._walk(root):
            if isinstance(path, ReadFailure):
                yield path
            elif wanted.match(_key(path)):
                candidates.append(path)
        trainers = {_home(folder_of(p)) for p in candidates if "trainer_state.json" in p}
        places: dict[str, list[str]] = defaultdict(list)
        for path in candidates:
            places[_home(folder_of(path), trainers)].append(path)
        taken: set[str] = set()
        for place in sorted(places):
            units: list[tuple[str, RunFiles]] = []
            yield from self._units(places[place], readers, units)
            if len(units) > MAX_FAMILY:
                self.uncompared.append(place)
            yield from _families(_name(units, root, prefix, taken))

    def _units(
        self, paths: list[str], readers: Mapping[str, Any], units: list[tuple[str, RunFiles]]
    ) -> Iterator[ReadFailure]:
        """Appends the runs among ``paths`` with what groups them; yields what cannot be opened."""
        groups: dict[tuple[str, str], list[str]] = defaultdict(list)
        for path in paths:
            try:
                name = self._reader_of(path, read_head(path), _matching(path, readers))
            except ReadError as error:
                yield ReadFailure(error.path, error.reason)
                continue
            if name is None and os.path.basename(path) in NAMES:  # noqa: PTH119
                continue  # settings, read with the logs beside them
            if name is None:
                self.passed_over["files with a log's name hold no training log"].append(path)
            else:
                group = getattr(readers[name], "group", _shared_path)
                groups[name, group(path)].append(path)
        order = sorted(groups, key=lambda k: (-readers[k[0]].priority, k[1]))
        units += [(key[1], RunFiles("", key[0], tuple(groups[key]))) for key in order]

    def _walk(self, root: str) -> Iterator[str | ReadFailure]:
        """Regular files below ``root``, sorted; each folder once, whatever links lead to it."""
        stack = [root]
        while stack:
            folder = stack.pop()
            try:
                place = os.stat(folder)  # noqa: PTH116
                if (place.st_dev, place.st_ino) in self._searched:
                    self.passed_over[_AGAIN].append(folder)
                    continue
                self._searched.add((place.st_dev, place.st_ino))
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=lambda e: e.name)
            except OSError as error:
                wrong = failure(folder, error)
                yield ReadFailure(wrong.path, wrong.reason)
                continue
            below: list[str] = []
            for entry in listed:
                if self._is_excluded(entry, root):
                    continue
                try:
                    if entry.is_dir():
                        below.append(entry.path)
                    elif entry.is_file():
                        yield entry.path
                    elif os.path.exists(entry.path):  # noqa: PTH110
                        self.passed_over["pipes, sockets or devices"].append(entry.path)
                    elif entry.is_symlink():
                        self.passed_over["broken links"].append(entry.path)
                except OSError as error:
                    wrong = failure(entry.path, error)
                    yield ReadFailure(wrong.path, wrong.reason)
            stack += reversed(below)

    def _is_excluded(self, entry: os.DirEntry[str], root: str) -> bool:
        if entry.name.startswith(".") or entry.name in SKIPPED_FOLDERS:
            if entry.is_dir(follow_symlinks=False):
                self.passed_over["hidden or tool folders"].append(entry.path)
            return True
        relative = _slashed(os.path.relpath(entry.path, root))
        if any(fnmatchcase(relative, p) or fnmatchcase(entry.name, p) for p in self.exclude):
            self.passed_over["excluded by pattern"].append(entry.path)
            return True
        return False

    def _named_file(self, path: str, readers: Mapping[str, Any]) -> RunFiles | ReadFailure:
        try:
            head = read_head(path)
            # The user says it is a log: where no pattern fits, the content alone decides.
            matching = _matching(path, readers)
            name = self._reader_of(path, head, matching) or self._reader_of(path, head, readers)
        except ReadError as error:
            return ReadFailure(error.path, error.reason)
        if name is not None:
            name_shown = display_name(_slashed(path))
            return RunFiles(name_shown, name, (path,), root=_home(folder_of(path)))
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
                if readers[name].accepts(plain, head):
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


def files_below(paths: Sequence[str], exclude: Sequence[str] = ()) -> Iterator[str]:
    """Every file that ``find_runs`` would look at below each of ``paths``, logs or not, unopened;
    a path that is no folder comes as it is."""
    search = find_runs(paths, exclude)
    for path in search.paths:
        if os.path.isdir(path):  # noqa: PTH112
            yield from (file for file in search._walk(path) if isinstance(file, str))
        else:
            yield path


def _readers() -> dict[str, Any]:
    return {name: plugin() for name, plugin in discover("readers").items()}


def _matching(path: str, readers: Mapping[str, Any]) -> dict[str, Any]:
    key = _key(path)
    return {
        name: reader
        for name, reader in readers.items()
        if any(re.match(_pattern(p), key) for p in reader.patterns)
    }


def _key(path: str) -> str:
    return _slashed(logical_name(path)).lower()


def _pattern(pattern: str) -> str:
    return translate(pattern if "/" in pattern else f"*/{pattern}") + (
        "" if "/" in pattern else "|" + translate(pattern)
    )


def _any_pattern(readers: Mapping[str, Any]) -> re.Pattern[str]:
    return re.compile("|".join(_pattern(p) for r in readers.values() for p in r.patterns) or "(?!)")


def _slashed(path: str) -> str:
    return os.path.normpath(path).replace(os.sep, "/")


def _home(folder: str, trainers: set[str] | frozenset[str] = frozenset()) -> str:
    """The folder of the whole training: log folders that frameworks nest are stripped.

    Hugging Face writes event files to ``runs/<date>/`` beside the checkpoints; ``runs`` means
    nothing without such a neighbour (``trainers``).
    """
    parent, name = os.path.split(folder)
    run, metrics, _ = f"{_slashed(folder)}/".rpartition("/metrics/")
    if run and metrics:  # MLflow: a metric's name may hold slashes, each a folder
        return run
    if parent and (_NESTED.fullmatch(name) or (name == "files" and _is_wandb(parent))):
        return _home(parent, trainers)
    above, runs = os.path.split(parent)
    if runs == "runs" and above in trainers:
        return above
    return folder


def _shared_path(path: str) -> str:
    """What files of one run have in common where their reader does not say: the log of which
    ``checkpoint-500/`` has an early copy, the folder in which TensorBoard's writers and nnU-Net
    begin a file per resume."""
    folder, file = os.path.split(path)
    parent, name = os.path.split(folder)
    if _CHECKPOINT.fullmatch(name):
        return os.path.join(parent, file)  # noqa: PTH118
    return folder if folder and _PER_RESUME.fullmatch(file) else path


def _is_wandb(folder: str) -> bool:
    return _WANDB_RUN.fullmatch(os.path.basename(folder)) is not None  # noqa: PTH119


def _name(
    units: list[tuple[str, RunFiles]], root: str, prefix: str, taken: set[str]
) -> list[RunFiles]:
    """Runs named by their folder, by their file where the folder has several."""
    folders = [key if os.path.isdir(key) else folder_of(key) for key, _ in units]  # noqa: PTH112
    named = []
    for (key, unit), folder in zip(units, folders, strict=True):
        alone = folders.count(folder) == 1 or folder == key
        name = _relative(folder if alone else key, root, prefix)
        if name in taken:
            name = _relative(unit.files[0], root, prefix)
        taken.add(name)
        named.append(replace(unit, name=display_name(name), root=root))
    return named


def _relative(path: str, root: str, prefix: str) -> str:
    inside = _slashed(os.path.relpath(path, root))
    if inside != ".":
        return f"{prefix}/{inside}" if prefix else inside
    return prefix or os.path.basename(os.path.abspath(root)) or "/"  # noqa: PTH100, PTH119


def _families(units: list[RunFiles]) -> Iterator[RunFiles]:
    if 1 < len(units) <= MAX_FAMILY:
        yield replace(units[0], others=tuple(units[1:]))
    else:
        yield from units


def _some(paths: Sequence[str], limit: int = 5) -> str:
    shown = ", ".join(display_name(_slashed(p)) for p in paths[:limit])
    return shown if len(paths) <= limit else f"{shown} and {len(paths) - limit} more"
