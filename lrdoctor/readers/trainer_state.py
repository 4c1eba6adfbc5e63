"""Hugging Face ``trainer_state.json``: the log of transformers' ``Trainer``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lrdoctor.errors import ReadError
from lrdoctor.readers._collect import Collector, number
from lrdoctor.readers._text import display_name, read_document
from lrdoctor.types import Note, RawLog

_FILE = "trainer_state.json"
_HISTORY = "log_history"
_LARGEST_STEP = 1 << 62
_SUMMARY_MARK = "train_runtime"
_HISTORY_START = re.compile(rf'"{_HISTORY}"\s*:\s*\[')
_ROW_START = re.compile(r"[\s,]*\{")
_COUNT = re.compile(r'"(\w+)"\s*:\s*(\d{1,15})\s*[,\n]')


@dataclass(frozen=True, slots=True)
class TrainerState:
    """Series over ``step``, the optimizer step; the state's scalar fields become hparams."""

    name: ClassVar[str] = "trainer_state"
    patterns: ClassVar[tuple[str, ...]] = (_FILE, "*trainer_state*.json")
    priority: ClassVar[int] = 20

    def accepts(self, path: str, head: bytes) -> bool:
        """Whether the JSON object has a ``log_history``, or may have one beyond the head."""
        text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        return text.startswith(b"{") and (b'"log_history"' in text or path.endswith(_FILE))

    def read(self, files: Sequence[str]) -> Iterator[RawLog]:
        """One raw log per file."""
        for file in files:
            yield _read(file)


def _read(file: str) -> RawLog:
    state, notes = _state(file)
    history = state.get(_HISTORY)
    if not isinstance(history, list):
        raise ReadError(display_name(file, 1000), f"no list {_HISTORY!r}; is it a trainer state?")
    columns, unplaced, summary = Collector(), 0, None
    for order, row in enumerate(history):
        step = number(row.get("step")) if isinstance(row, Mapping) else None
        if step is None or not abs(step) < _LARGEST_STEP:
            unplaced += 1
            continue
        if _SUMMARY_MARK in row:
            summary = int(step)
        for tag, value in row.items():
            if tag != "step" and (found := number(value)) is not None:
                columns.add(str(tag), int(step), found, order=order)
    if unplaced:
        notes.append(Note("no-step", f"{unplaced} rows without a usable step left out", file))
    if summary is not None:
        notes.append(_summary_note(file, summary))
    hparams = {k: v for k, v in state.items() if _is_setting(k, v)}
    return RawLog(
        file, TrainerState.name, "step", columns.series(), hparams, (*notes, *columns.notes(file))
    )


def _summary_note(file: str, step: int) -> Note:
    message = "train_loss here is the mean over the run, as the Trainer writes it at the end"
    return Note("summary-row", message, file, step)


def _is_setting(key: str, value: object) -> bool:
    """A scalar of the state, except the epoch reached: as a setting it would read as a plan."""
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return key != "epoch" and isinstance(value, str | int | float)


def _state(file: str) -> tuple[dict[str, Any], list[Note]]:
    """The document, and a note where only its beginning could be used."""
    text = read_document(file)
    try:
        state = json.loads(text)
        return (state if isinstance(state, dict) else {}), []
    except RecursionError:
        raise ReadError(display_name(file, 1000), "nested too deep for a trainer state") from None
    except ValueError as error:
        rows = _whole_rows(text)
        if not rows:
            reason = f"not valid JSON ({error}); was it cut short in writing?"
            raise ReadError(display_name(file, 1000), reason) from None
        message = f"not valid JSON ({error}); the {len(rows)} rows before that are used"
        return {_HISTORY: rows, **_scalars_before(text)}, [Note("truncated", message, file)]


def _whole_rows(text: str) -> list[Any]:
    """The rows of the history that are complete in a document that is not."""
    found = _HISTORY_START.search(text)
    rows: list[Any] = []
    decoder, at = json.JSONDecoder(), found.end() if found else len(text)
    while (start := _ROW_START.match(text, at)) is not None:
        try:
            row, at = decoder.raw_decode(text, start.end() - 1)
        except (ValueError, RecursionError):
            break
        rows.append(row)
    return rows


def _scalars_before(text: str) -> dict[str, int]:
    """The counts that stand before the history; the Trainer sorts its keys."""
    head = text[: text.index(f'"{_HISTORY}"')]
    return {key: int(value) for key, value in _COUNT.findall(head)}
