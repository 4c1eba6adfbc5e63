"""Weights & Biases: the local ``.wandb`` log of a run, offline or synced.

Field numbers are those of ``wandb_internal.proto``. Only history (field 2), config (5) and the run
itself (17) are looked at; console output, system metrics and files are passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lrdoctor.errors import ReadError
from lrdoctor.readers._collect import Collector, flatten, number
from lrdoctor.readers._protobuf import BYTES, VARINT, WireError, fields, signed
from lrdoctor.readers._text import check_numbers, display_name, open_bytes
from lrdoctor.readers._wandb_log import FILE_HEADER, Damage, records
from lrdoctor.types import Note, RawLog, Scalar

_HISTORY, _CONFIG, _RUN, _RUN_CONFIG = 2, 5, 17, 4
_KEY, _NESTED_KEY, _VALUE_JSON, _STEP_NUMBER = 1, 2, 16, 1
_UPDATE = _ITEM = 1
_STEP = 2
_LONGEST_JSON = 1 << 20  # bytes; a longer value is a table or a picture
_LARGEST_STEP = float(1 << 62)


@dataclass(frozen=True, slots=True)
class Wandb:
    """Series over W&B's own ``_step`` (one per ``wandb.log`` call); config becomes hparams."""

    name: ClassVar[str] = "wandb"
    patterns: ClassVar[tuple[str, ...]] = ("*.wandb",)
    priority: ClassVar[int] = 10

    def accepts(self, path: str, head: bytes) -> bool:
        """Whether the file starts with W&B's magic bytes."""
        return head.startswith(FILE_HEADER)

    def read(self, files: Sequence[str]) -> Iterator[RawLog]:
        """One raw log per file; wall times from ``_timestamp``."""
        for file in files:
            yield _read(file)


class _Log:
    """What the records read so far have said."""

    def __init__(self) -> None:
        self.columns = Collector()
        self.hparams: dict[str, Scalar] = {}
        self.malformed = 0
        self.oversized = 0
        self.next_step = 0
        self.rows = 0

    def take(self, record: bytes) -> None:
        """Adds one record; a malformed one is counted."""
        try:
            for kind, _, body in fields(record):
                if not isinstance(body, bytes):
                    continue
                if kind == _HISTORY:
                    self._history(body)
                elif kind == _CONFIG:
                    self._config(body)
                elif kind == _RUN:
                    for inner in _children(body, _RUN_CONFIG):
                        self._config(inner)
        except WireError:
            self.malformed += 1

    def _config(self, body: bytes) -> None:
        for update in _children(body, _UPDATE):
            key, text = _item(update)
            if self._is_too_long(text):
                continue
            value = _json(text)
            if (
                isinstance(value, Mapping)
                and "value" in value
                and value.keys() <= {"value", "desc"}
            ):
                value = value["value"]
            if key != "_wandb":
                self.hparams.update(flatten(value, key))

    def _history(self, body: bytes) -> None:
        row: dict[str, float] = {}
        for item in _children(body, _ITEM):
            key, text = _item(item)
            if not self._is_too_long(text):
                _add_numbers(row, key, text)
        step = row.pop("_step", _declared_step(body, self.next_step))
        wall_time = row.pop("_timestamp", math.nan)
        row.pop("_runtime", None)
        if not abs(step) < _LARGEST_STEP:
            self.malformed += 1
            return
        self.next_step = int(step) + 1
        for tag, value in row.items():
            self.columns.add(tag, int(step), value, wall_time, self.rows)
        self.rows += 1

    def _is_too_long(self, text: bytes) -> bool:
        too_long = len(text) > _LONGEST_JSON
        self.oversized += too_long
        return too_long


def _read(file: str) -> RawLog:
    log, damage = _Log(), Damage()
    with open_bytes(file) as stream:
        for record in records(stream, damage):
            log.take(record)
            check_numbers(file, log.columns.numbers)
    if not log.columns and not log.hparams:
        reason = "no history in this W&B log; the run logged nothing, or the file is damaged"
        raise ReadError(display_name(file, 1000), reason)
    notes = (*_damage_notes(file, damage, log), *log.columns.notes(file))
    return RawLog(file, Wandb.name, "_step", log.columns.series(), log.hparams, notes)


def _damage_notes(file: str, damage: Damage, log: _Log) -> Iterator[Note]:
    if damage.truncated:
        yield Note("truncated", "ends inside a record: the run was killed or is going on", file)
    if damage.lost:
        yield Note("damaged", f"{damage.lost} bytes failed their checksum and were skipped", file)
    if damage.oversized:
        yield Note("skipped", f"{damage.oversized} records over 64 MiB were skipped", file)
    if log.oversized:
        yield Note("skipped", f"{log.oversized} values over 1 MiB of text were skipped", file)
    if log.malformed:
        message = f"{log.malformed} records could not be decoded and were skipped"
        yield Note("damaged", message, file)


def _children(body: bytes, wanted: int) -> Iterator[bytes]:
    for kind, wire_type, value in fields(body):
        if kind == wanted and wire_type == BYTES and isinstance(value, bytes):
            yield value


def _item(body: bytes) -> tuple[str, bytes]:
    """The dotted name and the JSON text of a config or history item."""
    key, nested, text = "", [], b""
    for kind, _, value in fields(body):
        if isinstance(value, bytes):
            if kind == _KEY:
                key = value.decode("utf-8", "replace")
            elif kind == _NESTED_KEY:
                nested.append(value.decode("utf-8", "replace"))
            elif kind == _VALUE_JSON:
                text = value
    return key or ".".join(nested), text


def _add_numbers(row: dict[str, float], key: str, text: bytes) -> None:
    """Adds the numbers of one item; histograms, images and tables carry a ``_type``: no numbers."""
    try:
        row[key] = float(text)
        return
    except ValueError:
        leaves = flatten(_json(text), key)
    media = tuple(name.removesuffix("_type") for name in leaves if name.endswith("._type"))
    for name, leaf in leaves.items():
        if (found := number(leaf)) is not None and not name.startswith(media):
            row[name] = found


def _declared_step(body: bytes, default: int) -> int:
    """The step of rows without ``_step``: their own step field, else the next in line."""
    for step in _children(body, _STEP):
        for kind, wire_type, value in fields(step):
            if kind == _STEP_NUMBER and wire_type == VARINT and isinstance(value, int):
                return signed(value)
        return 0  # proto3 leaves out a zero
    return default


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
