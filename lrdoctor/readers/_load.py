"""Loads what was found: read, assemble, leave out what is there twice, add the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lrdoctor.errors import ReadError
from lrdoctor.plugins import discover
from lrdoctor.readers._assemble import assemble, shown
from lrdoctor.readers._discover import RunFiles
from lrdoctor.readers._same import points, same_run
from lrdoctor.readers._sidecar import MAX_SETTINGS, Configuration, configuration
from lrdoctor.readers._tails import Tails
from lrdoctor.readers._text import display_name, plain
from lrdoctor.types import Note, RawLog, Run

__all__ = ["display_name", "load"]


def load(run_files: RunFiles, tails: Tails | None = None) -> tuple[Run, ...]:
    """The runs in these files, at least one. Raises ``ReadError`` where no file can be read.

    Of files that only grow and that ``tails`` knows, no more than the new end is read.

    A file that cannot be read beside others that can is a note on each run. A run that is there in
    two formats is returned once, with a note.
    """
    runs: list[Run] = []
    failures: list[ReadError] = []
    for unit in (run_files, *run_files.others):
        logs = _read(unit, failures, tails)
        found = _own(assemble(unit.name, logs), unit)
        runs = _without_doubles(runs, found)
    if len(runs) == 1 and run_files.others:
        runs = [replace(runs[0], name=_place(run_files))]
    if not runs:
        raise failures[0] if failures else _nothing(run_files)
    lost = tuple(shown(Note("unreadable-file", e.reason, e.path)) for e in failures)
    return tuple(replace(run, notes=(*run.notes, *lost)) for run in runs)


def _place(run_files: RunFiles) -> str:
    """The folder's name: a file's set it apart from others that turned out to say the same."""
    folder, _, file = run_files.name.rpartition("/")
    if file != display_name(Path(run_files.files[0]).name):
        return run_files.name
    return folder or display_name(Path(run_files.root).resolve().name) or file


def _nothing(run_files: RunFiles) -> ReadError:
    return ReadError(display_name(run_files.files[0], 1000), "nothing was logged; still starting?")


def _read(unit: RunFiles, failures: list[ReadError], tails: Tails | None) -> list[RawLog]:
    reader = discover("readers")[unit.reader]()
    try:
        if tails is not None and hasattr(reader, "read_on"):
            return list(reader.read_on(unit.files, tails))
        return list(reader.read(unit.files))
    except ReadError as error:
        if len(unit.files) == 1:
            failures.append(error)
            return []
    logs: list[RawLog] = []
    for file in unit.files:
        try:
            logs += reader.read((file,))
        except ReadError as error:
            failures.append(error)
    return logs


def _own(runs: Sequence[Run], unit: RunFiles) -> list[Run]:
    """The runs with the configuration beside their log; what the log itself says comes first."""
    none = not runs or (unit.near is not None and not unit.near.settings)
    beside = Configuration() if none else configuration(unit.files, unit.root)
    return [_with_settings(run, beside) for run in runs]


def _with_settings(run: Run, beside: Configuration) -> Run:
    values = {**run.hparams, **{k: v for k, v in beside.hparams.items() if k not in run.hparams}}
    sources = {**beside.sources, **run.hparam_sources}
    kept = list(values)[:MAX_SETTINGS]
    notes = [*run.notes, *beside.notes]
    if len(values) > len(kept):
        text = f"{len(values) - len(kept)} settings beyond the first {MAX_SETTINGS} left out"
        notes.append(Note("settings", text))
    return replace(
        run,
        hparams={display_name(name): plain(values[name]) for name in kept},
        hparam_sources={display_name(name): sources[name] for name in kept if name in sources},
        notes=tuple(notes),
    )


def _without_doubles(runs: Sequence[Run], found: Sequence[Run]) -> list[Run]:
    """``runs`` and those of another log that are not among them."""
    kept = list(runs)
    for run in found:
        index = next((i for i, other in enumerate(runs) if same_run(other, run)), None)
        if index is None:
            kept.append(run)
        else:
            kept[index] = _fuller(kept[index], run)
    return kept


def _fuller(first: Run, second: Run) -> Run:
    """The one with more values, under the first one's name, with the settings of both."""
    kept, left = (second, first) if points(second) > points(first) else (first, second)
    text = f"the same run is also there as {left.format} with {points(left)} values; analysed once"
    note = Note("same-run", text, left.files[0] if left.files else None)
    return replace(
        kept,
        name=first.name,
        hparams={**left.hparams, **kept.hparams},
        hparam_sources={**left.hparam_sources, **kept.hparam_sources},
        notes=(*kept.notes, note),
    )
