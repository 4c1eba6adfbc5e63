"""MLflow's file store: a folder per run with ``metrics/``, ``params/``, ``tags/``, ``meta.yaml``.

A metric file has lines ``timestamp_ms value [step [dataset name, digest]]``; metric names with
slashes lie in subfolders. Layout: mlflow ``store/tracking/file_store.py``.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from lrdoctor.errors import ReadError
from lrdoctor.readers._collect import Collector, scalar
from lrdoctor.readers._text import (
    Lines,
    check_numbers,
    display_name,
    head_text,
    logical_name,
    read_head,
)
from lrdoctor.readers._url import is_remote
from lrdoctor.types import Note, RawLog, RawSeries, Scalar

_METRICS, _PARAMS, _TAGS, _META = "metrics", "params", "tags", "meta.yaml"
_LINE = re.compile(r"(\d{10,16}) (\S+)(?: (-?\d{1,18}))?(?: \S+ \S+)?\s*")
_STATUS = re.compile(r"^status: *'?(\w+)'?\s*$", re.MULTILINE)
_UNFINISHED = {"1": "running", "2": "scheduled", "4": "failed", "5": "killed"}
_LONGEST_SETTING = 8192


@dataclass(frozen=True, slots=True)
class Mlflow:
    """One raw log per run folder; the tag is the metric's path below ``metrics/``."""

    name: ClassVar[str] = "mlflow"
    patterns: ClassVar[tuple[str, ...]] = ("*/metrics/*",)
    priority: ClassVar[int] = 20
    beside: ClassVar[tuple[str, ...]] = (_PARAMS, _TAGS, _META)

    def accepts(self, path: str, head: bytes) -> bool:
        """Whether the file lies in a ``metrics`` folder and its first line is a metric's."""
        first = head_text(head).partition("\n")[0]
        return _LINE.fullmatch(first) is not None and _metrics_folder(path) is not None

    def group(self, path: str) -> str:
        """The folder of the run."""
        if is_remote(path):  # textual: there is no looking for ``meta.yaml``
            run, _, _ = path.rpartition(f"/{_METRICS}/")
            return run or path
        folder = _metrics_folder(path)
        return path if folder is None else str(folder.parent)

    def read(self, files: Sequence[str]) -> Iterator[RawLog]:
        """One raw log per run; the metric files of a run are read together."""
        runs: dict[str, list[str]] = defaultdict(list)
        for file in files:
            runs[self.group(file)].append(file)
        for folder, metrics in runs.items():
            yield _read(Path(folder), sorted(metrics))


@dataclass
class _Metrics:
    """What the metric files read so far have said."""

    columns: Collector = field(default_factory=Collector)
    notes: list[Note] = field(default_factory=list)

    def take(self, tag: str, file: str) -> None:
        """Adds one metric file."""
        lines, malformed = Lines(file), 0
        for _, line in lines:
            parts = _LINE.fullmatch(line)
            try:
                value = float(parts[2]) if parts else None
            except ValueError:
                value = None
            if parts is None or value is None:
                malformed += 1
                continue
            self.columns.add(tag, int(parts[3] or 0), value, int(parts[1]) / 1000)
            check_numbers(file, self.columns.numbers)
        self.notes += lines.notes
        if malformed:
            message = f"{malformed} lines are not 'timestamp value step' and were left out"
            self.notes.append(Note("malformed-lines", message, file))


def _read(folder: Path, files: Sequence[str]) -> RawLog:
    metrics = _Metrics()
    failed: list[ReadError] = []
    for file in files:
        base = _metrics_folder(file)
        tag = Path(logical_name(file)).relative_to(base).as_posix() if base else file
        try:
            metrics.take(tag, file)
        except ReadError as error:
            failed.append(error)
    if not metrics.columns:
        raise failed[0] if failed else ReadError(str(folder), "no points in its metrics")
    notes = [*metrics.notes, *(Note("unreadable", e.reason, e.path) for e in failed)]
    notes += _status_note(folder)
    series, axis = _placed(metrics.columns.series())
    if axis == "row":
        notes.append(
            Note("no-step", "every metric was logged at step 0: rows stand in", str(folder))
        )
    label = files[0]
    all_notes = (*notes, *metrics.columns.notes(label))
    return RawLog(label, Mlflow.name, axis, series, _settings(folder), all_notes)


def _placed(series: tuple[RawSeries, ...]) -> tuple[tuple[RawSeries, ...], str]:
    """The series over their steps; over rows where ``log_metric`` was called without a step."""
    if any(s.step.any() for s in series) or all(len(s.step) == 1 for s in series):
        return series, "step"
    rows = (RawSeries(s.tag, np.arange(len(s.step)), s.value, s.wall_time) for s in series)
    return tuple(rows), "row"


def _settings(folder: Path) -> dict[str, Scalar]:
    """Parameters by name, and the user's own tags as ``tags.<name>``."""
    found: dict[str, Scalar] = {}
    for kind, prefix in ((_PARAMS, ""), (_TAGS, "tags.")):
        base = folder / kind
        for parent, _, names in os.walk(base):
            for name in names:
                if name.startswith("mlflow."):
                    continue
                path = Path(parent, name)
                try:
                    text = head_text(read_head(str(path), _LONGEST_SETTING))
                except ReadError:
                    continue
                found[display_name(prefix + path.relative_to(base).as_posix())] = scalar(text)
    return dict(sorted(found.items()))


def _status_note(folder: Path) -> Iterator[Note]:
    try:
        status = _STATUS.search(head_text(read_head(str(folder / _META))))
    except ReadError:
        return
    word = _UNFINISHED.get(status[1]) if status else None
    if word:
        yield Note("run-status", f"MLflow's record says the run is {word}", str(folder / _META))


def _metrics_folder(path: str) -> Path | None:
    """The ``metrics`` folder of the run: the one beside its ``meta.yaml``, else the nearest."""
    folders = [parent for parent in Path(path).parents if parent.name == _METRICS]
    beside_meta = (f for f in folders if (f.parent / _META).is_file())
    return next(beside_meta, folders[0] if folders else None)
