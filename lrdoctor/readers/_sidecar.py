"""Configuration files beside a log: settings the run was started with. Nothing is executed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrdoctor.errors import ReadError
from lrdoctor.readers._records import decode
from lrdoctor.readers._text import display_name, folder_of, read_document
from lrdoctor.types import Note, Scalar

# What was written by the training itself comes before what a person may have changed since.
NAMES = (
    "hparams.yaml", "hparams.yml", "hparams.json", "args.yaml", "args.yml", "args.json",
    "training_args.json", "opt.yaml", "hyp.yaml", ".hydra/config.yaml", "config.yaml",
    "config.yml", "config.json", "params.yaml", "params.json",
)  # fmt: skip
UNREAD = {
    "training_args.bin": "a pickle is never loaded; give its settings with --expect",
    "config.py": "Python code is never run; give its settings with --expect",
}
MAX_BYTES = 1 << 20
MAX_SETTINGS = 5000
_MAX_DEPTH = 10
_MAX_ENTRIES = 1000  # of one mapping; more is data, such as a vocabulary
_PARENTS = 2
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+")
_MOST_SIBLINGS = 500


@dataclass(frozen=True, slots=True)
class Configuration:
    """Flat settings ("optimizer.lr"), the file each is from, and what could not be used."""

    hparams: Mapping[str, Scalar] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


def configuration(files: Sequence[str], root: str) -> Configuration:
    """The settings beside the log ``files``, of the nearest folder that has any.

    Looks in the log's folder and up to two folders above, never above ``root``, and only as long as
    no neighbouring folder has a log of the same kind, whose settings these might be.
    """
    hparams: dict[str, Scalar] = {}
    sources: dict[str, str] = {}
    notes: list[Note] = []
    for folder in _folders(files, root):
        for path in (os.path.join(folder, name) for name in NAMES):  # noqa: PTH118
            if path in files or not os.path.isfile(path):  # noqa: PTH113
                continue
            try:
                found = _settings(path)
            except ReadError as error:
                notes.append(Note("configuration", f"not used: {error.reason}", error.path))
                continue
            new = {k: v for k, v in found.items() if k not in hparams}
            hparams |= new
            sources |= dict.fromkeys(new, display_name(path, 1000))
        notes += _unread(folder)
        if hparams:
            break
    return Configuration(hparams, sources, tuple(notes))


def _folders(files: Sequence[str], root: str) -> Iterator[str]:
    folder = folder_of(files[0])
    yield folder
    top = os.path.abspath(root or folder)  # noqa: PTH100
    for _ in range(_PARENTS):
        parent = folder_of(folder)
        inside = os.path.abspath(parent)  # noqa: PTH100
        if os.path.commonpath([inside, top]) != top or _has_neighbour(parent, folder, files[0]):
            return
        folder = parent
        yield folder


def _has_neighbour(parent: str, folder: str, log: str) -> bool:
    """Whether another folder in ``parent`` has a log like ``log``."""
    name = os.path.basename(log)  # noqa: PTH119
    kind = "tfevents" if "tfevents" in name else name
    try:
        with os.scandir(parent) as entries:
            below = [e.path for e in entries if e.is_dir() and e.name[:1] != "."]
        if len(below) > _MOST_SIBLINGS:
            return True
        others = [p for p in below if not os.path.samefile(p, folder)]  # noqa: PTH121
        return any(kind in entry.name for p in others for entry in os.scandir(p))
    except OSError:
        return True


def _unread(folder: str) -> Iterator[Note]:
    for name, reason in UNREAD.items():
        path = Path(folder, name)
        if path.is_file():
            yield Note("configuration", f"not read: {reason}", display_name(str(path), 1000))


def _settings(path: str) -> dict[str, Scalar]:
    text = read_document(path, MAX_BYTES)
    value = _json(path, text) if path.endswith(".json") else _yaml(path, text)
    if not isinstance(value, Mapping):
        raise ReadError(display_name(path, 1000), "no settings: not a mapping of names to values")
    if path.endswith("config.json") and {"architectures", "model_type"} & value.keys():
        return {}  # the shape of a Hugging Face model, not of a training
    return flat(value)


def _json(path: str, text: str) -> Any:
    try:
        return decode(text.lstrip("\ufeff"))
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise _unparsed(path, line, str(getattr(error, "msg", error))) from error


def _yaml(path: str, text: str) -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # Argument namespaces and paths come with Python tags; their content is taken as plain data.
    loader: Any = type("_PlainLoader", (base,), {})
    loader.add_multi_constructor("", _plain)
    try:
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        raise _unparsed(path, line, str(getattr(error, "problem", None) or error)) from error
    except (ValueError, TypeError, RecursionError, OverflowError, AttributeError) as error:
        raise _unparsed(path, None, str(error)) from error


def _plain(loader: Any, _suffix: str, node: Any) -> Any:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


def _unparsed(path: str, line: int | None, problem: str) -> ReadError:
    place = "" if line is None else f"line {line}: "
    return ReadError(display_name(path, 1000), f"{place}{display_name(problem)}")


def flat(value: Any) -> dict[str, Scalar]:
    """Nested settings under dotted names, list entries by position, of the first ``MAX_SETTINGS``
    nodes.

    YAML reads "1e-3" as text; it becomes the number it was meant to be.
    """
    found: dict[str, Scalar] = {}
    pending: list[tuple[str, Any, int]] = [("", value, 0)]
    # YAML aliases make small files of endless trees, so the nodes are counted, not the settings.
    for _ in range(MAX_SETTINGS):
        if not pending:
            break
        name, item, depth = pending.pop()
        if isinstance(item, Mapping | list | tuple):
            inner = item.items() if isinstance(item, Mapping) else enumerate(item)
            if depth < _MAX_DEPTH and len(item) <= _MAX_ENTRIES:
                children = [(f"{name}.{k}" if name else str(k), v, depth + 1) for k, v in inner]
                pending += reversed(children)
        elif isinstance(item, str) and _NUMBER.fullmatch(item.strip()):
            found[display_name(name)] = float(item)
        elif item is None or isinstance(item, bool | int | float):
            found[display_name(name)] = item
        else:
            found[display_name(name)] = display_name(str(item), 1000)
    return found
