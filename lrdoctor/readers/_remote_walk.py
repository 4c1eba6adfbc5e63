"""Walks a remote root folder by folder, as the walk of a local tree does, with few requests.

Object stores list all that is below a prefix at once, a thousand keys per request on S3, however
many folders that are; it is held folder by folder directly below the root. Elsewhere each folder is
listed by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from lrdoctor.readers._remote import Listed, Remote, failed
from lrdoctor.readers._sidecar import NAMES
from lrdoctor.readers._walk import Left, Met
from lrdoctor.types import _Value
from lrdoctor.verdict import ReadFailure

LONGEST_NAME = 255  # bytes of a file name on usual file systems
_HIDDEN = frozenset(name for name in NAMES if "/" in name)


@dataclass(frozen=True, slots=True)
class Filter(_Value):
    """What a walk leaves out: ``excluded(url, name, is_folder)`` takes it down; ``odd(url)`` takes
    down objects whose names cannot be those of files."""

    excluded: Callable[[str, str, bool], bool]
    odd: Callable[[str], None]


@dataclass(slots=True)
class _Folder:
    """A folder of a flat listing."""

    files: list[Listed] = field(default_factory=list)
    folders: dict[str, _Folder] = field(default_factory=dict)


def remote_folders(remote: Remote, sieve: Filter) -> Iterator[Met | Left | ReadFailure]:
    """Every folder below the root, itself first, names in order.

    A listing that breaks off ends the walk with a failure named after the root.
    """
    if not getattr(remote.fs, "async_impl", False):
        yield from _by_folder(remote, sieve)
        return
    try:
        yield from _flat(remote, sieve)
    except Exception as error:
        yield _broken(remote.url, error)


def _broken(url: str, error: Exception) -> ReadFailure:
    wrong = failed(url, error)
    return ReadFailure(wrong.path, f"the listing broke off: {wrong.reason}")


def _by_folder(remote: Remote, sieve: Filter) -> Iterator[Met | Left | ReadFailure]:
    stack: list[str | Left] = [remote.url]
    while stack:
        url = stack.pop()
        if isinstance(url, Left):
            yield url
            continue
        try:
            entries = remote.entries(url)
        except Exception as error:
            yield _broken(url, error)
            continue
        node = _Folder()
        for entry in entries:
            _add(node, url, remote.listed(entry), entry["type"] == "directory", sieve)
        below = [f"{url}/{name}" for name in _shown(node, url, sieve)]
        yield _met(url, node, below, sieve)
        stack.append(Left(url))
        stack += reversed(below)


def _flat(remote: Remote, sieve: Filter) -> Iterator[Met | Left]:
    """Files of the root first, as settings there may be meant for what is below."""
    top = _Folder()
    for entry in _one_level(remote):
        _add(top, remote.url, remote.listed(entry), entry["type"] == "directory", sieve)
    below = [f"{remote.url}/{name}" for name in _shown(top, remote.url, sieve)]
    yield _met(remote.url, top, below, sieve)
    for url, node in _subtrees(remote, below, sieve):
        yield from _events(url, node, sieve)
    yield Left(remote.url)


def _one_level(remote: Remote) -> Iterator[Mapping[str, Any]]:
    if not hasattr(remote.fs, "call_s3"):
        yield from remote.entries(remote.url)
        return
    for page in _pages(remote, "/"):
        for prefix in page.get("CommonPrefixes", ()):
            yield {"name": _name(remote, prefix["Prefix"]), "type": "directory"}
        yield from _objects(remote, page)


def _subtrees(
    remote: Remote, folders: Sequence[str], sieve: Filter
) -> Iterator[tuple[str, _Folder]]:
    """Each of these folders directly below the root with all that is in it."""
    if not hasattr(remote.fs, "call_s3"):
        for url in folders:
            yield url, _tree(url, map(remote.listed, _found(remote, url)), sieve)
        return
    entries = (entry for page in _pages(remote) for entry in _objects(remote, page))
    wanted, start = frozenset(folders), len(remote.url) + 1
    files = map(remote.listed, entries)
    for url, within in groupby(files, lambda f: f[: max(f.find("/", start), 0)]):
        if url in wanted:
            yield url, _tree(url, within, sieve)


def _tree(url: str, files: Iterable[Listed], sieve: Filter) -> _Folder:
    node = _Folder()
    for listed in files:
        _add(node, url, listed, False, sieve)
    return node


def _found(remote: Remote, url: str) -> list[Mapping[str, Any]]:
    """All files below a folder; an object whose name ends in a slash stands for a folder."""
    found = remote.fs.find(remote.path(url), detail=True)
    return [found[name] for name in sorted(found) if not name.endswith("/")]


def _pages(remote: Remote, delimiter: str = "") -> Iterator[Mapping[str, Any]]:
    """The pages of a listing on S3, held one at a time."""
    bucket, _, key = remote.base.partition("/")
    more: dict[str, str] = {}
    while True:
        page = remote.fs.call_s3(
            "list_objects_v2",
            Bucket=bucket, Prefix=f"{key}/" if key else "", Delimiter=delimiter, **more,
        )  # fmt: skip
        yield page
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _objects(remote: Remote, page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects of a page but for those that stand for folders."""
    for found in page.get("Contents", ()):
        if not found["Key"].endswith("/"):
            yield {**found, "name": _name(remote, found["Key"]), "size": found["Size"],
                   "type": "file"}  # fmt: skip


def _name(remote: Remote, key: str) -> str:
    return f"{remote.base.partition('/')[0]}/{key}"


def _add(node: _Folder, folder: str, listed: Listed, is_folder: bool, sieve: Filter) -> None:
    """Sorts what was found below ``folder`` into its folders, made as needed."""
    *parents, name = listed[len(folder) + 1 :].split("/")
    if not all(map(_is_possible, (*parents, name))):
        sieve.odd(listed)
        return
    for parent in parents:
        node = node.folders.setdefault(parent, _Folder())
    if is_folder:
        node.folders.setdefault(name, _Folder())
    else:
        node.files.append(listed)


def _is_possible(name: str) -> bool:
    """Whether an object's name can be a file's: keys are free text, and a copy must stay where it
    is put."""
    fits = len(name.encode("utf-8", "surrogateescape")) <= LONGEST_NAME
    return fits and name not in ("", ".", "..") and "\0" not in name


def _events(url: str, node: _Folder, sieve: Filter) -> Iterator[Met | Left]:
    stack: list[tuple[str, _Folder] | Left] = [(url, node)]
    while stack:
        at = stack.pop()
        if isinstance(at, Left):
            yield at
            continue
        url, node = at
        names = _shown(node, url, sieve)
        yield _met(url, node, names, sieve)
        stack.append(Left(url))
        stack += [(f"{url}/{name}", node.folders[name]) for name in reversed(names)]


def _shown(node: _Folder, url: str, sieve: Filter) -> list[str]:
    return [n for n in sorted(node.folders) if not sieve.excluded(f"{url}/{n}", n, True)]


def _met(url: str, node: _Folder, below: list[str], sieve: Filter) -> Met:
    named = ((listed, listed.rpartition("/")[2]) for listed in node.files)
    files = [listed for listed, name in named if not sieve.excluded(listed, name, False)]
    hidden = {name: folder for name, folder in node.folders.items() if name.startswith(".")}
    inside = {
        f"{name}/{listed.rpartition('/')[2]}": listed
        for name, folder in hidden.items()
        for listed in folder.files
    }
    known = {name: listed for name, listed in inside.items() if name in _HIDDEN}
    return Met(url, tuple(sorted(files)), len(below), frozenset(hidden), known)
