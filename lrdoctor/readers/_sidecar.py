"""Configuration files beside a log: settings the run was started with. Nothing is executed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    "training_args.json", "training_args.yaml", "train_args.json", "train_args.yaml",
    "hyperparameters.json", "hyperparameters.yaml", "opt.yaml", "hyp.yaml", ".hydra/config.yaml",
    "train_config.json", "train_config.yaml", "config.yaml", "config.yml", "config.json",
    "params.yaml", "params.json",
)  # fmt: skip
UNREAD = {
    "training_args.bin": "a pickle is never loaded; give its settings with --expect",
    "config.py": "Python code is never run; give its settings with --expect",
}
MAX_BYTES = 1 << 20
MAX_SETTINGS = 5000
MAX_YAML_DEPTH = 100  # libyaml composes recursively and ends the process on a stack overflow
MAX_YAML_NODES = 1 << 20  # with aliases written out; more than a file of MAX_BYTES has without
_MAX_DEPTH = 10
_MAX_ENTRIES = 1000  # of one mapping; more is data, such as a vocabulary
_MOST_NAMED = 5  # tables left out for their size that are named
PARENTS = 2  # folders above a log in which its settings may be
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d+")
MOST_SIBLINGS = 500


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
                found, left_out = _settings(path)
            except ReadError as error:
                notes.append(Note("configuration", f"not used: {error.reason}", error.path))
                continue
            if left_out:
                text = f"only part of it is used, without {left_out}"
                notes.append(Note("configuration", text, display_name(path, 1000)))
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
    for _ in range(PARENTS):
        parent = folder_of(folder)
        inside = os.path.abspath(parent)  # noqa: PTH100
        if os.path.commonpath([inside, top]) != top or _has_neighbour(parent, folder, files[0]):
            return
        folder = parent
        yield folder


def _has_neighbour(parent: str, folder: str, log: str) -> bool:
    """Whether another folder in ``parent`` has a log like ``log``."""
    kind = log_kind(log)
    try:
        with os.scandir(parent) as entries:
            below = [e.path for e in entries if e.is_dir() and e.name[:1] != "."]
        if len(below) > MOST_SIBLINGS:
            return True
        others = [p for p in below if not os.path.samefile(p, folder)]  # noqa: PTH121
        return any(kind in name for p in others for name in os.listdir(p))  # noqa: PTH208
    except OSError:
        return True


def log_kind(log: str) -> str:
    """What the names of logs like this one have in common."""
    name = os.path.basename(log)  # noqa: PTH119
    return "tfevents" if "tfevents" in name else name


def _unread(folder: str) -> Iterator[Note]:
    for name, reason in UNREAD.items():
        path = Path(folder, name)
        if path.is_file():
            yield Note("configuration", f"not read: {reason}", display_name(str(path), 1000))


def _settings(path: str) -> tuple[dict[str, Scalar], str]:
    text = read_document(path, MAX_BYTES)
    value = _json(path, text) if path.endswith(".json") else _yaml(path, text)
    if not isinstance(value, Mapping):
        raise ReadError(display_name(path, 1000), "no settings: not a mapping of names to values")
    if path.endswith("config.json") and {"architectures", "model_type"} & value.keys():
        return {}, ""  # the shape of a Hugging Face model, not of a training
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
    kind: Any = type("_PlainLoader", (base,), {})
    kind.add_multi_constructor("", _plain)
    try:
        if _depth(yaml.parse(text, Loader=base)) > MAX_YAML_DEPTH:
            raise _unparsed(path, None, f"nested deeper than {MAX_YAML_DEPTH} levels")
        loader = kind(text)
        node = loader.get_single_node()
        if _nodes(node, {}) > MAX_YAML_NODES:
            raise _unparsed(path, None, f"aliases that stand for over {MAX_YAML_NODES} entries")
        return None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        raise _unparsed(path, line, str(getattr(error, "problem", None) or error)) from error
    except ReadError:
        raise
    except Exception as error:  # constructors of dates, numbers and sets raise what they like
        raise _unparsed(path, None, f"{type(error).__name__}: {error}") from error


def _depth(events: Iterable[Any]) -> int:
    """The deepest nesting of a document, from its events, as far as the limit."""
    import yaml

    depth = deepest = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        deepest = max(deepest, depth)
        if deepest > MAX_YAML_DEPTH:
            break
    return deepest


def _nodes(node: Any, known: dict[int, int]) -> int:
    """How many nodes there are with every alias written out; merge keys really do that."""
    if id(node) not in known:
        known[id(node)] = 1  # also of a node that is within itself
        pairs = node.value if node is not None and isinstance(node.value, list) else []
        inner = [n for pair in pairs for n in (pair if isinstance(pair, tuple) else (pair,))]
        known[id(node)] = 1 + sum(_nodes(n, known) for n in inner)
    return known[id(node)]


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


def flat(value: Any) -> tuple[dict[str, Scalar], str]:
    """Nested settings under dotted names, list entries by position; and in words what is left out:
    what is nested too deep, tables too large to be settings, all after ``MAX_SETTINGS`` nodes.

    YAML reads "1e-3" as text; it becomes the number it was meant to be.
    """
    found: dict[str, Scalar] = {}
    pending: list[tuple[str, Any, int]] = [("", value, 0)]
    large: list[str] = []
    deep = 0
    # YAML aliases make small files of endless trees, so the nodes are counted, not the settings.
    for _ in range(MAX_SETTINGS):
        if not pending:
            break
        name, item, depth = pending.pop()
        if isinstance(item, Mapping | list | tuple):
            inner = item.items() if isinstance(item, Mapping) else enumerate(item)
            if len(item) > _MAX_ENTRIES:
                large.append(f"{display_name(name, 60)!r} ({len(item)} entries)")
            elif depth < _MAX_DEPTH:
                children = [(f"{name}.{k}" if name else str(k), v, depth + 1) for k, v in inner]
                pending += reversed(children)
            else:
                deep += 1
        elif isinstance(item, str) and _NUMBER.fullmatch(item.strip()):
            found[display_name(name)] = float(item)
        elif item is None or isinstance(item, bool | int | float):
            found[display_name(name)] = item
        else:
            found[display_name(name)] = display_name(str(item), 1000)
    left_out = large[:_MOST_NAMED]
    left_out += [f"{len(large) - _MOST_NAMED} more as large"] * (len(large) > _MOST_NAMED)
    left_out += [f"{deep} parts below {_MAX_DEPTH} levels"] * (deep > 0)
    left_out += [f"what comes after {MAX_SETTINGS} entries"] * bool(pending)
    return found, ", ".join(left_out)
